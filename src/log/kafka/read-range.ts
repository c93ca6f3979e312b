import type { Clock } from '../../environment.ts'
import { SyncError } from '../../errors.ts'
import type { LoggedEvent } from '../event-log.ts'
import type { KafkaClient } from './client.ts'
import { byLeader, type FetchPoint, fetchPages, type Page } from './fetch.ts'
import type { Offsets } from './group-offsets.ts'
import type { Cluster } from './kafkajs-internals.ts'
import { logError, protocolErrorOf } from './log-error.ts'
import type { RegistryFormat } from './registry.ts'

const FIRST_PAUSE_MS = 100
/** Failures in a row after which the reader is told. */
const PATIENCE = 8

export interface RangeContext {
  readonly client: KafkaClient
  readonly clock: Clock
  readonly registry: RegistryFormat | undefined
  readonly waitMs: number
  /** Aborted by the reader: the range ends quietly. */
  readonly stop: AbortSignal | undefined
  /** Aborted when the log is closed: a range cut short must not pass for a whole one. */
  readonly closing: AbortSignal
}

interface Cursor extends FetchPoint {
  readonly end: number
}

/**
 * A range of a topic by plain fetches, with no group: kafkajs's consumer cannot read without one. Where the end offset
 * itself is missing (compaction, transactions) the range ends when the position has passed it.
 */
export class KafkaRange implements AsyncIterator<LoggedEvent> {
  readonly #topic: string
  readonly #bounds: Promise<{ from: Offsets; to: Offsets }>
  readonly #context: RangeContext
  #cluster: Cluster | undefined
  #cursors: Cursor[] | undefined
  #ahead: Promise<Page[]> | undefined
  #events: readonly LoggedEvent[] = []
  #index = 0
  #done = false

  constructor(topic: string, bounds: Promise<{ from: Offsets; to: Offsets }>, context: RangeContext) {
    this.#topic = topic
    this.#bounds = bounds
    this.#context = context
  }

  next(): Promise<IteratorResult<LoggedEvent>> {
    if (this.#context.stop?.aborted) return this.return()
    if (this.#index < this.#events.length) return Promise.resolve({ value: this.#events[this.#index++]!, done: false })
    return this.#nextPage()
  }

  async return(): Promise<IteratorResult<LoggedEvent>> {
    this.#done = true
    this.#events = []
    this.#index = 0
    const cluster = this.#cluster
    this.#cluster = undefined
    this.#ahead?.catch(() => {})
    await cluster?.disconnect().catch(() => {})
    return { value: undefined, done: true }
  }

  async #nextPage(): Promise<IteratorResult<LoggedEvent>> {
    try {
      while (!this.#done && !this.#context.stop?.aborted) {
        this.#cursors ??= await this.#open()
        if (this.#cursors.length === 0) break
        this.#ahead ??= this.#fetch()
        const pages = await this.#interruptible(this.#ahead)
        this.#ahead = undefined
        if (!pages) break
        this.#events = pages.flatMap(page => this.#eventsOf(page))
        this.#index = 0
        // The next pages come while these are worked on.
        if (this.#cursors.length > 0) this.#ahead = this.#fetch()
        this.#ahead?.catch(() => {})
        if (this.#events.length > 0) return { value: this.#events[this.#index++]!, done: false }
      }
      return await this.return()
    } catch (error) {
      await this.return()
      throw logError(error, this.#context.client.at(`cannot read topic "${this.#topic}"`))
    }
  }

  async #open(): Promise<Cursor[]> {
    const { from, to } = await this.#bounds
    const cursors = [...from].map(([partition, offset]) => {
      return { topic: this.#topic, partition, offset, end: to.get(partition) ?? 0, stuck: false }
    })
    const wanted = cursors.filter(({ offset, end }) => offset < end)
    if (wanted.length === 0) return []
    this.#cluster = this.#context.client.newCluster()
    await this.#cluster.connect()
    await this.#cluster.addMultipleTargetTopics([this.#topic])
    return wanted
  }

  /** Undefined when the reader stopped. @throws SyncError when the log was closed. */
  async #interruptible(pages: Promise<Page[]>): Promise<Page[] | undefined> {
    const { stop, closing } = this.#context
    const closed = () => new SyncError('retryable', 'LOG_UNAVAILABLE', 'the log is closed')
    if (closing.aborted) throw closed()
    const listening = new AbortController()
    const interrupted = new Promise<undefined>((resolve, reject) => {
      const { signal } = listening
      stop?.addEventListener('abort', () => resolve(undefined), { once: true, signal })
      closing.addEventListener('abort', () => reject(closed()), { once: true, signal })
    })
    try {
      return await Promise.race([pages, interrupted])
    } finally {
      listening.abort()
    }
  }

  async #fetch(): Promise<Page[]> {
    const { clock, registry, waitMs, stop } = this.#context
    for (let attempt = 1; ; attempt++) {
      const cluster = this.#cluster
      if (!cluster || !this.#cursors) return []
      try {
        const groups = [...byLeader(cluster, this.#cursors)]
        if (groups.length === 0) throw new Error('no partition has a leader')
        const fetched = groups.map(([leader, points]) => fetchPages(cluster, leader, points, { waitMs, registry }))
        return (await Promise.all(fetched)).flat()
      } catch (error) {
        if (this.#done) return []
        if (protocolErrorOf(error) === 'OFFSET_OUT_OF_RANGE') throw goneError(this.#topic, error)
        if (attempt === PATIENCE) throw error
        await clock.sleep(FIRST_PAUSE_MS * attempt, stop).catch(() => {})
        await cluster.refreshMetadata().catch(() => {})
      }
    }
  }

  /** Moves the partition's cursor past the page. */
  #eventsOf(page: Page): readonly LoggedEvent[] {
    const cursors = this.#cursors ?? []
    const index = cursors.findIndex(({ partition }) => partition === page.partition)
    const cursor = cursors[index]
    if (!cursor) return []
    // Ends at what is stable, should a transaction of somebody else hang below the end.
    const isOver = page.next >= cursor.end || (page.events.length === 0 && !page.stuck && page.next >= page.end)
    const rest = cursors.filter((_, each) => each !== index)
    const moved = { ...cursor, offset: page.next, stuck: page.stuck }
    // Whoever got nothing is asked first the next time.
    if (isOver) this.#cursors = rest
    else this.#cursors = page.next === cursor.offset ? [moved, ...rest] : [...rest, moved]
    const last = page.events.at(-1)
    return last && last.offset >= cursor.end ? page.events.filter(({ offset }) => offset < cursor.end) : page.events
  }
}

function goneError(topic: string, cause: unknown): SyncError {
  const message = `retention removed events of topic "${topic}" while they were read: start the read again`
  return new SyncError('retryable', 'LOG_UNAVAILABLE', message, { cause })
}
