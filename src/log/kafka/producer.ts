import { type CompressionTypes, Partitioners, type Producer, type TopicMessages } from 'kafkajs'
import type { Clock } from '../../environment.ts'
import type { SyncError } from '../../errors.ts'
import type { KafkaClient } from './client.ts'
import { isTooLarge, logError } from './log-error.ts'
import { type KafkaTimings, within } from './timings.ts'

/** After a failure, appends fail at once for so long before the brokers are tried again. */
const FIRST_PAUSE_MS = 200
const LONGEST_PAUSE_MS = 2_000

/**
 * An idempotent producer, renewed after every failure. A batch that failed may be stored all the same, and kafkajs would
 * give its sequence numbers to the next one: the broker would then take that for a repetition, acknowledge it and drop
 * it. A new producer has numbers of its own: that may double what is sent again, and loses nothing (P1).
 */
export class RenewedProducer {
  readonly #client: KafkaClient
  readonly #clock: Clock
  readonly #timings: KafkaTimings
  readonly #compression: CompressionTypes
  readonly #isIdempotent: () => Promise<boolean>
  #producer: Promise<Producer> | undefined
  #failures = 0
  #pausedUntil = 0
  #lastError: SyncError | undefined
  #closed = false

  /** @param isIdempotent false for brokers that only carry data and give no producer ids. */
  constructor(
    client: KafkaClient,
    clock: Clock,
    timings: KafkaTimings,
    compression: CompressionTypes,
    isIdempotent: () => Promise<boolean>,
  ) {
    this.#client = client
    this.#clock = clock
    this.#timings = timings
    this.#compression = compression
    this.#isIdempotent = isIdempotent
  }

  /**
   * P1: resolves when all in-sync replicas have all of it. One call at a time.
   * @throws SyncError `LOG_UNAVAILABLE`, `LOG_AUTH`; the broker's own error when a record is too large.
   */
  async send(topicMessages: TopicMessages[]): Promise<void> {
    if (this.#lastError && this.#clock.elapsed() < this.#pausedUntil) throw this.#lastError
    const topics = topicMessages.map(({ topic }) => topic).join(', ')
    const doing = this.#client.at(`cannot append to ${topics}`)
    let current: Promise<Producer> | undefined
    try {
      this.#producer ??= this.#connect()
      current = this.#producer
      const producer = await within(this.#clock, this.#timings.requestMs, doing, current)
      const sent = producer.sendBatch({
        acks: -1,
        timeout: this.#timings.appendMs,
        compression: this.#compression,
        topicMessages,
      })
      await within(this.#clock, this.#timings.appendMs, doing, sent)
      this.#failures = 0
    } catch (error) {
      this.#drop(current)
      if (isTooLarge(error)) throw error
      throw this.#failed(logError(error, doing))
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    const producer = this.#producer
    this.#producer = undefined
    await producer?.then(each => each.disconnect()).catch(() => {})
  }

  async #connect(): Promise<Producer> {
    const producer = this.#client.kafka.producer({
      idempotent: await this.#isIdempotent(),
      // More in flight could be reordered by a retry, idempotent or not.
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      // murmur2, as the Java clients: a key has one partition whoever writes it.
      createPartitioner: Partitioners.DefaultPartitioner,
    })
    try {
      await producer.connect()
      return producer
    } catch (error) {
      producer.disconnect().catch(() => {})
      throw error
    }
  }

  #drop(current: Promise<Producer> | undefined): void {
    if (current === undefined || this.#producer !== current) return
    this.#producer = undefined
    current.then(producer => producer.disconnect()).catch(() => {})
  }

  #failed(error: SyncError): SyncError {
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failures++)
    this.#pausedUntil = this.#closed ? Number.POSITIVE_INFINITY : this.#clock.elapsed() + pause
    this.#lastError = error
    return error
  }
}
