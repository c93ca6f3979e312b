import type { Environment } from '../environment.ts'
import { asSyncError, SyncError } from '../errors.ts'
import { actionOf, type ChangeEvent } from '../event.ts'
import type { LoggedEvent } from '../log/event-log.ts'
import type { Entry, StateStore } from '../state/state-store.ts'
import { Abandoned } from './abandoned.ts'
import { Amender } from './amender.ts'
import type { Collector } from './collector.ts'
import type { CompiledFlow, ReplayMode } from './compiled-flow.ts'
import type { DeadLetters } from './dead-letters.ts'
import type { Loop } from './each.ts'
import type { ItemFailure } from './each-loop.ts'
import { Executor, type Skip } from './executor.ts'
import type { FlowCounters } from './flow-counters.ts'
import type { FlowKeys } from './flow-keys.ts'
import { GivenUp } from './given-up.ts'
import type { Job } from './job.ts'
import { subjectOf } from './lone-items.ts'
import type { ParkedLanes } from './parked-lanes.ts'
import type { ParkedEvent } from './parking.ts'
import { nextInPlace, PARK_LIMIT_MS, UNCLASSIFIED_TRIES } from './retry.ts'
import { Run, type RunRecord } from './run.ts'
import { RunMemory } from './run-memory.ts'
import { hasMemory } from './step.ts'
import type { WriteLedger, Written } from './write-ledger.ts'

/** Over this many writes of ours in a row, an event is taken for a loop between flows. */
const MAX_HOPS = 8
/** Between tries of a replayed event that has failed for half a minute. */
const REPLAY_WAIT_MS = 30_000
/** Ids remembered of events seen lately. */
const RECENT = 20_000

/** For how long an event has got no further, and how often it was parked since. */
type Failing = Pick<ParkedEvent, 'attempt' | 'firstAt'>

export interface JobRunnerOptions {
  readonly flow: CompiledFlow
  readonly keys: FlowKeys
  readonly state: StateStore
  readonly env: Environment
  readonly deadLetters: DeadLetters
  readonly ledger: WriteLedger
  readonly counters: FlowCounters
  readonly parked: ParkedLanes
  readonly collector: Collector
  readonly replay?: ReplayMode
  /** No event will pass: the flow stops. */
  readonly stop: (error: SyncError) => void
  /** Aborted when it does. */
  readonly stopping: () => AbortSignal
}

/**
 * Runs one event at a time of each lane, and decides what a failure means.
 * Every event ends as done, skipped, parked or dead letter before its offset is finished.
 */
export class JobRunner {
  /** Whether run records are read and written. */
  readonly remembers: boolean
  readonly #options: JobRunnerOptions
  readonly #flow: CompiledFlow
  readonly #env: Environment
  readonly #counters: FlowCounters
  readonly #parked: ParkedLanes
  readonly #memory: RunMemory
  readonly #executor: Executor
  readonly #amender: Amender
  readonly #givenUp: GivenUp
  /** Ids seen by this process lately: what was prefetched for a second copy of an event may be outdated. */
  readonly #recent = new Set<string>()

  constructor(options: JobRunnerOptions) {
    this.#options = options
    const { flow, keys, state, env, ledger, counters, parked, deadLetters } = options
    this.#flow = flow
    this.#env = env
    this.#counters = counters
    this.#parked = parked
    this.#givenUp = new GivenUp({ flow, deadLetters, counters })
    const { identity, rememberMs, steps } = flow
    this.#memory = new RunMemory({ keys, state, clock: env.clock, rememberMs })
    this.#executor = new Executor({
      flow: identity,
      memory: this.#memory,
      ledger,
      env,
      items: {
        failed: (run, failure) => this.#itemFailed(run, failure),
        passed: () => this.#givenUp.passed(),
        retried: error => {
          counters.retried++
          if (error.code === 'UNCLASSIFIED') counters.unclassified++
        },
      },
    })
    this.#amender = new Amender({ flow: identity, steps, ledger })
    this.remembers = hasMemory(steps) && !options.replay
  }

  get loops(): Loop[] {
    return this.#executor.loops
  }

  /** Of an action that the flow reads. */
  isFor({ topic, event }: LoggedEvent): boolean {
    const actions = this.#flow.topics.get(topic)
    return !actions || actions.has(actionOf(event))
  }

  /** It may be an echo that has something to say all the same. */
  mayBeAmended({ topic, event }: LoggedEvent): boolean {
    return this.#amender.concerns(this.#flow.echoSystems.get(topic), event)
  }

  run(lane: string, job: Job): Promise<void> | void {
    const { owner, logged } = job
    if (owner.closed) return
    // Its place was taken by an older event, or it was tried since: whoever is the head now has a job of its own.
    if (job.parked && job.parked !== this.#parked.head(lane)) return
    if (this.#parked.isParked(lane) && !job.parked) return this.#counted(job, this.#join(lane, job))
    if (job.parked || (this.remembers && this.#recent.has(logged.event.id)))
      return this.#counted(job, this.#runAfresh(lane, job))
    if (job.collected) return this.#counted(job, this.#runCollected(lane, job))
    return this.#runWith(lane, job, job.entry)
  }

  async #runCollected(lane: string, job: Job): Promise<void> {
    await this.#runWith(lane, job, job.entry)
  }

  #counted({ owner }: Job, work: Promise<void>): Promise<void> {
    return owner.counted(work, this.#options.stop)
  }

  /** With what the state says now: what was read when the event was taken in may be outdated, or missing. */
  async #runAfresh(lane: string, job: Job): Promise<void> {
    const { event, topic } = job.logged
    const system = this.#flow.echoSystems.get(topic)
    const { state, ledger, keys } = this.#options
    const [[entry], [written]] = await Promise.all([
      state.get([keys.run(event.id)]),
      system ? state.get([ledger.keyOf(system, event)]) : [undefined],
    ])
    await this.#runWith(lane, { ...job, written }, entry)
  }

  #runWith(lane: string, job: Job, entry: Entry | undefined): Promise<void> | void {
    const { id } = job.logged.event
    const { event, item } = subjectOf(job.logged, this.#flow.redriveTopic)
    const { replay } = this.#options
    const mode = replay ? 'replay' : job.logged.topic === this.#flow.redriveTopic ? 'redrive' : 'live'
    const status = (entry?.value as RunRecord | undefined)?.status
    // P3: a redelivered event that ended before ends here.
    if (status === 'done' || (status === 'dead' && mode === 'live'))
      return this.#finished(lane, job, undefined, { skip: 'redelivered' })
    const cause = job.collected ? job.collected.cause : this.#options.ledger.causeOf(event, job.written)
    // P6: this flow's own write; other flows see it.
    if (cause?.flow === this.#flow.identity) return this.#ownWrite(lane, job, cause)
    if (!this.isFor(job.logged)) return this.#passOver(lane, job)
    if (this.remembers) this.#remember(id)
    const run = new Run({
      id,
      event,
      item,
      mode,
      owned: job.owner.partition.owned,
      ending: job.owner.ending,
      logged: job.logged,
      entry,
      cause,
      isCollected: job.collected !== undefined,
      dryRun: replay?.dryRun,
      allEffects: replay?.allEffects,
    })
    if (run.hops > MAX_HOPS)
      return this.#counted(job, this.#giveUp(lane, job, run, loop(run, event), 1, this.#env.clock.now()))
    return this.#try(lane, job, run)
  }

  /** P7: a write that brought a deleted record back is no reason for it to stay. */
  #ownWrite(lane: string, job: Job, cause: Written): Promise<void> | void {
    const skip = { skip: 'own write' }
    const { event, topic } = job.logged
    const needed = this.#options.replay
      ? undefined
      : this.#amender.needed(this.#flow.echoSystems.get(topic), event, cause)
    if (!needed) return this.#finished(lane, job, undefined, skip)
    const run = new Run({ event, mode: 'live', owned: job.owner.partition.owned, cause })
    const amend = () => this.#amender.amend(run, needed).then(() => skip)
    return this.#counted(job, this.#persist(lane, job, run, amend(), false, amend))
  }

  #remember(id: string): void {
    this.#recent.add(id)
    if (this.#recent.size > RECENT) this.#recent.delete(this.#recent.values().next().value!)
  }

  /** The first try stays synchronous as long as the steps are. */
  #try(lane: string, job: Job, run: Run): Promise<void> | void {
    let outcome: Skip | Promise<Skip>
    try {
      outcome = this.#executor.run(run, this.#flow.steps)
    } catch (error) {
      return this.#counted(job, this.#persist(lane, job, run, Promise.reject(error)))
    }
    if (outcome instanceof Promise) return this.#counted(job, this.#persist(lane, job, run, outcome))
    const saving = this.#memory.finish(run, outcome?.skip)
    if (!saving) return this.#finished(lane, job, run, outcome)
    const saved = saving.then(() => outcome as Skip)
    return this.#counted(job, this.#persist(lane, job, run, saved, true))
  }

  /** Tries until the event is done, or it is clear what to do with it. */
  async #persist(
    lane: string,
    job: Job,
    run: Run,
    first: Promise<Skip>,
    saved = false,
    again: () => Skip | Promise<Skip> = () => this.#executor.run(run, this.#flow.steps),
  ): Promise<void> {
    const started = this.#env.clock.elapsed()
    let failing: Failing = job.parked ?? this.#firstFailure()
    for (let attempt = 1, trying = first; ; attempt++) {
      try {
        const skip = await trying
        if (!saved) await this.#memory.finish(run, skip?.skip)
        return this.#finished(lane, job, run, skip)
      } catch (thrown) {
        if (thrown instanceof Abandoned || job.owner.isLost) throw new Abandoned()
        const error = asSyncError(thrown)
        if (run.gotFurther()) failing = this.#firstFailure()
        const wait = this.#judge(error, attempt, started)
        if (wait === 'stop') throw error
        if (wait === 'dead') {
          const attempts = attempt + failing.attempt
          return this.#orAfresh(lane, job, this.#giveUp(lane, job, run, error, attempts, failing.firstAt))
        }
        if (wait === 'park') return this.#orAfresh(lane, job, this.#park(lane, job, run, error, failing))
        this.#counters.retried++
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
      this.#counters.unclassified++
      if (attempt >= UNCLASSIFIED_TRIES) return 'dead'
    }
    const wait = nextInPlace(error, attempt, started, this.#env.clock, this.#env.random)
    // A replay has no hurry: its record waits in place.
    return wait ?? (this.#options.replay ? REPLAY_WAIT_MS : 'park')
  }

  async #pause(ms: number, job: Job): Promise<void> {
    const ends = AbortSignal.any([job.owner.partition.owned, this.#options.stopping()])
    await this.#env.clock.sleep(ms, ends).catch(() => {
      throw new Abandoned()
    })
  }

  #firstFailure(): Failing {
    return { attempt: 0, firstAt: this.#env.clock.now() }
  }

  /** P4: hands the event over to its lane's parked list; the offset goes on, later events of the record do not. */
  async #park(lane: string, job: Job, run: Run, error: SyncError, failing: Failing): Promise<void> {
    const { firstAt } = failing
    const attempt = failing.attempt + 1
    if (this.#env.clock.now() - firstAt >= PARK_LIMIT_MS) return this.#giveUp(lane, job, run, error, attempt, firstAt)
    await this.#parked.park(lane, job, { attempt, firstAt, error }, () => this.#memory.save(run))
    this.#counters.failed(error)
    if (!job.parked) await this.#leave(lane, job)
  }

  async #join(lane: string, job: Job): Promise<void> {
    await this.#parked.join(lane, job)
    await this.#leave(lane, job)
  }

  /** P2: written before the offset is finished; where it cannot be written, the record waits. */
  async #giveUp(lane: string, job: Job, run: Run, error: SyncError, attempts: number, firstAt: number): Promise<void> {
    const facts = { failure: run.failureOf(error), error, attempts, firstAt, item: run.item }
    if (!run.dryRun) {
      await job.owner.untilDone(() => this.#givenUp.write(run, facts, job.logged))
      await job.owner.untilDone(() => this.#memory.dead(run))
    }
    const stop = this.#givenUp.count(error)
    await this.#finished(lane, job, run, undefined, true)
    if (stop) this.#options.stop(stop)
  }

  /** P2: of an item alone. @returns what stops the flow, when too many failed. */
  async #itemFailed(run: Run, failure: ItemFailure): Promise<SyncError | undefined> {
    if (!run.dryRun && run.logged) await this.#givenUp.write(run, failure, run.logged)
    return this.#givenUp.count(failure.error)
  }

  #finished(lane: string, job: Job, run: Run | undefined, skip: Skip, dead = false): Promise<void> | void {
    this.#options.replay?.ended(job.logged, run)
    if (skip) this.#counters.skipped(skip.skip)
    else if (!dead) this.#counters.done++
    if (!dead) this.#givenUp.passed()
    return this.#leave(lane, job)
  }

  /** The place from which it was run is free: in the parked list, among what was collected, or in the log. */
  #leave(lane: string, job: Job): Promise<void> | void {
    if (job.parked) return this.#parked.remove(lane, job)
    if (job.collected) return this.#options.collector.ended(job)
    job.owner.partition.finished(job.logged.offset)
  }

  /** Taken in only because it might have been an echo that says something. */
  #passOver(lane: string, job: Job): Promise<void> | void {
    const leaving = this.#leave(lane, job)
    return leaving && this.#counted(job, leaving)
  }
}

function loop(run: Run, event: ChangeEvent): SyncError {
  return new SyncError(
    'rejected',
    'LOOP',
    `${event.subject} changed ${run.hops} times in a row by flows answering each other's writes; break the loop with a \`filter\` or \`when\``,
  )
}
