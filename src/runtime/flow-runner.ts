import { setMaxListeners } from 'node:events'
import type { Environment } from '../environment.ts'
import { asSyncError, SyncError } from '../errors.ts'
import { actionOf, type ChangeEvent } from '../event.ts'
import type { EventLog, LoggedEvent, Partition, StartPosition, Subscriber } from '../log/event-log.ts'
import type { Entry, StateStore } from '../state/state-store.ts'
import { Amender } from './amender.ts'
import type { DeadLetters } from './dead-letters.ts'
import { Abandoned, Executor, type Skip } from './executor.ts'
import { FlowBreaker } from './flow-breaker.ts'
import { FlowCounters } from './flow-counters.ts'
import { FlowKeys } from './flow-keys.ts'
import { Lanes } from './lanes.ts'
import { type ParkedEvent, Parking } from './parking.ts'
import { nextInPlace, PARK_LIMIT_MS, UNCLASSIFIED_TRIES } from './retry.ts'
import { Run, type RunRecord } from './run.ts'
import { RunMemory } from './run-memory.ts'
import { hasMemory, type Step } from './step.ts'
import type { Supervised } from './supervisor.ts'
import type { WriteLedger, Written } from './write-ledger.ts'

/** Over this many writes of ours in a row, an event is taken for a loop between flows. */
const MAX_HOPS = 8
/** Between tries of a replayed event that has failed for half a minute. */
const REPLAY_WAIT_MS = 30_000

/** A flow with its components made. */
export interface CompiledFlow {
  readonly name: string
  /** Name under which state, group and offsets are kept: the flow's first one. */
  readonly identity: string
  readonly group: string
  /** Source topics with the actions wanted; undefined wants all. */
  readonly topics: ReadonlyMap<string, ReadonlySet<string> | undefined>
  readonly redriveTopic: string
  readonly start: StartPosition
  readonly concurrency: number
  readonly rememberMs: number
  readonly steps: readonly Step[]
  /** The system whose writes may have caused an event, by topic. */
  readonly echoSystems: ReadonlyMap<string, string>
}

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

/** How a replay differs: done marks do not count, nothing is parked, and effects are held back by class. */
export interface ReplayMode {
  readonly group: string
  readonly start: Readonly<Record<string, StartPosition>>
  readonly dryRun: boolean
  readonly allEffects: boolean
  /** False: the event is passed over. */
  wants(logged: LoggedEvent): boolean
  /** Called once per event, whatever became of it. */
  ended(logged: LoggedEvent, run: Run | undefined): void
}

interface Job {
  readonly owner: OwnedPartition
  readonly logged: LoggedEvent
  /** As read when the event was taken in; undefined entries are known to be absent. */
  readonly entry?: Entry
  readonly written?: Entry
  /** Its place in the parked list, when it is that list's head. */
  readonly parked?: ParkedEvent
}

interface OwnedPartition {
  readonly partition: Partition
  running: number
  closed: boolean
  idle?: () => void
}

/**
 * A flow as a consumer group: takes events in, runs them in lanes, and decides what a failure means.
 * Every event ends as done, skipped, parked or dead letter before its offset is finished.
 */
export class FlowRunner implements Supervised {
  readonly kind = 'flow'
  readonly flow: CompiledFlow
  readonly counters: FlowCounters
  readonly #options: FlowRunnerOptions
  readonly #env: Environment
  readonly #lanes: Lanes<Job>
  readonly #parking: Parking
  readonly #memory: RunMemory
  readonly #executor: Executor
  readonly #amender: Amender
  readonly #breaker = new FlowBreaker()
  readonly #keys: FlowKeys
  readonly #remembers: boolean
  readonly #owned = new Map<string, OwnedPartition>()
  /** Per parked lane, what waits for its head's next try. */
  readonly #timers = new Map<string, () => void>()
  /** Ids seen by this process lately: what was prefetched for a second copy of an event may be outdated. */
  readonly #recent = new Set<string>()
  #stopping = new AbortController()
  #fatal: SyncError | undefined

  constructor(options: FlowRunnerOptions) {
    this.#options = options
    this.flow = options.flow
    this.#env = options.env
    this.counters = options.counters ?? new FlowCounters(options.env.clock)
    const { identity, rememberMs, concurrency, steps } = options.flow
    this.#keys = new FlowKeys(identity)
    this.#parking = new Parking({ keys: this.#keys, state: options.state, env: options.env })
    this.#memory = new RunMemory({ keys: this.#keys, state: options.state, clock: options.env.clock, rememberMs })
    this.#executor = new Executor({ flow: identity, memory: this.#memory, ledger: options.ledger })
    this.#amender = new Amender({ flow: identity, steps, ledger: options.ledger })
    this.#lanes = new Lanes(concurrency, (lane, job) => this.#run(lane, job))
    this.#remembers = hasMemory(steps) && !options.replay
  }

  get name(): string {
    return this.flow.name
  }

  get controlKey(): string {
    return this.#keys.control
  }

  get parked(): Parking {
    return this.#parking
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
    const { flow, log } = this.#options
    const { replay } = this.#options
    const subscribe = (topics: string[], group: string, start: StartPosition) =>
      log.subscribe(topics, group, subscriber, both, { start }).catch(error => this.#stop(asSyncError(error)))
    await Promise.all(
      replay
        ? Object.entries(replay.start).map(([topic, start]) => subscribe([topic], replay.group, start))
        : [
            subscribe([...flow.topics.keys()], flow.group, flow.start),
            // A group of its own, from the beginning: what a person sends back is never skipped over.
            subscribe([flow.redriveTopic], `${flow.group}.redrive`, 'earliest'),
          ],
    )
    if (this.#fatal) throw this.#fatal
  }

  async #assigned(partition: Partition): Promise<void> {
    const owner: OwnedPartition = { partition, running: 0, closed: false }
    this.#owned.set(partitionKey(partition), owner)
    // Every waiting event listens to it.
    setMaxListeners(0, partition.owned)
    if (this.#options.replay) return
    // P4: the parked lists are known before the first event, which may have to join one.
    const lists = await this.#untilDone(owner, () => this.#parking.load(partition.topic, partition.partition))
    for (const lane of lists ?? []) this.#schedule(lane)
  }

  async #take(partition: Partition, events: readonly LoggedEvent[]): Promise<void> {
    const owner = this.#owned.get(partitionKey(partition))
    if (!owner) return
    const wanted = events.filter(logged => this.#wants(owner, logged))
    const [entries, written] = await this.#prefetch(owner, wanted)
    for (let at = 0; at < wanted.length; at++) {
      if (owner.closed) return
      const logged = wanted[at]!
      this.#lanes.push(laneOf(logged.event), { owner, logged, entry: entries?.[at], written: written?.[at] })
    }
  }

  #wants(owner: OwnedPartition, logged: LoggedEvent): boolean {
    const { replay } = this.#options
    if (replay ? this.#isFor(logged) && replay.wants(logged) : this.#isFor(logged) || this.#mayBeAmended(logged))
      return true
    owner.partition.finished(logged.offset)
    replay?.ended(logged, undefined)
    return false
  }

  /** Of an action that the flow reads. */
  #isFor({ topic, event }: LoggedEvent): boolean {
    const actions = this.flow.topics.get(topic)
    return !actions || actions.has(actionOf(event))
  }

  #mayBeAmended({ topic, event }: LoggedEvent): boolean {
    return this.#amender.concerns(this.flow.echoSystems.get(topic), event)
  }

  /** One read for a whole page: step records, and the ledger where an event may be the echo of a write of ours. */
  async #prefetch(owner: OwnedPartition, events: LoggedEvent[]): Promise<[Entries?, Entries?]> {
    const system = this.flow.echoSystems.get(owner.partition.topic)
    const { state, ledger } = this.#options
    if (events.length === 0 || (!this.#remembers && !system)) return []
    const runs = this.#remembers ? events.map(({ event }) => this.#keys.run(event.id)) : []
    const writes = system ? events.map(({ event }) => ledger.keyOf(system, event)) : []
    const [entries, written] = (await this.#untilDone(owner, () =>
      Promise.all([runs.length > 0 ? state.get(runs) : undefined, writes.length > 0 ? state.get(writes) : undefined]),
    )) ?? [undefined, undefined]
    return [entries, written]
  }

  async #revoked(partition: Partition): Promise<void> {
    const key = partitionKey(partition)
    const owner = this.#owned.get(key)
    if (!owner) return
    owner.closed = true
    this.#lanes.forgetWaiting(job => job.owner === owner)
    await this.#drained(owner)
    this.#owned.delete(key)
    for (const lane of this.#parking.forget(partition.topic, partition.partition)) this.#schedule(lane)
  }

  async #drained(owner: OwnedPartition): Promise<void> {
    if (owner.running === 0) return
    await new Promise<void>(resolve => {
      const cancel = this.#env.clock.after(this.#options.drainMs, resolve)
      owner.idle = () => {
        cancel()
        resolve()
      }
    })
  }

  #run(lane: string, job: Job): Promise<void> | void {
    const { owner, logged } = job
    if (owner.closed) return
    // Its place was taken by an older event, or it was tried since: whoever is the head now has a job of its own.
    if (job.parked && job.parked !== this.#parking.head(lane)) return
    if (this.#parking.isParked(lane) && !job.parked) return this.#counted(owner, this.#join(lane, job))
    if (job.parked || (this.#remembers && this.#recent.has(logged.event.id)))
      return this.#counted(owner, this.#runAfresh(lane, job))
    return this.#runWith(lane, job, job.entry)
  }

  #counted(owner: OwnedPartition, work: Promise<void>): Promise<void> {
    owner.running++
    return work
      .catch(error => {
        if (!(error instanceof Abandoned)) this.#stop(asSyncError(error))
      })
      .then(() => {
        owner.running--
        if (owner.running === 0) owner.idle?.()
      })
  }

  /** With what the state says now: what was read when the event was taken in may be outdated, or missing. */
  async #runAfresh(lane: string, job: Job): Promise<void> {
    const { event, topic } = job.logged
    const system = this.flow.echoSystems.get(topic)
    const { state, ledger } = this.#options
    const keys = [this.#keys.run(event.id)]
    const [[entry], [written]] = await Promise.all([
      state.get(keys),
      system ? state.get([ledger.keyOf(system, event)]) : [undefined],
    ])
    await this.#runWith(lane, { ...job, written }, entry)
  }

  #runWith(lane: string, job: Job, entry: Entry | undefined): Promise<void> | void {
    const { event } = job.logged
    const { replay } = this.#options
    const mode = replay ? 'replay' : job.logged.topic === this.flow.redriveTopic ? 'redrive' : 'live'
    const status = (entry?.value as RunRecord | undefined)?.status
    // P3: a redelivered event that ended before ends here.
    if (status === 'done' || (status === 'dead' && mode === 'live'))
      return this.#finished(lane, job, undefined, { skip: 'redelivered' })
    const cause = this.#options.ledger.causeOf(event, job.written)
    // P6: this flow's own write; other flows see it.
    if (cause?.flow === this.flow.identity) return this.#ownWrite(lane, job, cause)
    if (!this.#isFor(job.logged)) return this.#passOver(lane, job)
    if (this.#remembers) this.#remember(event.id)
    const run = new Run({
      event,
      mode,
      owned: job.owner.partition.owned,
      entry,
      cause,
      dryRun: replay?.dryRun,
      allEffects: replay?.allEffects,
    })
    if (run.hops > MAX_HOPS)
      return this.#counted(job.owner, this.#giveUp(lane, job, run, loop(run, event), 1, this.#env.clock.now()))
    return this.#try(lane, job, run)
  }

  /** P7: a write that brought a deleted record back is no reason for it to stay. */
  #ownWrite(lane: string, job: Job, cause: Written): Promise<void> | void {
    const skip = { skip: 'own write' }
    const { event, topic } = job.logged
    const needed = this.#options.replay
      ? undefined
      : this.#amender.needed(this.flow.echoSystems.get(topic), event, cause)
    if (!needed) return this.#finished(lane, job, undefined, skip)
    const run = new Run({ event, mode: 'live', owned: job.owner.partition.owned, cause })
    const amend = () => this.#amender.amend(run, needed).then(() => skip)
    return this.#counted(job.owner, this.#persist(lane, job, run, amend(), false, amend))
  }

  #remember(id: string): void {
    this.#recent.add(id)
    if (this.#recent.size > 20_000) this.#recent.delete(this.#recent.values().next().value!)
  }

  /** The first try stays synchronous as long as the steps are. */
  #try(lane: string, job: Job, run: Run): Promise<void> | void {
    let outcome: Skip | Promise<Skip>
    try {
      outcome = this.#executor.execute(run, this.flow.steps)
    } catch (error) {
      return this.#counted(job.owner, this.#persist(lane, job, run, Promise.reject(error)))
    }
    if (outcome instanceof Promise) return this.#counted(job.owner, this.#persist(lane, job, run, outcome))
    const saving = this.#memory.finish(run, outcome?.skip)
    if (saving)
      return this.#counted(
        job.owner,
        this.#persist(
          lane,
          job,
          run,
          saving.then(() => outcome as Skip),
          true,
        ),
      )
    return this.#finished(lane, job, run, outcome)
  }

  /** Tries until the event is done, or it is clear what to do with it. */
  async #persist(
    lane: string,
    job: Job,
    run: Run,
    first: Promise<Skip>,
    saved = false,
    again: () => Skip | Promise<Skip> = () => this.#executor.execute(run, this.flow.steps),
  ): Promise<void> {
    const started = this.#env.clock.elapsed()
    const firstAt = job.parked?.firstAt ?? this.#env.clock.now()
    for (let attempt = 1, trying = first; ; attempt++) {
      try {
        const skip = await trying
        if (!saved) await this.#memory.finish(run, skip?.skip)
        return this.#finished(lane, job, run, skip)
      } catch (thrown) {
        if (thrown instanceof Abandoned || job.owner.closed || job.owner.partition.owned.aborted) throw new Abandoned()
        const error = asSyncError(thrown)
        const wait = this.#judge(error, attempt, started)
        if (wait === 'stop') throw error
        if (wait === 'dead') {
          const attempts = attempt + (job.parked?.attempt ?? 0)
          return this.#orAfresh(lane, job, this.#giveUp(lane, job, run, error, attempts, firstAt))
        }
        if (wait === 'park') return this.#orAfresh(lane, job, this.#park(lane, job, run, error, firstAt))
        this.counters.retried++
        await this.#pause(wait, job)
        if (error.code === 'RUN_CONTESTED') return this.#runAfresh(lane, job)
        saved = false
        trying = Promise.resolve().then(again)
      }
    }
  }

  /** A commit that was done and not answered leaves our version behind: the record is read, and the event goes on from there. */
  async #orAfresh(lane: string, job: Job, ending: Promise<void>): Promise<void> {
    try {
      await ending
    } catch (error) {
      if (!(error instanceof SyncError) || error.code !== 'RUN_CONTESTED') throw error
      await this.#runAfresh(lane, job)
    }
  }

  #judge(error: SyncError, attempt: number, started: number): number | 'park' | 'dead' | 'stop' {
    if (error.kind === 'fatal') return 'stop'
    if (error.kind === 'rejected') return 'dead'
    if (error.code === 'UNCLASSIFIED') {
      this.counters.unclassified++
      if (attempt >= UNCLASSIFIED_TRIES) return 'dead'
    }
    const wait = nextInPlace(error, attempt, started, this.#env.clock, this.#env.random)
    // A replay has no hurry: its record waits in place.
    return wait ?? (this.#options.replay ? REPLAY_WAIT_MS : 'park')
  }

  async #pause(ms: number, job: Job): Promise<void> {
    await this.#env.clock.sleep(ms, AbortSignal.any([job.owner.partition.owned, this.#stopping.signal])).catch(() => {
      throw new Abandoned()
    })
  }

  /** P4: hands the event over to its lane's parked list; the offset goes on, later events of the record do not. */
  async #park(lane: string, job: Job, run: Run, error: SyncError, firstAt: number): Promise<void> {
    const attempt = (job.parked?.attempt ?? 0) + 1
    if (this.#env.clock.now() - firstAt >= PARK_LIMIT_MS) return this.#giveUp(lane, job, run, error, attempt, firstAt)
    await this.#untilDone(job.owner, async () => {
      await this.#memory.save(run)
      await this.#parking.park(lane, job.logged, attempt, firstAt, error)
    })
    this.#schedule(lane)
    this.counters.failed(error)
    if (!job.parked) job.owner.partition.finished(job.logged.offset)
  }

  async #join(lane: string, job: Job): Promise<void> {
    await this.#untilDone(job.owner, () => this.#parking.join(lane, job.logged))
    job.owner.partition.finished(job.logged.offset)
  }

  /** The lane's head is run when it is due, by the owner of its own partition: the lane may hold several's events. */
  #schedule(lane: string): void {
    this.#timers.get(lane)?.()
    this.#timers.delete(lane)
    const head = this.#parking.head(lane)
    const owner = head && this.#owned.get(partitionKey(head.logged))
    if (!owner || owner.closed) return
    const cancel = this.#env.clock.after(Math.max(0, head.dueAt - this.#env.clock.now()), () => {
      this.#timers.delete(lane)
      if (!owner.closed) this.#lanes.push(lane, { owner, logged: head.logged, parked: head })
    })
    this.#timers.set(lane, cancel)
  }

  /** P2: written before the offset is finished; where it cannot be written, the record waits. */
  async #giveUp(lane: string, job: Job, run: Run, error: SyncError, attempts: number, firstAt: number): Promise<void> {
    const { step, scope } = run.failureOf(error)
    const { event: _event, data: _data, ...names } = scope
    const facts = { flow: this.flow.identity, step, error, attempts, firstAt, logged: job.logged, names }
    if (!run.dryRun) {
      await this.#untilDone(job.owner, () => this.#options.deadLetters.write(facts))
      await this.#untilDone(job.owner, () => this.#memory.dead(run))
    }
    this.counters.dead++
    this.counters.failed(error)
    await this.#finished(lane, job, run, undefined, true)
    if (this.#breaker.record(true)) this.#stop(tooManyDead(this.flow.name, error))
  }

  #finished(lane: string, job: Job, run: Run | undefined, skip: Skip, dead = false): Promise<void> | void {
    this.#options.replay?.ended(job.logged, run)
    if (skip) this.counters.skipped(skip.skip)
    else if (!dead) this.counters.done++
    if (!dead) this.#breaker.record(false)
    if (job.parked) return this.#unpark(lane, job)
    job.owner.partition.finished(job.logged.offset)
  }

  /** Taken in only because it might have been an echo that says something. */
  #passOver(lane: string, job: Job): Promise<void> | void {
    if (job.parked) return this.#counted(job.owner, this.#unpark(lane, job))
    job.owner.partition.finished(job.logged.offset)
  }

  async #unpark(lane: string, job: Job): Promise<void> {
    await this.#untilDone(job.owner, () => this.#parking.remove(lane, job.logged))
    this.#schedule(lane)
  }

  /** State or log away: wait for them, as long as the partition is ours. */
  async #untilDone<T>(owner: OwnedPartition, work: () => Promise<T>): Promise<T | undefined> {
    for (let attempt = 1; ; attempt++) {
      if (owner.closed || owner.partition.owned.aborted) throw new Abandoned()
      try {
        return await work()
      } catch (thrown) {
        const error = asSyncError(thrown)
        // Repeating cannot help where the run's own record has moved on.
        if (error.kind === 'fatal' || error.code === 'RUN_CONTESTED') throw error
        this.counters.failed(error)
        await this.#env.clock.sleep(Math.min(5000, 100 * 2 ** attempt), owner.partition.owned).catch(() => {
          throw new Abandoned()
        })
      }
    }
  }

  /** No event will pass: nothing more is taken, and nothing that failed is committed. */
  #stop(error: SyncError): void {
    this.#fatal ??= error
    this.#stopping.abort(error)
  }
}

type Entries = (Entry | undefined)[] | undefined

function partitionKey({ topic, partition }: Pick<Partition, 'topic' | 'partition'>): string {
  return `${topic}/${partition}`
}

/** P4: one lane per record of a source, over all topics of the flow. */
function laneOf(event: ChangeEvent): string {
  return `${event.source}\n${event.key}`
}

function loop(run: Run, event: ChangeEvent): SyncError {
  return new SyncError(
    'rejected',
    'LOOP',
    `${event.subject} changed ${run.hops} times in a row by flows answering each other's writes; break the loop with a \`filter\` or \`when\``,
  )
}

function tooManyDead(flow: string, error: SyncError): SyncError {
  return new SyncError(
    'fatal',
    'TOO_MANY_DEAD_LETTERS',
    `flow "${flow}" dead-lettered more than 20 of its last 100 events, the last with ${error.code}: ${error.message}`,
    { cause: error },
  )
}
