import { isFields } from '../../clients/rest/paths.ts'
import { instantOf, isoOf } from '../../clients/rest/times.ts'
import type { Expression } from '../../config/definition.ts'
import { type ChangeEvent, type Fields, typeOf } from '../../event.ts'
import { derivedId } from '../../identity.ts'
import type { Write } from '../../state/state-store.ts'
import { type Known, type KnownRecords, knownAs, recordHash } from '../known-records.ts'

export interface ItemOptions {
  readonly connector: string
  readonly object: string
  readonly records: KnownRecords
  readonly key?: Expression
  readonly updated?: Expression
  readonly idempotency?: Expression
  readonly repeat: boolean
}

/** An item of a page. */
export interface PollItem {
  /** What tells it from the others of the list. */
  readonly id: string
  readonly data: Fields
  readonly raw: Uint8Array
  readonly hash: string
  readonly key?: string
  readonly idempotency?: string
  /** Milliseconds, by the API. */
  readonly updated?: number
}

export interface ItemEvents {
  readonly events: readonly ChangeEvent[]
  /** What is to be remembered of the items, with the cursor. */
  readonly notes: readonly Write[]
  readonly dropped: Readonly<Record<string, number>>
}

/** How an item was last seen. */
interface Seen extends Known {
  /** How many other states it had under the same time. */
  readonly n: number
}

/** Where the API gives none. */
const NO_TIME = 0
const MAX_KEY_LENGTH = 512
/** What a topic takes in one record, less what the attributes of an event may need. */
const MAX_ITEM_BYTES = 1024 * 1024 - 16 * 1024

/** Reads items as the API gives them, and makes events of those that say something new. */
export class ItemReader {
  readonly #options: ItemOptions

  constructor(options: ItemOptions) {
    this.#options = options
  }

  /** A value that is no map is the `value` of one. An expression that an item does not fulfil says nothing of it. */
  read(value: unknown): PollItem {
    const data = isFields(value) ? value : { value }
    const hash = recordHash(data)
    const key = textOf(this.#options.key, data)
    const idempotency = textOf(this.#options.idempotency, data)
    const updated = instantOf(timeValue(evaluated(this.#options.updated, data)))
    return {
      id: idempotency ?? key ?? hash,
      data,
      raw: Buffer.from(JSON.stringify(data)),
      hash,
      ...(key !== undefined && { key }),
      ...(idempotency !== undefined && { idempotency }),
      ...(updated !== undefined && { updated }),
    }
  }

  /**
   * Events of some items of a page. Asked again before the notes were stored, it gives the same ids: whatever of them is in
   * the log already is not there twice. `startedAt`: of the run, milliseconds.
   */
  async events(items: readonly PollItem[], startedAt: number): Promise<ItemEvents> {
    const { records, object } = this.#options
    const remembered = items.filter(item => this.#isRemembered(item))
    const keys = remembered.map(({ key }) => key!)
    const found = await records.of(object, keys)
    const known = new Map(keys.map((key, place) => [key, found[place] as Seen | undefined]))
    const events: ChangeEvent[] = []
    const notes = new Map<string, Write>()
    const dropped: Record<string, number> = {}
    for (const item of items) {
      const earlier = item.key === undefined ? undefined : known.get(item.key)
      const now = this.#isRemembered(item) ? stateOf(item, earlier) : undefined
      const reason = reasonToDrop(item, now, earlier)
      if (reason !== undefined) {
        dropped[reason] = (dropped[reason] ?? 0) + 1
        continue
      }
      events.push(this.#event(item, now, earlier, startedAt))
      if (!now) continue
      known.set(item.key!, now)
      notes.set(item.key!, { key: records.key(object, item.key!), value: now })
    }
    return { events, notes: [...notes.values()], dropped }
  }

  #isRemembered({ key, idempotency }: PollItem): boolean {
    return key !== undefined && idempotency === undefined && !this.#options.repeat
  }

  #event(item: PollItem, now: Seen | undefined, earlier: Seen | undefined, startedAt: number): ChangeEvent {
    const { connector, object } = this.#options
    const id = derivedId('http-poll', connector, object, ...this.#identity(item, now, startedAt))
    const key = item.key ?? id
    return {
      id,
      type: typeOf(connector, object, 'received'),
      source: `/${connector}`,
      subject: `${object}/${key}`,
      time: isoOf(item.updated ?? startedAt),
      key,
      ...(now && earlier && { changed: changedFields(earlier.f, now.f) }),
      data: item.data,
      raw: item.raw,
    }
  }

  #identity(item: PollItem, now: Seen | undefined, startedAt: number): string[] {
    const { key, hash, idempotency, updated } = item
    if (idempotency !== undefined) return ['given', idempotency]
    if (this.#options.repeat) return ['run', String(startedAt), key ?? '', hash]
    if (!now) return updated === undefined ? ['content', hash] : ['content', hash, String(updated)]
    return ['keyed', key!, String(now.t), String(now.n), hash]
  }
}

/** A value that comes back is another change, also within one coarse time: the states under a time are counted. */
function stateOf({ data, hash, updated }: PollItem, earlier: Seen | undefined): Seen {
  const t = updated ?? NO_TIME
  const n = earlier?.t === t ? earlier.n + 1 : 0
  return { ...knownAs({ t, deleted: false, hash, canonical: data }), n }
}

function reasonToDrop({ raw, updated }: PollItem, now: Seen | undefined, earlier: Seen | undefined) {
  if (raw.length > MAX_ITEM_BYTES) return 'too-large'
  if (!now || !earlier) return undefined
  if (earlier.h === now.h && (updated === undefined || earlier.t === now.t)) return 'unchanged'
  // Another page of the run, or another server behind the address, was further already.
  return updated !== undefined && earlier.t > now.t ? 'older' : undefined
}

function changedFields(before: Known['f'], after: Known['f']): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(name => before[name] !== after[name])
}

function evaluated(expression: Expression | undefined, data: Fields): unknown {
  try {
    return expression?.evaluate({ data })
  } catch {
    // An item must not be lost, nor hold up the others, because it lacks something: the flow judges it.
    return undefined
  }
}

function textOf(expression: Expression | undefined, data: Fields): string | undefined {
  const value = evaluated(expression, data)
  if (value === undefined || value === null || value === '' || typeof value === 'object') return undefined
  const text = String(value)
  return text.length <= MAX_KEY_LENGTH ? text : undefined
}

function timeValue(value: unknown): unknown {
  return value instanceof Date ? value.getTime() : value
}
