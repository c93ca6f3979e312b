import type { Environment } from '../environment.ts'
import type { SyncError } from '../errors.ts'
import type { LoggedEvent } from '../log/event-log.ts'
import type { StateStore } from '../state/state-store.ts'
import type { FlowKeys } from './flow-keys.ts'
import { parkedDelayMs } from './retry.ts'
import { restored, type StoredEvent, stored } from './stored-event.ts'

/** An event that waits for its next try, or behind one that does. A further try makes a new one. */
export interface ParkedEvent {
  readonly logged: LoggedEvent
  /** Tries so far; 0 for one that only waits behind another. */
  readonly attempt: number
  /** When the first try failed, or when it joined those that wait; milliseconds since the epoch. */
  readonly firstAt: number
  readonly dueAt: number
  readonly code: string
  readonly message: string
}

type Stored = StoredEvent & { readonly lane: string } & Omit<ParkedEvent, 'logged'>

/**
 * The parked lists of a flow, one per lane. P4: while a lane's list is not empty, its later events join it unrun.
 * Each change is one durable commit; only then does the event count as finished for its offset.
 * A lane may hold events of several topics, whose partitions come and go one by one.
 */
export class Parking {
  readonly #keys: FlowKeys
  readonly #state: StateStore
  readonly #env: Environment
  readonly #lanes = new Map<string, ParkedEvent[]>()
  /** Partitions whose lists are known here. */
  readonly #held = new Set<string>()

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

  /** The event that is next; the others of the lane wait for it. */
  head(lane: string): ParkedEvent | undefined {
    return this.#lanes.get(lane)?.[0]
  }

  *lanes(): IterableIterator<{ lane: string; events: readonly ParkedEvent[] }> {
    for (const [lane, events] of this.#lanes) yield { lane, events }
  }

  /** Lists of a partition, as an earlier owner left them. The lanes that have one: their heads may be others now. */
  async load(topic: string, partition: number): Promise<string[]> {
    const lanes = new Map<string, ParkedEvent[]>()
    for await (const { value } of this.#state.scan(this.#keys.parkedPrefix(topic, partition))) {
      const { lane, attempt, firstAt, dueAt, code, message, ...entry } = value as Stored
      const parked = { logged: restored(topic, partition, entry), attempt, firstAt, dueAt, code, message }
      const list = lanes.get(lane)
      if (list) list.push(parked)
      else lanes.set(lane, [parked])
    }
    this.#held.add(placeOf(topic, partition))
    for (const [lane, loaded] of lanes) {
      loaded.sort((a, b) => a.logged.offset - b.logged.offset)
      const others = this.#lanes.get(lane)?.filter(({ logged }) => !isOf(logged, topic, partition)) ?? []
      this.#lanes.set(lane, merged(others, loaded))
    }
    return [...lanes.keys()]
  }

  /** Ownership of the partition ended. The lanes whose head left with it: another partition's event may be next. */
  forget(topic: string, partition: number): string[] {
    this.#held.delete(placeOf(topic, partition))
    const beheaded: string[] = []
    for (const [lane, events] of this.#lanes) {
      const kept = events.filter(({ logged }) => !isOf(logged, topic, partition))
      if (kept[0] !== events[0]) beheaded.push(lane)
      if (kept.length === 0) this.#lanes.delete(lane)
      else this.#lanes.set(lane, kept)
    }
    return beheaded
  }

  /** The event failed and waits for its next try. */
  async park(lane: string, logged: LoggedEvent, attempt: number, firstAt: number, error: SyncError): Promise<void> {
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
    const place = this.#placeIn(lane, logged)
    if (place >= 0) this.#lanes.get(lane)![place] = parked
    else this.#append(lane, parked)
  }

  /** An event behind a parked one. One that came again is there already, with its tries and its time. */
  async join(lane: string, logged: LoggedEvent): Promise<void> {
    if (this.#placeIn(lane, logged) >= 0) return
    const now = this.#env.clock.now()
    const parked: ParkedEvent = { logged, attempt: 0, firstAt: now, dueAt: now, code: 'BEHIND_PARKED', message: '' }
    await this.#store(lane, parked)
    this.#append(lane, parked)
  }

  /** The event is done with, one way or the other. */
  async remove(lane: string, logged: LoggedEvent): Promise<void> {
    await this.#state.commit([{ key: this.#keyOf(logged) }])
    const place = this.#placeIn(lane, logged)
    if (place < 0) return
    const list = this.#lanes.get(lane)!
    list.splice(place, 1)
    if (list.length === 0) this.#lanes.delete(lane)
  }

  #placeIn(lane: string, logged: LoggedEvent): number {
    return this.#lanes.get(lane)?.findIndex(other => sameEvent(other.logged, logged)) ?? -1
  }

  #append(lane: string, parked: ParkedEvent): void {
    // The partition may have left while the commit was under way: its next owner has the event.
    if (!this.#held.has(placeOf(parked.logged.topic, parked.logged.partition))) return
    const list = this.#lanes.get(lane)
    if (list) list.push(parked)
    else this.#lanes.set(lane, [parked])
  }

  async #store(lane: string, parked: ParkedEvent): Promise<void> {
    const { logged, ...schedule } = parked
    const value: Stored = { lane, ...stored(logged), ...schedule }
    await this.#state.commit([{ key: this.#keyOf(logged), value }])
  }

  #keyOf(logged: LoggedEvent): string {
    return this.#keys.parked(logged.topic, logged.partition, logged.offset)
  }
}

function sameEvent(a: LoggedEvent, b: LoggedEvent): boolean {
  return a.offset === b.offset && isOf(a, b.topic, b.partition)
}

function isOf(logged: LoggedEvent, topic: string, partition: number): boolean {
  return logged.topic === topic && logged.partition === partition
}

function placeOf(topic: string, partition: number): string {
  return `${topic}/${partition}`
}

/** P4: by the time at which they began to wait; those of one partition stay in the order of their offsets. */
function merged(left: readonly ParkedEvent[], right: readonly ParkedEvent[]): ParkedEvent[] {
  const all: ParkedEvent[] = []
  let taken = 0
  for (const one of left) {
    while (taken < right.length && right[taken]!.firstAt < one.firstAt) all.push(right[taken++]!)
    all.push(one)
  }
  return [...all, ...right.slice(taken)]
}
