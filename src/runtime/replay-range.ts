import type { EventLog, LoggedEvent, Partition, StartPosition, Subscriber, TopicInfo } from '../log/event-log.ts'

/** By topic and partition: from the first offset up to, and without, the second. */
export type Ranges = Readonly<Record<string, Readonly<Record<number, { readonly from: number; readonly to: number }>>>>

/** The range as offsets at the time of the call. Partitions without anything in it are in it all the same. */
export async function rangesOf(
  log: EventLog,
  topics: readonly string[],
  range: { readonly from: StartPosition; readonly to?: StartPosition },
): Promise<Ranges> {
  const ranges: Record<string, Record<number, { from: number; to: number }>> = {}
  for (const info of await log.describe(topics)) {
    const partitions: Record<number, { from: number; to: number }> = {}
    for (const { partition, begin, end } of info.partitions) {
      const at = (position: StartPosition) => offsetAt(log, info, { partition, begin, end }, position)
      const to = range.to === undefined ? end : await at(range.to)
      partitions[partition] = { from: Math.min(await at(range.from), to), to }
    }
    ranges[info.topic] = partitions
  }
  return ranges
}

async function offsetAt(
  log: EventLog,
  { topic }: TopicInfo,
  { partition, begin, end }: TopicInfo['partitions'][number],
  position: StartPosition,
): Promise<number> {
  if (position === 'earliest') return begin
  if (position === 'now') return end
  if ('offsets' in position) return Math.min(end, Math.max(begin, position.offsets[partition] ?? end))
  // The first event at or after the time says where it is.
  for await (const { offset } of log.read(topic, { partition, from: position })) return Math.min(offset, end)
  return end
}

/** One partition's part of the range. */
class Span {
  readonly from: number
  readonly to: number
  /** Everything below was handed over, or is not in the log. */
  #position: number
  /** Handed over and not finished; in offset order, so the first is the lowest. */
  readonly #unfinished = new Set<number>()
  #read = 0
  /** For good: what comes again after a rebalance was finished before. */
  done = false
  /** With whom it is now. What an earlier owner still reports counts for nothing. */
  owner: Partition | undefined

  constructor(from: number, to: number, position: number) {
    this.from = from
    this.to = to
    this.#position = from
    this.passed(position)
  }

  /** Offsets that are done with. Never goes back. */
  get read(): number {
    this.#read = this.done ? this.to - this.from : Math.max(this.#read, this.#lowest - this.from)
    return this.#read
  }

  get #lowest(): number {
    for (const offset of this.#unfinished) return offset
    return this.#position
  }

  take(events: readonly LoggedEvent[]): readonly LoggedEvent[] {
    const inside = events.filter(({ offset }) => offset < this.to)
    for (const { offset } of inside) this.#unfinished.add(offset)
    return inside
  }

  finished(offset: number): void {
    this.#unfinished.delete(offset)
    this.#judge()
  }

  passed(offset: number): void {
    this.#position = Math.max(this.#position, Math.min(offset, this.to))
    this.#judge()
  }

  /** What was not finished comes again. */
  lost(): void {
    this.owner = undefined
    this.#position = this.#lowest
    this.#unfinished.clear()
  }

  #judge(): void {
    if (this.#position >= this.to && this.#unfinished.size === 0) this.done = true
  }
}

/**
 * A log on which subscribers get the events of a range only, and which knows when all of it is done: in each partition
 * when the position has passed the end of the range and everything handed over below it is finished. Events are not
 * counted for that: some are gone, and some come twice.
 */
export class RangedLog {
  readonly #log: EventLog
  readonly #spans = new Map<string, Span>()
  readonly #pace: (events: readonly LoggedEvent[]) => AsyncIterable<readonly LoggedEvent[]>
  readonly #done: () => void
  readonly #watched = new WeakMap<Partition, Partition>()

  /**
   * @param pace hands the events on in pieces, each when it is due.
   * @param done called when the whole range is done, and perhaps again.
   */
  constructor(
    log: EventLog,
    {
      pace,
      done,
    }: { pace: (events: readonly LoggedEvent[]) => AsyncIterable<readonly LoggedEvent[]>; done: () => void },
  ) {
    this.#log = log
    this.#pace = pace
    this.#done = done
  }

  /** Where the group is already, and where the log ends by now, which is earlier for a topic that was made anew. */
  async open(ranges: Ranges, group: string): Promise<void> {
    const infos = await this.#log.describe(Object.keys(ranges))
    for (const [topic, partitions] of Object.entries(ranges)) {
      const info = infos.find(each => each.topic === topic)
      const committed = info?.groups.find(each => each.group === group)?.committed
      for (const [partition, { from, to }] of Object.entries(partitions)) {
        const end = info?.partitions.find(each => each.partition === Number(partition))?.end ?? from
        const reachable = Math.max(from, Math.min(to, end))
        this.#spans.set(`${topic}/${partition}`, new Span(from, reachable, committed?.[Number(partition)] ?? from))
      }
    }
    this.#judge()
  }

  get total(): number {
    return this.#all.reduce((sum, { from, to }) => sum + to - from, 0)
  }

  get read(): number {
    return this.#all.reduce((sum, span) => sum + span.read, 0)
  }

  /** Some of the range is with nobody, or with another instance that replays it too: only its commits tell. */
  get isShared(): boolean {
    return this.#all.some(({ done, owner }) => !done && !owner)
  }

  /** @param committed by topic and partition. */
  committed(topic: string, committed: Readonly<Record<number, number>>): void {
    for (const [partition, offset] of Object.entries(committed)) {
      const span = this.#spans.get(`${topic}/${partition}`)
      if (span && !span.owner) span.passed(offset)
    }
    this.#judge()
  }

  subscribe(...[topics, group, subscriber, signal, options]: Parameters<EventLog['subscribe']>): Promise<void> {
    return this.#log.subscribe(topics, group, this.#inRange(subscriber), signal, options)
  }

  #inRange(subscriber: Subscriber): Subscriber {
    return {
      assigned: async partition => {
        const span = this.#spanOf(partition)
        if (!span) return
        span.lost()
        span.owner = partition
        const watched = this.#watch(partition, span)
        await subscriber.assigned?.(watched)
      },
      // Behind the end nothing is run, and nothing is committed.
      take: async (partition, events) => {
        const span = this.#spanOf(partition)
        const watched = this.#watched.get(partition)
        if (!watched || span?.owner !== partition) return
        for await (const piece of this.#pace(span.take(events))) {
          if (span.owner !== partition) return
          await subscriber.take(watched, piece)
        }
      },
      passed: (partition, offset) => {
        const span = this.#spanOf(partition)
        if (span?.owner === partition) span.passed(offset)
        this.#judge()
      },
      revoked: async partition => {
        const watched = this.#watched.get(partition)
        if (!watched) return
        await subscriber.revoked?.(watched)
        const span = this.#spanOf(partition)
        if (span?.owner === partition) span.lost()
      },
    }
  }

  #watch(partition: Partition, span: Span): Partition {
    const finished = (offset: number) => {
      partition.finished(offset)
      if (span.owner !== partition) return
      span.finished(offset)
      if (span.done) this.#judge()
    }
    const watched = { topic: partition.topic, partition: partition.partition, owned: partition.owned, finished }
    this.#watched.set(partition, watched)
    return watched
  }

  get #all(): Span[] {
    return [...this.#spans.values()]
  }

  #spanOf({ topic, partition }: Partition): Span | undefined {
    return this.#spans.get(`${topic}/${partition}`)
  }

  #judge(): void {
    if (this.#all.every(({ done }) => done)) this.#done()
  }
}
