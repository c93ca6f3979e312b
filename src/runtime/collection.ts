import { withChanged } from '../cloudevents.ts'
import type { Clock } from '../environment.ts'
import type { ChangeEvent } from '../event.ts'
import type { LoggedEvent } from '../log/event-log.ts'
import type { StateStore, Version, Write } from '../state/state-store.ts'
import type { FlowKeys } from './flow-keys.ts'
import { partitionKey } from './owned-partition.ts'
import { restored, type StoredEvent, stored } from './stored-event.ts'
import type { Written } from './write-ledger.ts'

/** An event to be collected. */
export interface Collectable {
  readonly logged: LoggedEvent
  /** Of a lane, the latest event alone is kept. */
  readonly lane: string
  /** The write of a flow that made it. */
  readonly cause?: Written
}

export interface CollectedEvent extends Collectable {
  /** When the first of the events that it stands for began to wait. */
  readonly since: number
}

type Stored = StoredEvent & Omit<CollectedEvent, 'logged'>

/** Committed with what it tells of: how far the partition was taken in, and how far that was started. */
interface Mark {
  readonly taken: { readonly offset: number; readonly appendedAt: number }
  readonly started: number
}

const NOTHING: Mark = { taken: { offset: -1, appendedAt: 0 }, started: -1 }
/** Events of one commit. */
const AT_ONCE = 200

/** What waits of one partition. */
class Room {
  readonly topic: string
  readonly partition: number
  readonly waiting = new Map<string, CollectedEvent>()
  mark = NOTHING
  version: Version | null = null
  /** Offsets of what was started here and has not ended. */
  readonly running = new Set<number>()
  /** Found to be started, and not by us: a commit whose answer was lost, or another owner. */
  orphans: CollectedEvent[] = []
  /** One change at a time. */
  changing: Promise<unknown> = Promise.resolve()

  constructor(topic: string, partition: number) {
    this.topic = topic
    this.partition = partition
  }

  /** Told by the log's own time, too: a topic that was made anew counts its offsets from zero. */
  has({ offset, appendedAt }: LoggedEvent): boolean {
    return offset <= this.mark.taken.offset && appendedAt <= this.mark.taken.appendedAt
  }
}

/**
 * Events that wait for the end of a window, the latest of each lane. P2: each change is one durable commit, together with
 * the mark of how far the partition was taken in: an event that comes again is known, and another owner's change is noticed.
 * What was started is never replaced; it goes when its run ended.
 */
export class Collection {
  readonly #keys: FlowKeys
  readonly #state: StateStore
  readonly #clock: Clock
  readonly #rooms = new Map<string, Room>()

  constructor(options: { keys: FlowKeys; state: StateStore; clock: Clock }) {
    this.#keys = options.keys
    this.#state = options.state
    this.#clock = options.clock
  }

  /** Events that wait, over all partitions. */
  get size(): number {
    let size = 0
    for (const { waiting } of this.#rooms.values()) size += waiting.size
    return size
  }

  /** When the oldest that waits of a partition began to. */
  since(topic: string, partition: number): number | undefined {
    // A lane keeps its place in the map, so the first one has waited longest.
    const [first] = this.#rooms.get(partitionKey({ topic, partition }))?.waiting.values() ?? []
    return first?.since
  }

  hasTaken(topic: string, partition: number): boolean {
    return (this.#rooms.get(partitionKey({ topic, partition }))?.mark.taken.offset ?? -1) >= 0
  }

  has(logged: LoggedEvent): boolean {
    return this.#rooms.get(partitionKey(logged))?.has(logged) ?? false
  }

  /** What an earlier owner left. Those that it had started, in order: they go on at once. */
  async load(topic: string, partition: number): Promise<CollectedEvent[]> {
    const room = new Room(topic, partition)
    await this.#read(room)
    this.#rooms.set(partitionKey(room), room)
    return taken(room, room.orphans)
  }

  knows(topic: string, partition: number): boolean {
    return this.#rooms.has(partitionKey({ topic, partition }))
  }

  forget(topic: string, partition: number): void {
    this.#rooms.delete(partitionKey({ topic, partition }))
  }

  /**
   * Takes events of one partition in, as many as find room.
   * @param room for so many lanes that do not wait yet.
   * @returns how many events of the list are durable, and how many of those were replaced by a later one.
   */
  add(
    topic: string,
    partition: number,
    events: readonly Collectable[],
    room: number,
  ): Promise<{ taken: number; replaced: number }> {
    return this.#change(topic, partition, (place, waiting) => {
      const writes = new Map<string, Write>()
      const taking = fitting(events, waiting, room)
      let replaced = 0
      let { taken: last } = place.mark
      for (const event of taking) {
        if (place.has(event.logged)) continue
        const before = waiting.get(event.lane)
        const kept = before ? latest(before, event) : { ...event, since: this.#clock.now() }
        if (before) {
          replaced++
          const key = this.#keyOf(before.logged)
          writes.set(key, { key })
        }
        const key = this.#keyOf(kept.logged)
        writes.set(key, { key, value: storedIn(kept) })
        waiting.set(event.lane, kept)
        last = { offset: event.logged.offset, appendedAt: event.logged.appendedAt }
      }
      return {
        writes: [...writes.values()],
        mark: { ...place.mark, taken: last },
        result: { taken: taking.length, replaced },
      }
    })
  }

  /** The window of the partition is over: what waits is started, and from now on later events wait beside it. */
  async start(topic: string, partition: number): Promise<CollectedEvent[]> {
    const started = await this.#change(topic, partition, ({ mark }, waiting) => {
      const result = [...waiting.values()]
      waiting.clear()
      return { writes: [], mark: result.length > 0 ? { ...mark, started: mark.taken.offset } : mark, result }
    })
    const room = this.#rooms.get(partitionKey({ topic, partition }))
    return room ? taken(room, [...room.orphans, ...started]) : []
  }

  /** Its run ended. */
  async remove(logged: LoggedEvent): Promise<void> {
    await this.#state.commit([{ key: this.#keyOf(logged) }])
    this.#rooms.get(partitionKey(logged))?.running.delete(logged.offset)
  }

  /** One commit; made again from what is stored where another process has changed it. */
  #change<T>(topic: string, partition: number, change: Change<T>): Promise<T> {
    const room = this.#rooms.get(partitionKey({ topic, partition }))
    if (!room) throw new Error(`${topic}/${partition} was not loaded`)
    const done = room.changing.then(async () => {
      for (;;) {
        const waiting = new Map(room.waiting)
        const { writes, mark, result } = change(room, waiting)
        if (writes.length === 0 && isSame(mark, room.mark)) return result
        const key = this.#keys.collectedTo(topic, partition)
        const versions = await this.#state.commit([{ key, value: mark, ifVersion: room.version }, ...writes])
        if (!versions) {
          await this.#read(room)
          continue
        }
        room.version = versions[0]!
        room.mark = mark
        room.waiting.clear()
        for (const [lane, event] of waiting) room.waiting.set(lane, event)
        return result
      }
    })
    room.changing = done.catch(() => {})
    return done
  }

  async #read(room: Room): Promise<void> {
    const { topic, partition } = room
    const [mark] = await this.#state.get([this.#keys.collectedTo(topic, partition)])
    room.mark = (mark?.value as Mark | undefined) ?? NOTHING
    room.version = mark?.version ?? null
    room.waiting.clear()
    if (!mark) return
    const all: CollectedEvent[] = []
    for await (const { value } of this.#state.scan(this.#keys.collectedPrefix(topic, partition))) {
      const { lane, since, cause, ...entry } = value as Stored
      all.push({ logged: restored(topic, partition, entry), lane, since, ...(cause && { cause }) })
    }
    all.sort((a, b) => a.logged.offset - b.logged.offset)
    const isStarted = ({ logged }: CollectedEvent) => logged.offset <= room.mark.started
    const waiting = all.filter(event => !isStarted(event)).sort((a, b) => a.since - b.since)
    for (const event of waiting) room.waiting.set(event.lane, event)
    room.orphans = all.filter(event => isStarted(event) && !room.running.has(event.logged.offset))
  }

  #keyOf({ topic, partition, offset }: LoggedEvent): string {
    return this.#keys.collected(topic, partition, offset)
  }
}

/** Works on a copy of what waits. */
type Change<T> = (
  room: Room,
  waiting: Map<string, CollectedEvent>,
) => { readonly writes: Write[]; readonly mark: Mark; readonly result: T }

/** They run now. */
function taken(room: Room, events: CollectedEvent[]): CollectedEvent[] {
  room.orphans = []
  for (const { logged } of events) room.running.add(logged.offset)
  return events
}

/** The first events of the list that bring no more new lanes than there is room for. */
function fitting(
  events: readonly Collectable[],
  waiting: ReadonlyMap<string, CollectedEvent>,
  room: number,
): readonly Collectable[] {
  const fresh = new Set<string>()
  let count = 0
  for (; count < Math.min(events.length, AT_ONCE); count++) {
    const { lane } = events[count]!
    if (!waiting.has(lane)) fresh.add(lane)
    if (fresh.size > room) break
  }
  return events.slice(0, count)
}

/** By the source's time; of two with one time, the one that came in later. What changed is what any of them changed. */
function latest(before: CollectedEvent, event: Collectable): CollectedEvent {
  const isLate = Date.parse(event.logged.event.time) < Date.parse(before.logged.event.time)
  const { logged } = isLate ? before : event
  const causes = [before.cause, event.cause].filter(cause => cause !== undefined)
  const cause = causes.sort((a, b) => b.hops - a.hops)[0]
  return {
    logged: { ...logged, event: withChanged(logged.event, changedOf(before.logged.event, event.logged.event)) },
    lane: before.lane,
    since: before.since,
    ...(cause && { cause }),
  }
}

/** undefined where it is not known of one. */
function changedOf(a: ChangeEvent, b: ChangeEvent): readonly string[] | undefined {
  return a.changed && b.changed ? [...new Set([...a.changed, ...b.changed])] : undefined
}

function storedIn({ logged, ...rest }: CollectedEvent): Stored {
  return { ...stored(logged), ...rest }
}

function isSame(a: Mark, b: Mark): boolean {
  return a.taken.offset === b.taken.offset && a.taken.appendedAt === b.taken.appendedAt && a.started === b.started
}
