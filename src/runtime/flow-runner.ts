import type { Environment } from '../environment.ts'
import { asSyncError, type SyncError } from '../errors.ts'
import type { EventLog, LoggedEvent, Partition, StartPosition, Subscriber } from '../log/event-log.ts'
import type { Entry, StateStore } from '../state/state-store.ts'
import type { Collectable } from './collection.ts'
import { Collector } from './collector.ts'
import { type CompiledFlow, type ReplayMode, redriveGroupOf } from './compiled-flow.ts'
import type { DeadLetters } from './dead-letters.ts'
import type { Loop } from './each.ts'
import { FlowCounters } from './flow-counters.ts'
import { FlowKeys } from './flow-keys.ts'
import type { Job } from './job.ts'
import { JobRunner } from './job-runner.ts'
import { Lanes } from './lanes.ts'
import { OwnedPartition, partitionKey } from './owned-partition.ts'
import { ParkedLanes } from './parked-lanes.ts'
import { Parking } from './parking.ts'
import type { Supervised } from './supervisor.ts'
import type { WriteLedger } from './write-ledger.ts'

export interface FlowRunnerOptions {
  readonly flow: CompiledFlow
  readonly log: Pick<EventLog, 'subscribe'>
  readonly state: StateStore
  readonly env: Environment
  readonly deadLetters: DeadLetters
  readonly ledger: WriteLedger
  /** A drain that takes longer leaves its events to the next owner. */
  readonly drainMs: number
  /** Default: counts from zero. */
  readonly counters?: FlowCounters
  /** Present: a range of the log is run again, beside the live flow. */
  readonly replay?: ReplayMode
}

/** A flow as a consumer group: takes events in and puts each into the lane of its record. */
export class FlowRunner implements Supervised {
  readonly kind = 'flow'
  readonly flow: CompiledFlow
  readonly counters: FlowCounters
  readonly #options: FlowRunnerOptions
  readonly #keys: FlowKeys
  readonly #owned = new Map<string, OwnedPartition>()
  readonly #lanes: Lanes<Job>
  readonly #parked: ParkedLanes
  readonly #collector: Collector
  readonly #jobs: JobRunner
  #stopping = new AbortController()
  #fatal: SyncError | undefined

  constructor(options: FlowRunnerOptions) {
    this.#options = options
    const { flow, state, env } = options
    this.flow = flow
    this.counters = options.counters ?? new FlowCounters(env.clock)
    this.#keys = new FlowKeys(flow.identity)
    this.#lanes = new Lanes(flow.concurrency, (lane, job) => this.#jobs.run(lane, job))
    const parking = new Parking({ keys: this.#keys, state, env })
    this.#parked = new ParkedLanes({ parking, env, lanes: this.#lanes, owned: this.#owned })
    const stop = (error: SyncError) => this.#stop(error)
    this.#collector = new Collector({
      settings: options.replay ? undefined : flow.collect,
      keys: this.#keys,
      state,
      clock: env.clock,
      counters: this.counters,
      owned: this.#owned,
      push: (lane, job) => this.#lanes.push(lane, job),
      stop,
    })
    this.#jobs = new JobRunner({
      ...options,
      keys: this.#keys,
      counters: this.counters,
      parked: this.#parked,
      collector: this.#collector,
      stop,
      stopping: () => this.#stopping.signal,
    })
  }

  /** Each long `each` that is under way. */
  get loops(): Loop[] {
    return this.#jobs.loops
  }

  get name(): string {
    return this.flow.name
  }

  get controlKey(): string {
    return this.#keys.control
  }

  get parked(): Parking {
    return this.#parked.parking
  }

  /** What is collected and waits. */
  get waiting(): Collector['waiting'] {
    return this.#collector.waiting
  }

  /** When the oldest event that is taken in and unfinished entered the log. */
  oldestUnfinishedAt(): number | undefined {
    let oldest: number | undefined
    for (const { logged } of this.#lanes.jobs())
      if (oldest === undefined || logged.appendedAt < oldest) oldest = logged.appendedAt
    return oldest
  }

  /**
   * Runs until the signal is aborted; drains then. @throws SyncError what stopped the flow.
   */
  async run(signal: AbortSignal): Promise<void> {
    this.#stopping = new AbortController()
    this.#fatal = undefined
    const both = AbortSignal.any([signal, this.#stopping.signal])
    const subscriber: Subscriber = {
      assigned: partition => this.#assigned(partition),
      take: (partition, events) => this.#take(partition, events),
      revoked: partition => this.#revoked(partition),
    }
    const { flow, log, replay } = this.#options
    const subscribe = (topics: string[], group: string, start: StartPosition) =>
      log.subscribe(topics, group, subscriber, both, { start }).catch(error => this.#stop(asSyncError(error)))
    await Promise.all(
      replay
        ? Object.entries(replay.start).map(([topic, start]) => subscribe([topic], replay.group, start))
        : [
            subscribe([...flow.topics.keys()], flow.group, flow.start),
            subscribe([flow.redriveTopic], redriveGroupOf(flow), 'earliest'),
          ],
    )
    if (this.#fatal) throw this.#fatal
  }

  async #assigned(partition: Partition): Promise<void> {
    const owner = new OwnedPartition(partition, this.#options.env.clock, error => this.counters.failed(error))
    this.#owned.set(partitionKey(partition), owner)
    if (this.#options.replay) return
    await this.#parked.assigned(owner)
    await this.#collector.assigned(owner)
  }

  async #take(partition: Partition, events: readonly LoggedEvent[]): Promise<void> {
    const owner = this.#owned.get(partitionKey(partition))
    if (!owner) return
    const wanted = events.filter(logged => this.#wants(owner, logged))
    const [entries, written] = await this.#prefetch(owner, wanted)
    const collects = this.#collects(partition)
    const collectable: Collectable[] = []
    for (let at = 0; at < wanted.length; at++) {
      if (owner.closed) return
      const logged = wanted[at]!
      const lane = this.#collector.laneOf(logged.event)
      const cause = collects ? this.#options.ledger.causeOf(logged.event, written?.[at]) : undefined
      // The echo of an own write says nothing new, and must not stand for what does.
      const waits = collects && this.#jobs.isFor(logged) && cause?.flow !== this.flow.identity
      if (waits && this.#collector.has(logged)) partition.finished(logged.offset)
      else if (waits && this.flow.collect) collectable.push({ logged, lane, ...(cause && { cause }) })
      else this.#lanes.push(lane, { owner, logged, entry: entries?.[at], written: written?.[at] })
    }
    if (collectable.length > 0) await this.#collector.take(owner, collectable)
  }

  /** Not what a person sent back, nor a replay. */
  #collects({ topic, partition }: Partition): boolean {
    if (this.#options.replay || topic === this.flow.redriveTopic) return false
    return this.flow.collect !== undefined || this.#collector.hasTaken(topic, partition)
  }

  #wants(owner: OwnedPartition, logged: LoggedEvent): boolean {
    const { replay } = this.#options
    const jobs = this.#jobs
    if (replay ? jobs.isFor(logged) && replay.wants(logged) : jobs.isFor(logged) || jobs.mayBeAmended(logged))
      return true
    owner.partition.finished(logged.offset)
    replay?.ended(logged, undefined)
    return false
  }

  /** One read for a whole page: step records, and the ledger where an event may be the echo of a write of ours. */
  async #prefetch(owner: OwnedPartition, events: LoggedEvent[]): Promise<[Entries?, Entries?]> {
    const system = this.flow.echoSystems.get(owner.partition.topic)
    const { state, ledger } = this.#options
    const { remembers } = this.#jobs
    if (events.length === 0 || (!remembers && !system)) return []
    const runs = remembers ? events.map(({ event }) => this.#keys.run(event.id)) : []
    const writes = system ? events.map(({ event }) => ledger.keyOf(system, event)) : []
    return owner.untilDone(() =>
      Promise.all([runs.length > 0 ? state.get(runs) : undefined, writes.length > 0 ? state.get(writes) : undefined]),
    )
  }

  async #revoked(partition: Partition): Promise<void> {
    const key = partitionKey(partition)
    const owner = this.#owned.get(key)
    if (!owner) return
    owner.close()
    this.#lanes.forgetWaiting(job => job.owner === owner)
    await owner.drained(this.#options.drainMs)
    this.#owned.delete(key)
    this.#parked.revoked(owner)
    this.#collector.revoked(owner)
  }

  /** No event will pass: nothing more is taken, and nothing that failed is committed. */
  #stop(error: SyncError): void {
    this.#fatal ??= error
    this.#stopping.abort(error)
  }
}

type Entries = (Entry | undefined)[] | undefined
