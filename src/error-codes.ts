import { ENGINE_CODES } from './error-codes/engine.ts'
import { FLOW_CODES } from './error-codes/flows.ts'
import { INTAKE_CODES } from './error-codes/intake.ts'
import { OPERATION_CODES } from './error-codes/operations.ts'
import { SYNC_CODES } from './error-codes/syncs.ts'
import { SYSTEM_CODES } from './error-codes/systems.ts'
import type { ErrorKind } from './errors.ts'

/**
 * Where a code is seen: as an error of one of the three kinds; `answer`, only in an HTTP answer; `state`, only as the
 * reason in a status, a parked event or a command's JSON.
 */
export type CodeKind = ErrorKind | 'answer' | 'state'

export interface ErrorCode {
  readonly kinds: readonly CodeKind[]
  readonly means: string
  /** For the person who reads it. */
  readonly advice: string
}

export type ErrorCodes = Readonly<Record<string, ErrorCode>>

export interface CodeGroup {
  readonly title: string
  readonly codes: ErrorCodes
}

/** Every code that the project can show. Codes are stable: one that was released is never renamed or used for another thing. */
export const CODE_GROUPS: readonly CodeGroup[] = [
  { title: 'Taking events in', codes: INTAKE_CODES },
  { title: 'Flows and their steps', codes: FLOW_CODES },
  { title: 'Two-way syncs', codes: SYNC_CODES },
  { title: 'Twenty and other systems', codes: SYSTEM_CODES },
  { title: 'Log and state', codes: ENGINE_CODES },
  { title: 'Start, commands and control', codes: OPERATION_CODES },
]

export const ERROR_CODES: ErrorCodes = Object.assign({}, ...CODE_GROUPS.map(({ codes }) => codes))
