import { decodeEvent, type WireEvent } from '../cloudevents.ts'
import type { Clock } from '../environment.ts'
import {
  DEFAULT_MAX_RECORD_BYTES,
  DEFAULT_RETENTION_MS,
  type EventLog,
  type LoggedEvent,
  type TopicSpec,
} from './event-log.ts'
import { LocalLog } from './local/local-log.ts'
import { type LocalStorage, type LocalTopic, PARTITION } from './local/storage.ts'

/**
 * A log that lives as long as its `disk`: for tests, simulation and trying things out. To crash it, take
 * `disk.snapshot()` and open a second log on that: the first one then writes where nobody looks.
 */
export function memoryLog({ clock, disk = new MemoryDisk() }: { clock: Clock; disk?: MemoryDisk }): EventLog {
  return new LocalLog(new MemoryStorage(clock, disk), clock)
}

interface StoredRecord {
  readonly offset: number
  readonly appendedAt: number
  readonly wire: WireEvent
}

interface StoredTopic {
  spec: TopicSpec
  records: StoredRecord[]
  end: number
  groups: Map<string, number>
}

/** What a memory log has made durable. */
export class MemoryDisk {
  readonly topics = new Map<string, StoredTopic>()

  /** A copy of what is durable at this instant. */
  snapshot(): MemoryDisk {
    const copy = new MemoryDisk()
    for (const [name, topic] of this.topics) {
      copy.topics.set(name, { ...topic, records: [...topic.records], groups: new Map(topic.groups) })
    }
    return copy
  }
}

class MemoryStorage implements LocalStorage {
  readonly #clock: Clock
  readonly #disk: MemoryDisk
  readonly #topics = new Map<string, MemoryTopic>()

  constructor(clock: Clock, disk: MemoryDisk) {
    this.#clock = clock
    this.#disk = disk
    for (const stored of disk.topics.values()) this.#topics.set(stored.spec.name, new MemoryTopic(stored, clock))
  }

  topic(name: string): LocalTopic | undefined {
    return this.#topics.get(name)
  }

  topics(): Iterable<LocalTopic> {
    return this.#topics.values()
  }

  async create(spec: TopicSpec): Promise<LocalTopic> {
    const stored = this.#disk.topics.get(spec.name) ?? { spec, records: [], end: 0, groups: new Map() }
    stored.spec = { ...stored.spec, ...spec }
    this.#disk.topics.set(spec.name, stored)
    const topic = this.#topics.get(spec.name) ?? new MemoryTopic(stored, this.#clock)
    this.#topics.set(spec.name, topic)
    return topic
  }

  async close(): Promise<void> {}
}

class MemoryTopic implements LocalTopic {
  readonly #stored: StoredTopic
  readonly #clock: Clock
  readonly #wakes = new Set<() => void>()

  constructor(stored: StoredTopic, clock: Clock) {
    this.#stored = stored
    this.#clock = clock
  }

  get name(): string {
    return this.#stored.spec.name
  }

  get maxRecordBytes(): number {
    return this.#stored.spec.maxRecordBytes ?? DEFAULT_MAX_RECORD_BYTES
  }

  get begin(): number {
    this.#dropExpired()
    return this.#stored.records[0]?.offset ?? this.#stored.end
  }

  get end(): number {
    return this.#stored.end
  }

  offsetAt(time: number): number {
    const { records, end } = this.#stored
    return records[firstIndex(records, record => record.appendedAt >= time)]?.offset ?? end
  }

  page(from: number, to: number, count: number): LoggedEvent[] {
    this.#dropExpired()
    const { records } = this.#stored
    const first = firstIndex(records, record => record.offset >= from)
    const page: LoggedEvent[] = []
    for (let index = first; index < records.length && page.length < count; index++) {
      const { offset, appendedAt, wire } = records[index]!
      if (offset >= to) break
      page.push({ topic: this.name, partition: PARTITION, offset, appendedAt, event: decodeEvent(wire) })
    }
    return page
  }

  async append(wires: readonly WireEvent[]): Promise<void> {
    this.#dropExpired()
    const stored = this.#stored
    const appendedAt = Math.max(this.#clock.now(), stored.records.at(-1)?.appendedAt ?? 0)
    for (const wire of wires) {
      if (stored.spec.compacted) stored.records = stored.records.filter(record => record.wire.key !== wire.key)
      stored.records.push({ offset: stored.end++, appendedAt, wire })
    }
    for (const wake of this.#wakes) wake()
  }

  committed(group: string): number | undefined {
    return this.#stored.groups.get(group)
  }

  groups(): Iterable<readonly [string, number]> {
    return this.#stored.groups
  }

  async commit(group: string, offset: number | undefined): Promise<void> {
    if (offset === undefined) this.#stored.groups.delete(group)
    else this.#stored.groups.set(group, offset)
  }

  onAppend(wake: () => void): () => void {
    this.#wakes.add(wake)
    return () => this.#wakes.delete(wake)
  }

  /** On use instead of by a timer: a simulation that waits for the last timer must come to an end. */
  #dropExpired(): void {
    const { records, spec } = this.#stored
    const retentionMs = spec.retentionMs ?? DEFAULT_RETENTION_MS
    const oldest = records[0]
    if (!oldest || retentionMs < 0) return
    const limit = this.#clock.now() - retentionMs
    if (oldest.appendedAt >= limit) return
    records.splice(
      0,
      firstIndex(records, record => record.appendedAt >= limit),
    )
  }
}

/** Index of the first item that is right, where all after it are too; the length when none is. */
function firstIndex<T>(items: readonly T[], isRight: (item: T) => boolean): number {
  let low = 0
  let high = items.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (isRight(items[middle]!)) high = middle
    else low = middle + 1
  }
  return low
}
