import type { CollectConfig } from '../config/config.ts'
import type { Expression } from '../config/definition.ts'
import type { Clock } from '../environment.ts'
import { SyncError } from '../errors.ts'
import type { ChangeEvent } from '../event.ts'
import { compileExpression } from '../expressions/compile.ts'
import type { Expressions } from '../expressions/expressions.ts'
import { onAbort } from '../on-abort.ts'
import { cronSchedule } from '../schedule.ts'
import type { StateStore } from '../state/state-store.ts'
import { type Collectable, type CollectedEvent, Collection } from './collection.ts'
import type { FlowCounters } from './flow-counters.ts'
import type { FlowKeys } from './flow-keys.ts'
import { type Job, laneOf } from './job.ts'
import type { OwnedPartition } from './owned-partition.ts'
import { eventView } from './run.ts'

/** How a flow collects. */
export interface CollectSettings {
  /** When a window ends that began then, in milliseconds since the epoch. */
  readonly endOf: (sinceMs: number) => number
  readonly max: number
  /** Absent: the event's record. */
  readonly by?: Expression
}

export function collectSettings(
  config: CollectConfig,
  compile: Expressions['compile'] = compileExpression,
): CollectSettings {
  const { max, by } = config
  return {
    endOf: 'everyMs' in config ? sinceMs => sinceMs + config.everyMs : cronEnds(config),
    max,
    ...(by !== undefined && { by: compile(by) }),
  }
}

function cronEnds({ cron, timeZone }: { cron: string; timeZone?: string }): CollectSettings['endOf'] {
  const schedule = cronSchedule(cron, timeZone)
  return sinceMs => schedule.next(sinceMs)
}

/** Started and not ended, beyond which no more is taken in. */
const MOST_RUNNING = 1000
/** A timer cannot wait for weeks. */
const LONGEST_WAIT_MS = 3_600_000

/** Lets events wait for the end of their window, and starts them together. */
export class Collector {
  readonly #settings: CollectSettings | undefined
  readonly #collection: Collection
  readonly #clock: Clock
  readonly #state: StateStore
  readonly #keys: FlowKeys
  readonly #counters: FlowCounters
  readonly #owned: ReadonlyMap<string, OwnedPartition>
  readonly #push: (lane: string, job: Job) => void
  readonly #stop: (error: SyncError) => void
  #cancelTimer: (() => void) | undefined
  /** Started and not ended. */
  readonly #running = new Map<OwnedPartition, Set<CollectedEvent>>()
  #gate: (() => void)[] = []
  #starting: Promise<void> = Promise.resolve()

  constructor(options: {
    settings: CollectSettings | undefined
    keys: FlowKeys
    state: StateStore
    clock: Clock
    counters: FlowCounters
    /** By `partitionKey`. */
    owned: ReadonlyMap<string, OwnedPartition>
    push: (lane: string, job: Job) => void
    stop: (error: SyncError) => void
  }) {
    this.#settings = options.settings
    this.#collection = new Collection(options)
    this.#clock = options.clock
    this.#state = options.state
    this.#keys = options.keys
    this.#counters = options.counters
    this.#owned = options.owned
    this.#push = options.push
    this.#stop = options.stop
  }

  /** What waits, and when it starts at the latest. */
  get waiting(): { readonly records: number; readonly dueAt: number } | undefined {
    const dueAt = this.#dueAt
    return dueAt === undefined ? undefined : { records: this.#collection.size, dueAt }
  }

  /** P4: of a lane one event runs at a time, and of those that wait the latest is kept. */
  laneOf(event: ChangeEvent): string {
    const by = this.#settings?.by
    const value = by && groupOf(by, event)
    return value === undefined ? laneOf(event) : `by\n${value}`
  }

  async assigned(owner: OwnedPartition): Promise<void> {
    const { topic, partition } = owner.partition
    await this.#inTurn(async () => {
      const started = await owner.untilDone(() => this.#collection.load(topic, partition))
      this.#run(await this.#jobsOf(owner, started))
      // A config that collects no more leaves nothing behind.
      if (!this.#settings) this.#run(await this.#start(owner))
    })
    this.#schedule()
  }

  revoked(owner: OwnedPartition): void {
    const { topic, partition } = owner.partition
    this.#collection.forget(topic, partition)
    this.#running.delete(owner)
    this.#left()
    this.#schedule()
  }

  /** It was taken in before, and waits, runs or has ended. */
  has(logged: Collectable['logged']): boolean {
    return this.#collection.has(logged)
  }

  /** Something of the partition was taken in, by this config or an earlier one. */
  hasTaken(topic: string, partition: number): boolean {
    return this.#collection.hasTaken(topic, partition)
  }

  /** P2: durable, and only then finished for the offset. Resolves when there is room for more. */
  async take(owner: OwnedPartition, events: readonly Collectable[]): Promise<void> {
    const { topic, partition } = owner.partition
    const { max } = this.#settings!
    for (let rest = events; rest.length > 0; ) {
      await this.#untilRoom(owner)
      // One at least: what waits of a partition that is being given up is not ours to start.
      const free = Math.max(1, max - this.#collection.size)
      const adding = rest
      const { taken, replaced } = await owner.untilDone(() => this.#collection.add(topic, partition, adding, free))
      for (let at = 0; at < replaced; at++) this.#counters.skipped('collected: a later event came')
      for (const { logged } of rest.slice(0, taken)) owner.partition.finished(logged.offset)
      rest = rest.slice(taken)
      if (this.#collection.size >= max) await this.#startAll()
    }
    this.#schedule()
  }

  async ended(job: Job): Promise<void> {
    await job.owner.untilDone(() => this.#collection.remove(job.logged))
    this.#running.get(job.owner)?.delete(job.collected!)
    this.#left()
  }

  #left(): void {
    if (this.#runningCount < MOST_RUNNING) for (const go of this.#gate.splice(0)) go()
  }

  get #runningCount(): number {
    let count = 0
    for (const events of this.#running.values()) count += events.size
    return count
  }

  async #untilRoom({ partition: { owned } }: OwnedPartition): Promise<void> {
    while (this.#runningCount >= MOST_RUNNING && !owned.aborted) {
      await new Promise<void>(resolve => {
        const forget = onAbort(owned, resolve)
        this.#gate.push(() => {
          forget()
          resolve()
        })
      })
    }
  }

  /** Of what can be started: a partition that is lost is its next owner's. */
  get #dueAt(): number | undefined {
    const since = this.#owners.flatMap(
      ({ partition: { topic, partition } }) => this.#collection.since(topic, partition) ?? [],
    )
    return since.length === 0 || !this.#settings ? undefined : this.#settings.endOf(Math.min(...since))
  }

  get #owners(): OwnedPartition[] {
    return [...this.#owned.values()].filter(owner => !owner.isLost)
  }

  #schedule(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    const dueAt = this.#dueAt
    if (dueAt === undefined) return
    const wait = Math.max(0, dueAt - this.#clock.now())
    this.#cancelTimer = this.#clock.after(Math.min(wait, LONGEST_WAIT_MS), () => {
      if (wait > LONGEST_WAIT_MS) this.#schedule()
      else void this.#startAll()
    })
  }

  /** All partitions together, so that batches are full: none begins before all are there. */
  #startAll(): Promise<void> {
    return this.#inTurn(async () => {
      const owners = this.#owners
      const found = owners.map(owner => this.#start(owner))
      const all = Promise.allSettled(found)
      const begin = async (owner: OwnedPartition, jobs: Promise<Job[]>) => {
        await all
        const own = await jobs
        // Its next owner finds them started.
        if (!owner.isLost) this.#run(own)
      }
      await Promise.all(owners.map((owner, at) => owner.counted(begin(owner, found[at]!), this.#stop)))
      this.#schedule()
    })
  }

  /** P4: one after the other, so that no window's events run before those of an earlier one. */
  #inTurn(start: () => Promise<void>): Promise<void> {
    const done = this.#starting.then(start)
    this.#starting = done.catch(() => {})
    return done
  }

  async #start(owner: OwnedPartition): Promise<Job[]> {
    const { topic, partition } = owner.partition
    if (!this.#collection.knows(topic, partition)) return []
    return this.#jobsOf(owner, await owner.untilDone(() => this.#collection.start(topic, partition)))
  }

  /** One read for all of them. */
  async #jobsOf(owner: OwnedPartition, events: readonly CollectedEvent[]): Promise<Job[]> {
    if (events.length === 0) return []
    const running = this.#running.get(owner) ?? new Set()
    this.#running.set(owner, running)
    for (const event of events) running.add(event)
    const keys = events.map(({ logged }) => this.#keys.run(logged.event.id))
    const entries = await owner.untilDone(() => this.#state.get(keys))
    return events.map((collected, at) => ({ owner, logged: collected.logged, entry: entries[at], collected }))
  }

  #run(jobs: readonly Job[]): void {
    for (const job of jobs) this.#push(job.collected!.lane, job)
  }
}

/** undefined where it gives nothing to tell by: then it is the event's record. */
function groupOf(by: Expression, event: ChangeEvent): string | undefined {
  try {
    const value = by.evaluate({ event: eventView(event), data: event.data })
    return value === undefined || value === null ? undefined : JSON.stringify(value)
  } catch (error) {
    if (error instanceof SyncError) return undefined
    throw error
  }
}
