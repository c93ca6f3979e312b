import { isFields } from '../../clients/rest/paths.ts'
import type { PollRun } from '../connector.ts'
import type { SinceValue } from './since.ts'

/** Where the runs of an HTTP poll are; JSON, stored after each page. */
export interface PollCursor {
  /** The schedule that the times below are of. */
  readonly schedule: string
  /** What was due until then was run, or left out for good. Our clock, milliseconds. */
  readonly settledAt: number
  /** When the last run was due. */
  readonly dueAt?: number
  /** What the next run asks from on. */
  readonly since?: StoredSince
  readonly run?: OpenRun
  readonly last?: PollRun
}

export interface StoredSince {
  readonly value: SinceValue
  /** The parameter and expression that it is of: another one's value means nothing. */
  readonly of: string
}

/** A run that goes on. */
export interface OpenRun extends PollRun {
  /** Where its next page begins; absent before the first. */
  readonly next?: unknown
  /** The request that `next` is of. */
  readonly of: string
  /** What the run after this one is to ask from on, as far as is known. */
  readonly since?: SinceValue
  /** When it last began anew, because the API did not know its page any more. */
  readonly restartedAt?: number
}

/** Anything else than a cursor of ours begins anew. */
export function cursorFrom(value: unknown): PollCursor | undefined {
  return isFields(value) && typeof value.settledAt === 'number' && typeof value.schedule === 'string'
    ? (value as unknown as PollCursor)
    : undefined
}

/** A run as it is shown, without what only its walk needs. */
export function shown({ next: _, of: __, since: ___, restartedAt: ____, ...run }: OpenRun): PollRun {
  return run
}
