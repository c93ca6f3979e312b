import type { Clock } from '../environment.ts'
import type { Fields } from '../event.ts'
import { canonicalJson, shortHash } from '../identity.ts'
import type { StateStore, Write } from '../state/state-store.ts'

/** What is remembered of a record: enough to tell whether it was seen like this, and what changed since. */
export interface Known {
  /** `updatedAt` in milliseconds. */
  readonly t: number
  /** In the trash. */
  readonly d?: 1
  /** Of the canonical record. */
  readonly h: string
  /** Per field, short. */
  readonly f: Readonly<Record<string, string>>
}

interface Seen {
  readonly object: string
  readonly id: string
  /** Absent: destroyed. */
  readonly state?: SeenState
}

export interface SeenState {
  readonly t: number
  readonly deleted: boolean
  readonly hash: string
  readonly canonical: Fields
}

const FLUSH_MS = 5000
const FLUSH_AT = 500
const PAGE = 200

/**
 * Per record of a connector, how it was last seen, so that a poll gives no event for what a webhook brought already.
 * Losing a note costs an event that is given again under the same id, so webhooks' notes are gathered before they are
 * written; they are taken only when their events are durable.
 */
export class KnownRecords {
  readonly #connector: string
  readonly #state: StateStore
  readonly #clock: Clock
  #pending = new Map<string, Seen>()
  #cancel: (() => void) | undefined

  constructor(connector: string, state: StateStore, clock: Clock) {
    this.#connector = connector
    this.#state = state
    this.#clock = clock
  }

  key(object: string, id: string): string {
    return `${this.prefix(object)}${id}`
  }

  prefix(object: string): string {
    return `{connector/${this.#connector}}:record:${object}:`
  }

  /** A webhook's event is durable. */
  note(seen: Seen): void {
    const key = this.key(seen.object, seen.id)
    const earlier = this.#pending.get(key)
    if (earlier?.state && seen.state && earlier.state.t > seen.state.t) return
    this.#pending.set(key, seen)
    if (this.#pending.size >= FLUSH_AT) void this.flush()
    else this.#cancel ??= this.#clock.after(FLUSH_MS, () => void this.flush(), { background: true })
  }

  /** Never throws: a note that cannot be written is dropped. */
  async flush(): Promise<void> {
    this.#cancel?.()
    this.#cancel = undefined
    const pending = [...this.#pending]
    this.#pending = new Map()
    for (let from = 0; from < pending.length; from += PAGE) {
      await this.#write(pending.slice(from, from + PAGE)).catch(() => {})
    }
  }

  /** What is known of each, in order; the notes that are not written yet included. */
  async of(object: string, ids: readonly string[]): Promise<(Known | undefined)[]> {
    const keys = ids.map(id => this.key(object, id))
    const entries = await this.#state.get(keys)
    return entries.map((entry, place) => {
      const known = entry?.value as Known | undefined
      const noted = this.#pending.get(keys[place]!)?.state
      return noted && !(known && known.t > noted.t) ? knownAs(noted) : known
    })
  }

  /** Ids of all records of the object that are known, with when they last changed. */
  async *all(object: string): AsyncIterable<{ id: string; t: number; known: Known }> {
    const prefix = this.prefix(object)
    for await (const { key, value } of this.#state.scan(prefix)) {
      const known = value as Known
      yield { id: key.slice(prefix.length), t: known.t, known }
    }
  }

  async #write(pending: readonly [string, Seen][]): Promise<void> {
    const entries = await this.#state.get(pending.map(([key]) => key))
    const writes = pending.flatMap(([key, { state }], place): Write[] => {
      const known = entries[place]?.value as Known | undefined
      if (!state) return known ? [{ key }] : []
      if (known && known.t > state.t) return []
      return [{ key, value: knownAs(state) }]
    })
    if (writes.length > 0) await this.#state.commit(writes)
  }
}

export function knownAs({ t, deleted, hash, canonical }: SeenState): Known {
  return { t, ...(deleted && { d: 1 as const }), h: hash, f: fieldHashes(canonical) }
}

/** Of a canonical record. Equal content has an equal hash, whatever the order of keys. */
export function recordHash(canonical: Fields): string {
  return shortHash(canonicalJson(canonical))
}

/** A few characters per field: enough to tell which ones changed. */
export function fieldHashes(canonical: Fields): Record<string, string> {
  return Object.fromEntries(
    Object.entries(canonical).map(([name, value]) => [name, shortHash(canonicalJson(value)).slice(0, 8)]),
  )
}
