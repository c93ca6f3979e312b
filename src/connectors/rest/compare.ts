import type { RestClient } from '../../clients/rest/client.ts'
import { contentOf, type RestRecord } from '../../clients/rest/record.ts'
import type { ResourceConfig } from '../../clients/rest/resource-config.ts'
import type { ChangeEvent } from '../../event.ts'
import type { Write } from '../../state/state-store.ts'
import { type Known, type KnownRecords, knownAs, recordHash } from '../known-records.ts'
import { type Action, eventOf, stateIdentity } from './events.ts'

export interface Comparison {
  readonly events: readonly ChangeEvent[]
  /** To be stored once the events are in the log. */
  readonly writes: readonly Write[]
}

export interface CompareOptions {
  readonly client: RestClient
  readonly records: KnownRecords
  readonly object: string
  readonly resource: ResourceConfig
  /** The first walk, which has nothing to compare with: what changed since its start is news, and all when `snapshot`. */
  readonly first?: { readonly startMs: number; readonly snapshot: boolean }
}

/** Compares records of a poll with how they were last seen. */
export async function compareRecords(rows: readonly RestRecord[], options: CompareOptions): Promise<Comparison> {
  const { client, records, object, resource, first } = options
  const ids = rows.map(({ id }) => id)
  const known = await records.of(object, ids)
  const events: ChangeEvent[] = []
  const writes: Write[] = []
  for (const [place, row] of rows.entries()) {
    const earlier = known[place]
    const t = row.updatedAt ?? client.observedAt()
    // A webhook was faster, or the page is older than what was seen already.
    if (earlier && earlier.t > t) continue
    const canonical = contentOf(row.data, resource)
    const hash = recordHash(canonical)
    const now = knownAs({ t, deleted: row.deleted, hash, canonical })
    const isSame = earlier?.h === hash && earlier.d === now.d
    if (isSame && (row.updatedAt === undefined || earlier.t === t)) continue
    writes.push({ key: records.key(object, row.id), value: now })
    const action = isSame ? undefined : actionFor(row, t, now, earlier, first)
    if (!action) continue
    const before = earlier && earlier.t === t ? earlier.h : undefined
    events.push(
      eventOf({
        system: client.name,
        object,
        action,
        id: row.id,
        timeMs: t,
        identity: stateIdentity({ deleted: row.deleted, t, hash, ...(before !== undefined && { before }) }),
        data: row.data,
        ...(earlier && { changed: changedBetween(earlier, now) }),
        extensions: { via: 'poll' },
      }),
    )
  }
  return { events, writes }
}

/** undefined: nothing that anybody wants to hear of. */
function actionFor(
  row: RestRecord,
  t: number,
  now: Known,
  earlier: Known | undefined,
  first: CompareOptions['first'],
): Action | undefined {
  if (earlier) return now.d && !earlier.d ? 'deleted' : earlier.d && !now.d ? 'restored' : 'updated'
  // Never heard of, and in the trash already.
  if (now.d) return undefined
  if (!first || first.snapshot) return 'created'
  return row.updatedAt !== undefined && t >= first.startMs ? 'created' : undefined
}

function changedBetween(earlier: Known, now: Known): string[] {
  const names = new Set([...Object.keys(earlier.f), ...Object.keys(now.f)])
  return [...names].filter(name => earlier.f[name] !== now.f[name])
}
