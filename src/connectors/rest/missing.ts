import type { CallOptions, RestClient } from '../../clients/rest/client.ts'
import { readMany } from '../../clients/rest/read.ts'
import type { ResourceConfig } from '../../clients/rest/resource-config.ts'
import type { Environment } from '../../environment.ts'
import type { ChangeEvent } from '../../event.ts'
import { shortHash } from '../../identity.ts'
import type { Write } from '../../state/state-store.ts'
import type { Known, KnownRecords } from '../known-records.ts'
import { compareRecords } from './compare.ts'
import { eventOf } from './events.ts'

export interface MissingOptions {
  readonly client: RestClient
  readonly records: KnownRecords
  readonly env: Environment
  readonly object: string
  readonly resource: ResourceConfig
  /** Percentage of the known records that may be missing at once. */
  readonly guardPercent: number
}

const CONFIRM = 50
/** So few may be missing whatever their share. */
const ALWAYS_BELIEVED = 20

/** Ids that a walk has seen, small: two that coincide only hide a deleted record until the next walk. */
export class SeenIds {
  readonly #ids = new Set<number>()

  add(id: string): void {
    this.#ids.add(shortId(id))
  }

  has(id: string): boolean {
    return this.#ids.has(shortId(id))
  }

  get size(): number {
    return this.#ids.size
  }
}

/**
 * What a complete walk did not show although it was known before. P7: a record counts as deleted only after a complete
 * walk, in believable numbers, and when a look at its very id finds nothing. An empty list deletes nothing.
 */
export async function* findMissing(
  seen: SeenIds,
  startMs: number,
  options: MissingOptions,
  callOptions: CallOptions,
): AsyncGenerator<{ events: readonly ChangeEvent[]; writes: readonly Write[] }> {
  const { client, env, guardPercent, object, records, resource } = options
  const missing: { id: string; known: Known }[] = []
  let count = 0
  for await (const { id, t, known } of records.all(object)) {
    // Lists leave out what lies in the trash.
    if (known.d) continue
    count++
    if (!seen.has(id) && t < startMs) missing.push({ id, known })
  }
  if (missing.length === 0) return
  if (seen.size === 0 || missing.length > Math.max(ALWAYS_BELIEVED, (count * guardPercent) / 100)) {
    env.logger.warn(
      { connector: client.name, object, missing: missing.length, known: count },
      `${missing.length} of ${count} ${object} are not in ${client.name} any more: too many to believe, so none is given as deleted. Raise deletedGuard if it is true`,
    )
    return
  }
  for (let from = 0; from < missing.length; from += CONFIRM) {
    const part = missing.slice(from, from + CONFIRM)
    const ids = part.map(({ id }) => id)
    const found = await readMany(client, resource, ids, callOptions)
    const there = found.filter(record => record !== undefined)
    const compared = await compareRecords(there, options)
    const gone = part.filter((_, at) => found[at] === undefined)
    yield {
      events: [...compared.events, ...gone.map(each => destroyed(each, startMs, client.name, object))],
      writes: [...compared.writes, ...gone.map(({ id }) => ({ key: records.key(object, id) }))],
    }
  }
}

function destroyed(
  { id, known }: { id: string; known: Known },
  startMs: number,
  system: string,
  object: string,
): ChangeEvent {
  return eventOf({
    system,
    object,
    action: 'destroyed',
    id,
    timeMs: Math.max(startMs, known.t),
    // One that comes back under its id and goes again is another change.
    identity: ['destroyed', String(known.t), known.h],
    data: { id },
    extensions: { via: 'poll' },
  })
}

function shortId(id: string): number {
  return Number.parseInt(shortHash(id).slice(0, 12), 16)
}
