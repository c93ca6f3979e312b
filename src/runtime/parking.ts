import { decodeEvent, encodeEvent } from '../cloudevents.ts'
import type { Environment } from '../environment.ts'
import type { SyncError } from '../errors.ts'
import type { LoggedEvent } from '../log/event-log.ts'
import type { StateStore } from '../state/state-store.ts'
import type { FlowKeys } from './flow-keys.ts'
import { parkedDelayMs } from './retry.ts'

/** An event that waits for its next try, or behind one that does. */
export interface ParkedEvent {
  readonly logged: LoggedEvent
  /** Tries so far; 0 for one that only waits behind another. */
  attempt: number
  /** When the first try failed; milliseconds since the epoch. */
  readonly firstAt: number
  dueAt: number
  readonly code: string
  readonly message: string
}

interface Stored {
  readonly lane: string
  readonly headers: Readonly<Record<string, string>>
  readonly value: string
  readonly key: string
  readonly appendedAt: number
  readonly attempt: number
  readonly firstAt: number
  readonly dueAt: number
  readonly code: string
  readonly message: string
}

/**
 * The parked lists of a flow, one per lane. P4: while a lane's list is not empty, its later events join it unrun.
 * Each change is one durable commit; only then does the event count as finished for its offset.
 */
export class Parking {
  readonly #keys: FlowKeys
  readonly #state: StateStore
  readonly #env: Environment
  readonly #lanes = new Map<string, ParkedEvent[]>()

  constructor(options: { keys: FlowKeys; state: StateStore; env: Environment }) {
    this.#keys = options.keys
    this.#state = options.state
    this.#env = options.env
  }

  /** Parked events, over all lanes. */
  get size(): number {
    let size = 0
    for (const list of this.#lanes.values()) size += list.length
    return size
  }

  isParked(lane: string): boolean {
    return this.#lanes.has(lane)
  }

  *lanes(): IterableIterator<{ lane: string; events: readonly ParkedEvent[] }> {
    for (const [lane, events] of this.#lanes) yield { lane, events }
  }

  /** Lists of a partition, as an earlier owner left them. The lanes that have one, with their heads. */
  async load(topic: string, partition: number): Promise<{ lane: string; head: ParkedEvent }[]> {
    const stored: { lane: string; parked: ParkedEvent }[] = []
    for await (const { value } of this.#state.scan(this.#keys.parkedPrefix(topic, partition))) {
      stored.push(...[restored(topic, partition, value as Stored & { offset: number })])
    }
    stored.sort((a, b) => a.parked.logged.offset - b.parked.logged.offset)
    for (const { lane, parked } of stored) this.#append(lane, parked)
    return [...new Set(stored.map(({ lane }) => lane))].map(lane => ({ lane, head: this.#lanes.get(lane)![0]! }))
  }

  /** Ownership of the partition ended. */
  forget(topic: string, partition: number): void {
    for (const [lane, events] of this.#lanes) {
      const kept = events.filter(({ logged }) => logged.topic !== topic || logged.partition !== partition)
      if (kept.length === 0) this.#lanes.delete(lane)
      else this.#lanes.set(lane, kept)
    }
  }

  /** The head failed and waits for its next try. */
  async park(
    lane: string,
    logged: LoggedEvent,
    attempt: number,
    firstAt: number,
    error: SyncError,
  ): Promise<ParkedEvent> {
    const now = this.#env.clock.now()
    const parked: ParkedEvent = {
      logged,
      attempt,
      firstAt,
      dueAt: now + parkedDelayMs(attempt, this.#env.random, error),
      code: error.code,
      message: error.message,
    }
    await this.#store(lane, parked)
    const list = this.#lanes.get(lane)
    if (list?.[0]?.logged.offset === logged.offset && list[0].logged.topic === logged.topic) list[0] = parked
    else this.#append(lane, parked)
    return parked
  }

  /** An event behind a parked one. */
  async join(lane: string, logged: LoggedEvent): Promise<void> {
    const now = this.#env.clock.now()
    const parked: ParkedEvent = { logged, attempt: 0, firstAt: now, dueAt: now, code: 'BEHIND_PARKED', message: '' }
    await this.#store(lane, parked)
    const known = this.#lanes.get(lane)?.some(other => sameEvent(other.logged, logged))
    if (!known) this.#append(lane, parked)
  }

  /** The head is done with, one way or the other. The next one, if there is one. */
  async remove(lane: string): Promise<ParkedEvent | undefined> {
    const list = this.#lanes.get(lane)
    const head = list?.[0]
    if (!list || !head) return undefined
    await this.#state.commit([{ key: this.#keyOf(head.logged) }])
    list.shift()
    if (list.length > 0) return list[0]
    this.#lanes.delete(lane)
    return undefined
  }

  #append(lane: string, parked: ParkedEvent): void {
    const list = this.#lanes.get(lane)
    if (list) list.push(parked)
    else this.#lanes.set(lane, [parked])
  }

  async #store(lane: string, parked: ParkedEvent): Promise<void> {
    const { logged, ...schedule } = parked
    const { key, value, headers } = encodeEvent(logged.event)
    const stored = {
      lane,
      offset: logged.offset,
      appendedAt: logged.appendedAt,
      key,
      headers,
      value: Buffer.from(value).toString('utf8'),
      ...schedule,
    }
    await this.#state.commit([{ key: this.#keyOf(logged), value: stored }])
  }

  #keyOf(logged: LoggedEvent): string {
    return this.#keys.parked(logged.topic, logged.partition, logged.offset)
  }
}

function sameEvent(a: LoggedEvent, b: LoggedEvent): boolean {
  return a.topic === b.topic && a.partition === b.partition && a.offset === b.offset
}

function restored(
  topic: string,
  partition: number,
  stored: Stored & { offset: number },
): { lane: string; parked: ParkedEvent } {
  const event = decodeEvent({ key: stored.key, value: Buffer.from(stored.value), headers: stored.headers })
  const { lane, offset, appendedAt, attempt, firstAt, dueAt, code, message } = stored
  return {
    lane,
    parked: { logged: { topic, partition, offset, appendedAt, event }, attempt, firstAt, dueAt, code, message },
  }
}
