import type { SideName, SyncConfig } from '../config/config.ts'
import { derivedId } from '../identity.ts'
import type { Held, Link } from './link.ts'
import type { Mapping } from './mapping.ts'

/**
 * The question about one pair of records, as one state row. It says what stands in the task, so that an answer is
 * understood as it was asked.
 *   opening    its task is about to be made
 *   open       a person is asked
 *   closing    nothing is contested any more; the task does not say so yet
 *   dismissed  a person deleted the task, and is not asked the same again
 *   closed     kept for its number alone
 */
export interface Question {
  readonly phase: 'opening' | 'open' | 'closing' | 'dismissed' | 'closed'
  /** Of this pair, counted from 1. */
  readonly number: number
  readonly task: string
  readonly openedAt: number
  /** Fields as the task shows their contest; those that were decided since, too. */
  readonly asked: Readonly<Record<string, Asked>>
  /** Those of them that the task still asks about. */
  readonly open: readonly string[]
  /** Body as last written, without ticks. Lines that are not in it are a person's. */
  readonly body?: string
  /** Version of the task after the last write of ours. */
  readonly version?: string
  readonly writtenAt?: number
  /** An event told of a change of the task that was not looked at yet. */
  readonly heard?: string
}

export type Asked = Pick<Held, 'kind' | 'since' | 'left' | 'right'>

/** Over all questions of a sync. */
export interface Board {
  /** Tasks that are open or about to be: questions in the phases opening, open and closing. */
  readonly open: number
  readonly summary?: Summary
  /** Summary tasks so far. */
  readonly summaries?: number
}

/** The task that says how many questions wait. */
export interface Summary {
  readonly phase: 'opening' | 'open' | 'closing' | 'dismissed'
  readonly task: string
  /** How many wait, as it says. */
  readonly count: number
  readonly body?: string
}

export const NO_BOARD: Board = { open: 0 }

/** Its task takes one of the places. */
export function takesPlace(question: Question | undefined): question is Question {
  return question?.phase === 'opening' || question?.phase === 'open' || question?.phase === 'closing'
}

/** What a person is to decide about the pair now. */
export function contestedOf(link: Link | undefined, { fields }: Mapping): Record<string, Asked> {
  if (!link || link.ended) return {}
  const held = fields.flatMap(({ name }) => {
    const field = link.fields[name]
    return field?.held ? [[name, askedOf(field.held)] as const] : []
  })
  return Object.fromEntries(held)
}

/** While it is open whether a record lives, nobody is asked about its fields. */
export function mayBeAsked(link: Link): boolean {
  return !link.ended && (link.hold === undefined || link.hold.kind === 'rejected')
}

function askedOf({ kind, since, left, right }: Held): Asked {
  return { kind, since, left, right }
}

/** The same contest: values may have become better known, and a loop goes on. */
export function isSameContest(a: Asked | undefined, b: Asked): boolean {
  return a !== undefined && a.kind === b.kind && a.since === b.since
}

/** P3: the same in every process; never that of an earlier question, which may lie in the trash. */
export function taskIdOf(
  identity: string,
  link: string,
  number: number,
  asked: Readonly<Record<string, Asked>>,
): string {
  const newest = Math.max(...Object.values(asked).map(({ since }) => since))
  return derivedId('question', identity, link, String(number), String(newest))
}

/**
 * The side whose value stays where the task is set to done without a tick: that of the workspace which holds the task;
 * where it holds neither or both of them, the left one.
 */
export function homeOf({ tasks, left, right }: SyncConfig): SideName {
  return tasks?.system === right.system && left.system !== right.system ? 'right' : 'left'
}
