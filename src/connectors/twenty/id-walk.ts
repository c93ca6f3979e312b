import type { TwentyClient } from '../../clients/twenty/client.ts'
import { anyOf, EVERYTHING, withDeleted } from '../../clients/twenty/filter.ts'
import type { TwentyObject, TwentySchema } from '../../clients/twenty/schema.ts'
import type { Environment } from '../../environment.ts'
import type { ChangeEvent } from '../../event.ts'
import { shortHash } from '../../identity.ts'
import type { Write } from '../../state/state-store.ts'
import type { KnownRecords } from '../known-records.ts'
import { eventOf } from './events.ts'

export interface IdWalkOptions {
  readonly system: string
  readonly client: TwentyClient
  readonly records: KnownRecords
  readonly env: Environment
  readonly objects: readonly string[]
  /** Percentage of the known records that may be missing at once. */
  readonly guardPercent: number
}

export interface Destroyed {
  readonly events: readonly ChangeEvent[]
  /** To be stored once the events are in the log: that these records are forgotten. */
  readonly notes: readonly Write[]
}

/** Pages per poll, so that the polls go on between them. */
const PAGES_AT_ONCE = 20
const CONFIRM = 200
/** So few may be missing whatever their share. */
const ALWAYS_BELIEVED = 20

/**
 * Finds records that were destroyed: these leave no trace in Twenty, so all ids are walked and compared with the ones
 * that are known. P7: a record counts as destroyed only after a complete walk, in believable numbers, and when a
 * look at its very id finds nothing.
 */
export class IdWalk {
  readonly #options: IdWalkOptions
  #todo: string[]
  #ids = new Set<number>()
  #after: string | undefined
  #startedAt = 0

  constructor(options: IdWalkOptions) {
    this.#options = options
    this.#todo = [...options.objects]
  }

  /** Some pages further. Done when it returns no promise of more. */
  async *step(schema: TwentySchema, signal: AbortSignal): AsyncGenerator<Destroyed> {
    for (let pages = 0; pages < PAGES_AT_ONCE && this.#todo.length > 0; pages++) {
      const object = schema.objects.get(this.#todo[0]!)
      if (object && !(await this.#page(object, signal))) continue
      if (object) yield* this.#missing(object, signal)
      this.#todo.shift()
      this.#ids = new Set()
      this.#after = undefined
    }
  }

  get done(): boolean {
    return this.#todo.length === 0
  }

  /** True when it was the last page of the object. */
  async #page(object: TwentyObject, signal: AbortSignal): Promise<boolean> {
    const { client, env } = this.#options
    const query = { filter: EVERYTHING, after: this.#after, fields: ['id'] }
    const page = await client.find(object, query, { signal, priority: 'replay' })
    if (this.#after === undefined) this.#startedAt = page.servedAt ?? env.clock.now()
    for (const row of page.rows) this.#ids.add(shortId(row.id))
    const last = page.next === undefined || page.next === this.#after
    this.#after = page.next
    return last
  }

  async *#missing(object: TwentyObject, signal: AbortSignal): AsyncGenerator<Destroyed> {
    const { env, guardPercent, records, system } = this.#options
    const missing: string[] = []
    let known = 0
    for await (const { id, t } of records.all(object.name)) {
      known++
      if (!this.#ids.has(shortId(id)) && t < this.#startedAt) missing.push(id)
    }
    if (missing.length === 0) return
    const believed = Math.max(ALWAYS_BELIEVED, (known * guardPercent) / 100)
    if (this.#ids.size === 0 || missing.length > believed) {
      env.logger.warn(
        { connector: system, object: object.name, missing: missing.length, known },
        `${missing.length} of ${known} ${object.plural} are not in Twenty any more: too many to believe, so none is given as destroyed. Raise destroyedGuard if it is true`,
      )
      return
    }
    for (let from = 0; from < missing.length; from += CONFIRM) {
      yield await this.#confirm(object, missing.slice(from, from + CONFIRM), signal)
    }
  }

  async #confirm(object: TwentyObject, ids: readonly string[], signal: AbortSignal): Promise<Destroyed> {
    const { client, records, system } = this.#options
    const { rows } = await client.find(
      object,
      { filter: withDeleted(anyOf('id', ids)) },
      { signal, priority: 'replay' },
    )
    const there = new Set(rows.map(row => row.id))
    const gone = ids.filter(id => !there.has(id))
    const time = new Date(this.#startedAt).toISOString()
    return {
      events: gone.map(id =>
        eventOf({ system, object: object.name, action: 'destroyed', record: { id }, hash: '', time, via: 'poll' }),
      ),
      notes: gone.map(id => ({ key: records.key(object.name, id) })),
    }
  }
}

/** 48 bits: a number instead of a text per id. Two that coincide only hide a destroyed record until the next walk. */
function shortId(id: string): number {
  return Number.parseInt(shortHash(id).slice(0, 12), 16)
}
