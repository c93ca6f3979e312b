import type { SideName } from '../config/config.ts'
import type { SyncError } from '../errors.ts'
import type { SyncContext } from './context.ts'
import { type IntendedWrite, type Link, other } from './link.ts'
import type { LinkTransaction } from './link-transaction.ts'
import { observe } from './observe.ts'
import { observeAnswer } from './observe-answer.ts'
import type { PeerOutcome, PeerRecord } from './peer.ts'

export interface Answer {
  /** Whether it was written is unknown. */
  readonly isOpen: boolean
  readonly error?: SyncError
}

/** Takes the answer of a write into its link. */
export async function answerOf(
  context: SyncContext,
  transaction: LinkTransaction,
  link: Link,
  side: SideName,
  intended: IntendedWrite,
  outcome: PeerOutcome,
): Promise<Answer> {
  const { peers, mapping, env } = context
  const now = env.clock.now()
  const base = { side, offsetMs: peers[side].clockOffsetMs(), now }
  switch (outcome.status) {
    case 'written': {
      const { record, exact } = outcome
      observeAnswer(link, { ...base, record, landed: exact ? 'exact' : 'sure', intended }, mapping)
      return { isOpen: false }
    }
    case 'changed':
      observe(link, { ...base, source: 'read', change: { kind: 'present', record: outcome.record } }, mapping)
      return { isOpen: false }
    case 'deleted':
      deletedByUs(link, side, outcome.version, now)
      return { isOpen: false }
    case 'gone':
      if (intended.op === 'delete') deletedByUs(link, side, undefined, now)
      else {
        if (link[side]) link[side].missing = true
        link.hold ??= { kind: 'missing', side, since: now }
      }
      return { isOpen: false }
    case 'taken':
      await taken(context, transaction, link, side, outcome.record)
      return { isOpen: false }
    case 'failed':
      return failed(link, side, outcome.error, now)
  }
}

function deletedByUs(link: Link, side: SideName, version: string | undefined, now: number): void {
  const seen = link[side]!
  seen.version = version ?? seen.version
  // Taking back an undone deletion leaves it as somebody else's, which the other side has yet to follow.
  seen.deleted = { version: seen.version, at: now, proof: seen.undeleted ? 'event' : 'ours' }
  delete seen.undeleted
}

/** The key belongs to a record that was made in the meantime, or lies in the trash. */
async function taken(
  { peers, mapping, env }: SyncContext,
  transaction: LinkTransaction,
  link: Link,
  side: SideName,
  record: PeerRecord | undefined,
): Promise<void> {
  const now = env.clock.now()
  const holder = record && (await transaction.linkOf(side, record.id))
  const isFree = record && !record.deleted && (!holder || holder.id === link.id || !holder[other(side)])
  if (!isFree || link[side] || holder?.intent) {
    const key = link[other(side)]?.keys[0] ?? ''
    link.hold = { kind: 'ambiguous', key, since: now, ...(record?.deleted && { deleted: true }) }
    return
  }
  if (holder && holder.id !== link.id) await transaction.drop(holder)
  const change = { kind: 'present' as const, record }
  observe(link, { side, source: 'read', change, offsetMs: peers[side].clockOffsetMs(), now }, mapping)
}

function failed(link: Link, side: SideName, error: SyncError, now: number): Answer {
  if (error.outcomeUnknown) return { isOpen: true, error }
  if (error.kind === 'rejected') {
    const { code, message } = error
    link.hold = { kind: 'rejected', side, code, message, since: now, agreement: link.agreement }
    return { isOpen: false }
  }
  return { isOpen: false, error }
}
