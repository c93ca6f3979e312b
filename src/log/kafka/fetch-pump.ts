import type { Clock } from '../../environment.ts'
import { byLeader, type FetchOptions, type FetchPoint, fetchPages, type Page } from './fetch.ts'
import type { Cluster } from './kafkajs-internals.ts'
import { protocolErrorOf } from './log-error.ts'
import type { OwnedPartition } from './owned-partition.ts'

const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 2_000
/** Failures in a row after which the connections are given up and made anew. */
const PATIENCE = 12
/** A fetch that neither answers nor fails for so long is taken for dead: kafkajs's own limit is 30 s. */
const SILENCE_MS = 60_000

export interface PumpHooks {
  /** Topics got partitions: the group must share them out anew. */
  readonly partitionsChanged: () => void
  readonly broken: (error: unknown) => void
  /** Offset of the oldest event kept. */
  readonly begin: (point: FetchPoint) => Promise<number>
}

/** Keeps one fetch under way to each leader that has partitions which want a page. */
export class FetchPump {
  readonly #cluster: Cluster
  /** In the order in which they are asked. */
  #partitions: readonly OwnedPartition[]
  readonly #clock: Clock
  readonly #options: FetchOptions
  readonly #hooks: PumpHooks
  readonly #busy = new Set<number>()
  readonly #stopping = new AbortController()
  readonly #counts: string
  #failures = 0

  constructor(
    cluster: Cluster,
    topics: readonly string[],
    partitions: readonly OwnedPartition[],
    clock: Clock,
    options: FetchOptions,
    hooks: PumpHooks,
  ) {
    this.#cluster = cluster
    this.#partitions = partitions
    this.#clock = clock
    this.#options = options
    this.#hooks = hooks
    this.#topics = topics
    this.#counts = this.#partitionCounts()
  }

  readonly #topics: readonly string[]

  stop(): void {
    this.#stopping.abort()
  }

  /** To be called whenever a partition may want a page. */
  readonly pump = (): void => {
    if (this.#stopping.signal.aborted) return
    const points = this.#partitions.map(({ fetchPoint }) => fetchPoint).filter(point => point !== undefined)
    try {
      for (const [leader, group] of byLeader(this.#cluster, points)) {
        if (!this.#busy.has(leader)) void this.#fetch(leader, group)
      }
    } catch (error) {
      this.#hooks.broken(error)
    }
  }

  async #fetch(leader: number, points: readonly FetchPoint[]): Promise<void> {
    this.#busy.add(leader)
    const cancelWatch = this.#clock.after(SILENCE_MS, () => this.#hooks.broken(new Error('a fetch never ended')))
    try {
      for (const page of await fetchPages(this.#cluster, leader, points, this.#options)) this.#receive(page)
      this.#failures = 0
      await this.#cluster.refreshMetadataIfNecessary()
      if (this.#partitionCounts() !== this.#counts) this.#hooks.partitionsChanged()
    } catch (error) {
      await this.#recover(error, points)
    } finally {
      cancelWatch()
      this.#busy.delete(leader)
    }
    this.pump()
  }

  #receive(page: Page): void {
    const partition = this.#partitions.find(each => each.topic === page.topic && each.partition === page.partition)
    if (!partition) return
    partition.receive(page)
    if (page.events.length > 0) this.#partitions = [...this.#partitions.filter(each => each !== partition), partition]
  }

  async #recover(error: unknown, points: readonly FetchPoint[]): Promise<void> {
    if (this.#stopping.signal.aborted) return
    try {
      if (protocolErrorOf(error) === 'OFFSET_OUT_OF_RANGE') await this.#seekToBegin(points)
      else if (++this.#failures >= PATIENCE) return this.#hooks.broken(error)
      const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(this.#failures, 10))
      await this.#clock.sleep(pause, this.#stopping.signal)
      // Most likely the leader moved, or the broker is on its way back.
      await this.#cluster.refreshMetadata()
    } catch {
      // Tried again with the next fetch, which counts the failures.
    }
  }

  /** Retention has passed the position, or the topic was made anew. */
  async #seekToBegin(points: readonly FetchPoint[]): Promise<void> {
    for (const point of points) {
      const begin = await this.#hooks.begin(point)
      const partition = this.#partitions.find(each => each.topic === point.topic && each.partition === point.partition)
      if (partition && point.offset < begin) partition.seek(begin)
    }
  }

  #partitionCounts(): string {
    return this.#topics.map(topic => this.#cluster.findTopicPartitionMetadata(topic).length).join()
  }
}
