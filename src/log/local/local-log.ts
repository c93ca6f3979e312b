import { encodeEvent, type WireEvent } from '../../cloudevents.ts'
import type { Clock } from '../../environment.ts'
import { SyncError } from '../../errors.ts'
import type { ChangeEvent } from '../../event.ts'
import type {
  EventLog,
  GroupInfo,
  LoggedEvent,
  ReadOptions,
  SubscribeOptions,
  Subscriber,
  TopicInfo,
  TopicSpec,
} from '../event-log.ts'
import { offsetOf } from './position.ts'
import { readRange } from './read-range.ts'
import { Seats } from './seats.ts'
import { type LocalStorage, type LocalTopic, PARTITION } from './storage.ts'
import { Subscription, seatOf } from './subscription.ts'

/** The log of one process: groups, ownership and reading are the same whether the events are in memory or in SQLite. */
export class LocalLog implements EventLog {
  readonly #storage: LocalStorage
  readonly #clock: Clock
  readonly #seats = new Seats()
  readonly #subscriptions = new Set<Promise<void>>()
  readonly #closing = new AbortController()
  #closed: Promise<void> | undefined

  constructor(storage: LocalStorage, clock: Clock) {
    this.#storage = storage
    this.#clock = clock
  }

  async createTopics(topics: readonly TopicSpec[]): Promise<void> {
    this.#assertOpen()
    for (const spec of topics) await this.#storage.create(spec)
  }

  async append(name: string, events: readonly ChangeEvent[]): Promise<void> {
    this.#assertOpen()
    if (events.length === 0) return
    const topic = this.#storage.topic(name) ?? (await this.#storage.create({ name }))
    await topic.append(encodeAll(events, topic))
  }

  async subscribe(
    topics: readonly string[],
    group: string,
    subscriber: Subscriber,
    signal: AbortSignal,
    options: SubscribeOptions = {},
  ): Promise<void> {
    this.#assertOpen()
    if (signal.aborted) return
    const found: LocalTopic[] = []
    for (const name of new Set(topics)) found.push(this.#storage.topic(name) ?? (await this.#storage.create({ name })))
    const subscription = new Subscription(group, subscriber, options, { clock: this.#clock, seats: this.#seats })
    const running = subscription.run(found, [signal, this.#closing.signal])
    this.#subscriptions.add(running)
    try {
      await running
    } finally {
      this.#subscriptions.delete(running)
    }
  }

  read(name: string, options: ReadOptions = {}): AsyncIterable<LoggedEvent> {
    this.#assertOpen()
    const topic = this.#storage.topic(name)
    if (!topic || (options.partition ?? PARTITION) !== PARTITION) return readRange(undefined, 0, 0)
    const from = offsetOf(topic, options.from ?? 'earliest', topic.begin)
    const to = Math.min(offsetOf(topic, options.to ?? 'now', topic.end), topic.end)
    return readRange(topic, from, to, { signal: options.signal, assertOpen: () => this.#assertOpen() })
  }

  async lag(name: string, group: string): Promise<number> {
    this.#assertOpen()
    const topic = this.#storage.topic(name)
    return topic ? lagOf(topic, topic.committed(group)) : 0
  }

  async describe(names?: readonly string[]): Promise<TopicInfo[]> {
    this.#assertOpen()
    const all = () => [...this.#storage.topics()].sort((a, b) => (a.name < b.name ? -1 : 1))
    const topics = names ? names.map(name => this.#storage.topic(name)) : all()
    return topics.filter(topic => topic !== undefined).map(infoOf)
  }

  async resetGroup(name: string, group: string, offsets?: Readonly<Record<number, number>>): Promise<void> {
    this.#assertOpen()
    if (this.#seats.isTaken(seatOf(name, group))) {
      throw new SyncError(
        'rejected',
        'GROUP_IN_USE',
        `group "${group}" is being read on topic "${name}": pause the flow first`,
      )
    }
    const topic = this.#storage.topic(name)
    await topic?.commit(group, offsets?.[PARTITION])
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#closing.abort()
    await Promise.allSettled(this.#subscriptions)
    await this.#storage.close()
  }

  #assertOpen(): void {
    if (this.#closed) throw new SyncError('retryable', 'LOG_UNAVAILABLE', 'the log is closed')
  }
}

/** All of a call or nothing: the caller of a refused one sends all of it again. */
function encodeAll(events: readonly ChangeEvent[], topic: LocalTopic): WireEvent[] {
  return events.map(event => {
    const record = encodeEvent(event)
    const bytes = record.value.byteLength
    if (bytes <= topic.maxRecordBytes) return record
    const limit = topic.maxRecordBytes
    throw new SyncError(
      'rejected',
      'RECORD_TOO_LARGE',
      `event ${event.id} has ${bytes} bytes, topic "${topic.name}" takes ${limit}: raise the body limit of its connector, or send less`,
      { details: { bytes, limit } },
    )
  })
}

function infoOf(topic: LocalTopic): TopicInfo {
  const groups = [...topic.groups()].map(
    ([group, offset]): GroupInfo => ({ group, committed: { [PARTITION]: offset }, lag: lagOf(topic, offset) }),
  )
  return { topic: topic.name, partitions: [{ partition: PARTITION, begin: topic.begin, end: topic.end }], groups }
}

function lagOf(topic: LocalTopic, committed: number | undefined): number {
  return Math.max(0, topic.end - Math.max(committed ?? 0, topic.begin))
}
