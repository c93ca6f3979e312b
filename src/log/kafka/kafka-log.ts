import type { Environment } from '../../environment.ts'
import { SyncError } from '../../errors.ts'
import type { ChangeEvent } from '../../event.ts'
import type {
  EventLog,
  LoggedEvent,
  ReadOptions,
  SubscribeOptions,
  Subscriber,
  TopicInfo,
  TopicSpec,
} from '../event-log.ts'
import { AppendQueue } from './append-queue.ts'
import { type KafkaClient, type KafkaLogConfig, kafkaClient } from './client.ts'
import { COMPRESSION } from './codecs.ts'
import { KafkaControl } from './control.ts'
import { describeTopics, lagOf } from './describe.ts'
import type { Offsets } from './group-offsets.ts'
import { resolvePosition } from './position.ts'
import { RenewedProducer } from './producer.ts'
import { KafkaRange } from './read-range.ts'
import { RegistryFormat } from './registry.ts'
import { KafkaSubscription } from './subscription.ts'
import type { KafkaTimings } from './timings.ts'
import { KafkaTopics, type TopicLimits } from './topics.ts'
import { type OutgoingRecord, outgoingRecord } from './wire.ts'

/** The log on Kafka. */
export class KafkaLog implements EventLog {
  readonly #config: KafkaLogConfig
  readonly #env: Environment
  readonly #timings: KafkaTimings
  readonly #client: KafkaClient
  readonly #control: KafkaControl
  readonly #topics: KafkaTopics
  readonly #producer: RenewedProducer
  readonly #queue: AppendQueue
  readonly #registry: RegistryFormat | undefined
  readonly #subscriptions = new Set<Promise<void>>()
  readonly #closing = new AbortController()
  #closed: Promise<void> | undefined

  constructor(config: KafkaLogConfig, env: Environment, timings: KafkaTimings) {
    const { clock, logger } = env
    this.#config = config
    this.#env = env
    this.#timings = timings
    this.#client = kafkaClient(config, logger)
    this.#control = new KafkaControl(this.#client, clock, timings)
    this.#topics = new KafkaTopics(config, this.#client, this.#control, clock, timings)
    this.#producer = new RenewedProducer(this.#client, clock, timings, COMPRESSION[config.compression], () =>
      this.#control.managesTopics(),
    )
    this.#queue = new AppendQueue(batch => this.#producer.send(batch))
    this.#registry = config.registry && new RegistryFormat(config.registry, clock, config.tls)
  }

  async createTopics(topics: readonly TopicSpec[]): Promise<void> {
    this.#assertOpen()
    const existing = await this.#topics.create(topics)
    // Told before the first event that it concerns; where it cannot be asked, that event says so.
    const small = await this.#topics.tooSmall(existing).catch(() => [])
    for (const each of small) this.#env.logger.warn(each)
  }

  async append(topic: string, events: readonly ChangeEvent[]): Promise<void> {
    this.#assertOpen()
    if (events.length === 0) return
    const limits = await this.#topics.limits(topic)
    const records = await this.#recordsOf(topic, events, limits)
    this.#assertOpen()
    await this.#queue.append(topic, records, limits)
  }

  async subscribe(
    topics: readonly string[],
    group: string,
    subscriber: Subscriber,
    signal: AbortSignal,
    options: SubscribeOptions = {},
  ): Promise<void> {
    this.#assertOpen()
    const stop = AbortSignal.any([signal, this.#closing.signal])
    const context = {
      client: this.#client,
      control: this.#control,
      topics: this.#topics,
      registry: this.#registry,
      clock: this.#env.clock,
      timings: this.#timings,
      logger: this.#env.logger,
    }
    const running = new KafkaSubscription(context, topics, group, subscriber, options).run(stop)
    this.#subscriptions.add(running)
    try {
      await running
    } finally {
      this.#subscriptions.delete(running)
    }
  }

  read(topic: string, options: ReadOptions = {}): AsyncIterable<LoggedEvent> {
    this.#assertOpen()
    const bounds = this.#boundsOf(topic, options)
    bounds.catch(() => {})
    const context = {
      client: this.#client,
      clock: this.#env.clock,
      registry: this.#registry,
      waitMs: this.#timings.fetchWaitMs,
      stop: options.signal,
      closing: this.#closing.signal,
    }
    return { [Symbol.asyncIterator]: () => new KafkaRange(topic, bounds, context) }
  }

  async lag(topic: string, group: string): Promise<number> {
    this.#assertOpen()
    return lagOf(this.#control, topic, group)
  }

  async describe(topics?: readonly string[]): Promise<TopicInfo[]> {
    this.#assertOpen()
    return describeTopics(this.#control, topics ?? (await this.#ownTopics()))
  }

  async resetGroup(topic: string, group: string, offsets?: Readonly<Record<number, number>>): Promise<void> {
    this.#assertOpen()
    const byPartition = offsets && new Map(Object.entries(offsets).map(([key, offset]) => [Number(key), offset]))
    await this.#control.setOffsets(group, topic, byPartition)
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#closing.abort()
    await this.#queue.idle()
    await Promise.allSettled(this.#subscriptions)
    await Promise.all([this.#producer.close(), this.#topics.close(), this.#control.close()])
  }

  /** All of a call or nothing: the caller of a refused one sends all of it again. */
  async #recordsOf(topic: string, events: readonly ChangeEvent[], limits: TopicLimits): Promise<OutgoingRecord[]> {
    const now = this.#env.clock.now()
    const records: OutgoingRecord[] = []
    for (const event of events) {
      const framed = this.#registry && (await this.#registry.encode(topic, event))
      const record = outgoingRecord(event, now, framed)
      const bytes = record.message.value?.length ?? 0
      if (bytes > limits.maxRecordBytes || record.bytes > limits.maxBatchBytes) {
        throw tooLarge(topic, event.id, bytes, limits.maxRecordBytes)
      }
      records.push(record)
    }
    return records
  }

  async #boundsOf(topic: string, options: ReadOptions): Promise<{ from: Offsets; to: Offsets }> {
    const { from = 'earliest', to = 'now', partition } = options
    const [begin, end] = await Promise.all([this.#control.offsets(topic, 'begin'), this.#control.offsets(topic, 'end')])
    const first = from === 'earliest' ? begin : await resolvePosition(this.#control, topic, from, 'begin')
    const last = to === 'now' ? end : await resolvePosition(this.#control, topic, to, 'end')
    const wanted = [...end.keys()].filter(each => partition === undefined || each === partition)
    return {
      from: new Map(wanted.map(each => [each, Math.max(first.get(each) ?? 0, begin.get(each) ?? 0)])),
      to: new Map(wanted.map(each => [each, Math.min(last.get(each) ?? 0, end.get(each) ?? 0)])),
    }
  }

  async #ownTopics(): Promise<string[]> {
    const names = [...(await this.#control.topics()).keys()].sort()
    return names.filter(name => name.startsWith(`${this.#config.prefix}.`))
  }

  #assertOpen(): void {
    if (this.#closing.signal.aborted) throw new SyncError('retryable', 'LOG_UNAVAILABLE', 'the log is closed')
  }
}

function tooLarge(topic: string, id: string, bytes: number, limit: number): SyncError {
  const message = `event ${id} has ${bytes} bytes, topic "${topic}" takes ${limit}: send less, or raise the topic's max.message.bytes and the body limit of its connector`
  return new SyncError('rejected', 'RECORD_TOO_LARGE', message, { details: { bytes, limit } })
}
