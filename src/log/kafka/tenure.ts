import type { Logger } from 'pino'
import type { Cancel, Clock } from '../../environment.ts'
import type { Partition, Subscriber } from '../event-log.ts'
import type { FetchOptions } from './fetch.ts'
import { FetchPump, type PumpHooks } from './fetch-pump.ts'
import type { GroupMember } from './group-member.ts'
import type { Offsets } from './group-offsets.ts'
import { Heartbeat } from './heartbeat.ts'
import type { Cluster } from './kafkajs-internals.ts'
import { OwnedPartition } from './owned-partition.ts'
import { type KafkaTimings, within } from './timings.ts'

/** Why a tenure is over. Only `failed` is the subscriber's own error. */
export type End =
  | { readonly why: 'stopped' | 'rebalancing' }
  | { readonly why: 'expelled'; readonly reason: string }
  | { readonly why: 'broken' | 'failed'; readonly error: unknown }

export interface TenureContext {
  readonly cluster: Cluster
  readonly member: GroupMember
  readonly topics: readonly string[]
  readonly subscriber: Subscriber
  readonly maxInFlight: number
  readonly clock: Clock
  readonly timings: KafkaTimings
  readonly logger: Logger
  readonly fetch: FetchOptions
  readonly begin: PumpHooks['begin']
}

const COMMIT_TRIES = 5

/** Our ownership of some partitions during one generation of the group: from the assignment to the last commit. */
export class Tenure {
  readonly #context: TenureContext
  readonly #partitions: OwnedPartition[]
  readonly #announced: OwnedPartition[] = []
  readonly #heartbeat: Heartbeat
  readonly #ended: Promise<End>
  #settle: (end: End) => void = () => {}
  #pump: FetchPump | undefined
  #cancelCommit: Cancel = () => {}
  #expelled = false

  /** Begins to send heartbeats at once. */
  constructor(context: TenureContext, places: readonly { topic: string; partition: number; committed: number }[]) {
    this.#context = context
    this.#ended = new Promise(resolve => {
      this.#settle = resolve
    })
    const hooks = {
      changed: () => this.#pump?.pump(),
      failed: (error: unknown) => this.#over({ why: 'failed', error }),
    }
    this.#partitions = places.map(place => new OwnedPartition(place, context.subscriber, context.maxInFlight, hooks))
    this.#heartbeat = new Heartbeat(context.member, context.clock, context.timings, {
      rebalancing: () => this.#over({ why: 'rebalancing' }),
      expelled: reason => {
        this.#expelled = true
        this.#over({ why: 'expelled', reason })
      },
    })
  }

  /** Resolves when every partition is revoked and what was finished is committed. */
  async run(stop: AbortSignal): Promise<End> {
    const stopped = () => this.#over({ why: 'stopped' })
    if (stop.aborted) stopped()
    stop.addEventListener('abort', stopped, { once: true })
    try {
      await Promise.race([this.#assign(), this.#ended])
      const end = await this.#ended
      await this.#revoke(end)
      return end
    } finally {
      stop.removeEventListener('abort', stopped)
      this.#heartbeat.stop()
    }
  }

  async #assign(): Promise<void> {
    const announce = async (partition: OwnedPartition) => {
      this.#announced.push(partition)
      await this.#context.subscriber.assigned?.(partition)
    }
    try {
      await Promise.all(this.#partitions.map(announce))
    } catch (error) {
      return this.#over({ why: 'failed', error })
    }
    if (this.#partitions.some(({ owned }) => owned.aborted)) return
    const { cluster, topics, clock, fetch, begin } = this.#context
    this.#pump = new FetchPump(cluster, topics, this.#partitions, clock, fetch, {
      partitionsChanged: () => this.#over({ why: 'rebalancing' }),
      broken: error => this.#over({ why: 'broken', error }),
      begin,
    })
    this.#scheduleCommit()
    this.#pump.pump()
  }

  /** The first reason counts. Ownership is given up in the same turn: no call may start from here on. */
  #over(end: End): void {
    this.#pump?.stop()
    for (const partition of this.#partitions) partition.giveUp(end.why)
    this.#settle(end)
  }

  /** P4: what is in flight is finished or dropped before the group hands the partition on. */
  async #revoke(end: End): Promise<void> {
    const { clock, timings, subscriber, logger } = this.#context
    this.#cancelCommit()
    const revoking = this.#announced.map(partition => revoked(subscriber, partition))
    const all = within(clock, timings.revokeMs, 'revoking', Promise.all(revoking))
    await all.catch(error =>
      logger.warn({ err: error, why: end.why }, 'a partition was given up with events in flight'),
    )
    for (const partition of this.#partitions) partition.end()
    await this.#commitLast()
  }

  #scheduleCommit(): void {
    this.#cancelCommit = this.#context.clock.after(this.#context.timings.commitMs, () => {
      void this.#commit()
        .catch(error => this.#context.logger.debug({ err: error }, 'offsets not committed, tried again'))
        .then(() => {
          if (!this.#partitions.some(({ owned }) => owned.aborted)) this.#scheduleCommit()
        })
    })
  }

  /** P2: one that fails costs a repetition, not an event. */
  async #commitLast(): Promise<void> {
    const { clock, timings, logger } = this.#context
    for (let attempt = 1; !this.#expelled; attempt++) {
      try {
        return await within(clock, timings.requestMs, 'committing', this.#commit())
      } catch (error) {
        if (attempt === COMMIT_TRIES)
          return logger.warn({ err: error }, 'offsets not committed: events will come again')
        await clock.sleep(100 * attempt)
      }
    }
  }

  /** The broker checks the generation: a member that lost its partitions commits nothing. */
  async #commit(): Promise<void> {
    const due = this.#partitions.flatMap(partition => {
      const offset = partition.toCommit
      return offset === undefined || this.#expelled ? [] : [{ partition, offset }]
    })
    if (due.length === 0) return
    const offsets = new Map<string, Offsets>()
    for (const { partition, offset } of due) {
      const byPartition = offsets.get(partition.topic) ?? new Map<number, number>()
      offsets.set(partition.topic, byPartition.set(partition.partition, offset))
    }
    const standing = await this.#context.member.commit(offsets)
    if (standing === 'expelled') {
      this.#expelled = true
      return this.#over({ why: 'expelled', reason: 'the group refused our offsets' })
    }
    if (standing === 'rebalancing') return this.#over({ why: 'rebalancing' })
    for (const { partition, offset } of due) partition.wasCommitted(offset)
  }
}

async function revoked(subscriber: Subscriber, partition: Partition): Promise<void> {
  await subscriber.revoked?.(partition)
}
