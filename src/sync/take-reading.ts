import type { SideName } from '../config/config.ts'
import { expectRecord, isAsMade } from './adopt.ts'
import type { SyncContext } from './context.ts'
import type { Found } from './counterpart.ts'
import { noteCreated } from './creating.ts'
import { type IntendedWrite, type Intent, isAlive, type Link, other, SIDES } from './link.ts'
import type { LinkTransaction } from './link-transaction.ts'
import { observe } from './observe.ts'
import { observeAnswer } from './observe-answer.ts'
import type { PeerRecord } from './peer.ts'
import type { Reading } from './readings.ts'

/** Takes what the sides show into the link. An intent whose outcome was not known is closed by it. */
export async function takeReading(
  context: SyncContext,
  transaction: LinkTransaction,
  link: Link,
  reading: Reading,
): Promise<void> {
  const { intent } = link
  delete link.intent
  for (const side of SIDES) {
    const record = reading[side]
    const intended = intent?.[side]
    if (intended?.op === 'create') await noteCreated(context, transaction, link.id, side)
    if (record === undefined) continue
    if (record === 'none') missing(link, side, intended, context)
    else takeRecord(context, link, side, record, intended, reading.askedAt)
  }
  if (reading.found) await takeFound(context, transaction, link, reading.found, intent)
  for (const side of SIDES) {
    const intended = intent?.[side]
    if (intended?.op === 'create') await expectRecord(context, transaction, link, side, intended)
  }
}

function takeRecord(
  { peers, mapping, env }: SyncContext,
  link: Link,
  side: SideName,
  record: PeerRecord,
  intended: IntendedWrite | undefined,
  askedAt: number,
): void {
  const base = { side, offsetMs: peers[side].clockOffsetMs(), now: env.clock.now(), askedAt }
  if (intended && intended.op !== 'delete') {
    // A record under an id of ours was made by us, whole: what it shows otherwise was changed since.
    const landed = intended.op === 'create' ? 'sure' : 'unknown'
    observeAnswer(link, { ...base, record, landed, intended }, mapping)
    if (!record.deleted) return
  }
  const kind = record.deleted ? ('deleted' as const) : ('present' as const)
  observe(link, { ...base, source: 'read', change: { kind, record } }, mapping)
}

/** Records of the target side that have the key of one that was to be created there. */
async function takeFound(
  { mapping, peers, env }: SyncContext,
  transaction: LinkTransaction,
  link: Link,
  found: Found,
  intent: Intent | undefined,
): Promise<void> {
  // P3: of several with its key, the one with all that it was made with is ours.
  const made = found.filter(({ side, record }) => {
    const intended = intent?.[side]
    return intended && !record.deleted && isAsMade(mapping, side, record.data, intended.values)
  })
  const [first, ...more] = made.length === 1 ? made : found
  if (!first || link[first.side]) return
  const { side, record, key } = first
  // P7: the record that it was looked for was deleted meanwhile, and must not come back for it.
  if (!intent?.[side] && (link.ended || !isAlive(link[other(side)]))) return
  const now = env.clock.now()
  const holder = await transaction.linkOf(side, record.id)
  const isTaken = holder !== undefined && holder.id !== link.id && (holder[other(side)] !== undefined || holder.intent)
  if (more.length > 0 || record.deleted || isTaken) {
    link.hold = { kind: 'ambiguous', key, since: now, ...(record.deleted && { deleted: true }) }
    return
  }
  const base = { side, offsetMs: peers[side].clockOffsetMs(), now }
  if (holder && holder.id !== link.id) await transaction.drop(holder)
  if (intent?.[side]) {
    const landed = made.length === 1 ? 'sure' : 'unknown'
    observeAnswer(link, { ...base, record, landed, intended: intent[side] }, mapping)
  } else {
    observe(link, { ...base, source: 'read', change: { kind: 'present', record } }, mapping)
  }
}

/** P7: not found is no proof of a deletion, and never a reason to create the record again. */
function missing(link: Link, side: SideName, intended: IntendedWrite | undefined, { env }: SyncContext): void {
  const seen = link[side]
  if (!seen) return
  const now = env.clock.now()
  delete seen.unclear
  delete seen.unclearSince
  if (seen.deleted) return
  // P7: a delete is done when the side says so to the delete itself.
  if (intended?.op === 'delete') return
  seen.missing = true
  link.hold ??= { kind: 'missing', side, since: now }
}
