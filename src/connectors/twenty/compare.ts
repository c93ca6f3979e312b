import type { Row } from '../../clients/twenty/records.ts'
import type { TwentyObject } from '../../clients/twenty/schema.ts'
import { instantOf, timeOf } from '../../clients/twenty/times.ts'
import type { ChangeEvent } from '../../event.ts'
import type { Write } from '../../state/state-store.ts'
import { type Known, type KnownRecords, knownAs, recordHash } from '../known-records.ts'
import { canonicalRecord } from './canonical-record.ts'
import { type Action, eventOf } from './events.ts'

/** What a first walk, which has nothing to compare with, makes of a record. */
export interface FirstWalk {
  /** Server time at its start, milliseconds: what changed since is news. */
  readonly startMs: number
  /** Every record is given as created. */
  readonly snapshot: boolean
}

export interface Comparison {
  readonly events: readonly ChangeEvent[]
  /** To be committed once the events are in the log. */
  readonly writes: readonly Write[]
  /** Records whose position or author alone changed. */
  readonly positionOnly: number
}

/** Compares rows of a poll with how their records were last seen. */
export async function compareRows(
  rows: readonly Row[],
  object: TwentyObject,
  records: KnownRecords,
  options: { readonly system: string; readonly knownFromMs: number; readonly first?: FirstWalk },
): Promise<Comparison> {
  const known = await records.of(
    object.name,
    rows.map(row => row.id),
  )
  const events: ChangeEvent[] = []
  const writes: Write[] = []
  let positionOnly = 0
  for (const [place, row] of rows.entries()) {
    const updatedAt = instantOf(row.updatedAt)
    const time = timeOf(row)
    if (updatedAt === undefined || time === undefined) continue
    const earlier = known[place]
    // A webhook was faster, or the page is older than what was seen already.
    if (earlier && earlier.t > updatedAt) continue
    const canonical = canonicalRecord(row, object)
    const hash = recordHash(canonical)
    const now = knownAs({ t: updatedAt, deleted: Boolean(row.deletedAt), hash, canonical })
    if (earlier && earlier.t === now.t && earlier.h === hash && earlier.d === now.d) continue
    writes.push({ key: records.key(object.name, row.id), value: now })
    const action = actionFor(row, now, earlier, options)
    if (!action && earlier) positionOnly++
    if (!action) continue
    const changed = changesOf(action, earlier, now)
    const parts = { system: options.system, object: object.name, action, record: row, hash, time, changed }
    events.push(eventOf({ ...parts, via: 'poll' }))
  }
  return { events, writes, positionOnly }
}

/** undefined: nothing that anybody wants to hear of. */
function actionFor(
  row: Row,
  now: Known,
  earlier: Known | undefined,
  { knownFromMs, first }: { readonly knownFromMs: number; readonly first?: FirstWalk },
): Action | undefined {
  if (!earlier) {
    const isNew = (instantOf(row.createdAt) ?? 0) >= knownFromMs
    if (!first) return now.d ? 'deleted' : isNew ? 'created' : 'updated'
    if (first.snapshot) return now.d ? undefined : 'created'
    if (now.t < first.startMs) return undefined
    return now.d ? 'deleted' : isNew ? 'created' : 'updated'
  }
  if (now.d && !earlier.d) return 'deleted'
  if (earlier.d && !now.d) return 'restored'
  // The position or the author alone is no change of content.
  return earlier.h === now.h ? undefined : 'updated'
}

function changesOf(action: Action, earlier: Known | undefined, now: Known): string[] | undefined {
  if (action === 'created' || !earlier) return undefined
  const names = new Set([...Object.keys(earlier.f), ...Object.keys(now.f)])
  const changed = [...names].filter(name => earlier.f[name] !== now.f[name])
  return action === 'updated' ? changed : ['deletedAt', ...changed]
}
