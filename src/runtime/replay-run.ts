import { setMaxListeners } from 'node:events'
import type { LoggedEvent } from '../log/event-log.ts'
import { onAbort } from '../on-abort.ts'
import { matches } from './event-finder.ts'
import { FlowRunner } from './flow-runner.ts'
import type { PlannedWrite, ReplayDependencies, ReplayProgress, ReplayRequest } from './replay.ts'
import { RangedLog, type Ranges } from './replay-range.ts'
import type { Run } from './run.ts'

const DEFAULT_RATE = 1000
const REPORT_MS = 250
/** Between looks at what another instance has committed. */
const SHARED_MS = 3000
/** Events are let through in pieces of this much time, so that a slow rate does not come in bursts. */
const PIECE_MS = 100

export interface ReplayFacts {
  readonly id: string
  readonly group: string
  readonly ranges: Ranges
  readonly resumed: boolean
}

/** One run of a replay, from where the group is to the end of the range or to where it is stopped. */
export class ReplayRun {
  readonly #deps: ReplayDependencies
  readonly #request: ReplayRequest
  readonly #facts: ReplayFacts
  readonly #ranged: RangedLog
  readonly #started: number
  readonly #stopping = new AbortController()
  #finished = false
  #plans: PlannedWrite[] = []
  #before = 0
  #found = 0
  #matched = 0
  #admitted = 0
  #lookedAt = 0
  #wake: () => void = () => {}

  constructor(deps: ReplayDependencies, request: ReplayRequest, facts: ReplayFacts) {
    this.#deps = deps
    this.#request = request
    this.#facts = facts
    this.#started = deps.env.clock.elapsed()
    this.#ranged = new RangedLog(deps.log, {
      pace: events => this.#pace(events),
      done: () => {
        this.#finished = true
        this.#stopping.abort()
      },
    })
    setMaxListeners(0, this.#stopping.signal)
  }

  /** All of the range is done. */
  get finished(): boolean {
    return this.#finished
  }

  /** The last report of a run that had nothing left to do but to be cleared away. */
  over(): ReplayProgress {
    this.#finished = true
    const total = Object.values(this.#facts.ranges)
      .flatMap(partitions => Object.values(partitions))
      .reduce((sum, { from, to }) => sum + to - from, 0)
    return { ...this.#progress(undefined), total, read: total, finished: true }
  }

  async *run(signal: AbortSignal): AsyncIterable<ReplayProgress> {
    if (signal.aborted) this.#stopping.abort()
    const forget = signal.aborted ? undefined : onAbort(signal, () => this.#stopping.abort())
    const runner = this.#runner()
    let running: Promise<{ failure?: unknown }> | undefined
    try {
      await this.#ranged.open(this.#facts.ranges, this.#facts.group)
      this.#before = this.#ranged.read
      let ended = false
      running = runner
        .run(this.#stopping.signal)
        .then(
          () => ({}),
          failure => ({ failure }),
        )
        .finally(() => {
          ended = true
          this.#wake()
        })
      while (!ended) {
        await this.#nextReport()
        yield this.#progress(runner)
        if (!ended && this.#ranged.isShared) await this.#lookAtCommits()
      }
      const { failure } = await running
      if (failure && !this.finished) throw failure
      yield { ...this.#progress(runner), finished: this.finished }
    } finally {
      // Also when whoever asked for it has left.
      this.#stopping.abort()
      forget?.()
      await running
    }
  }

  #runner(): FlowRunner {
    const { flow, state, env, deadLetters, ledger } = this.#deps
    const starts = Object.entries(this.#facts.ranges)
      .filter(([, partitions]) => Object.values(partitions).some(({ from, to }) => to > from))
      .map(([topic, partitions]) => [topic, { offsets: fromOf(partitions) }] as const)
    return new FlowRunner({
      flow,
      log: this.#ranged,
      state,
      env,
      deadLetters,
      ledger,
      drainMs: 30_000,
      replay: {
        group: this.#facts.group,
        start: Object.fromEntries(starts),
        dryRun: this.#request.dryRun ?? false,
        allEffects: this.#request.effects === 'all',
        // An event that lacks what the expression asks for is not one of those meant.
        wants: logged => !this.#request.where || matches(this.#request.where, logged),
        ended: (logged, run) => this.#ended(logged, run),
      },
    })
  }

  /** P8: live traffic goes before; a replay never takes more than its rate. */
  async *#pace(events: readonly LoggedEvent[]): AsyncIterable<readonly LoggedEvent[]> {
    this.#found += events.length
    const perSecond = this.#request.perSecond ?? DEFAULT_RATE
    const size = perSecond === 0 ? events.length : Math.max(1, Math.floor((perSecond * PIECE_MS) / 1000))
    for (let first = 0; first < events.length; first += size) {
      const piece = events.slice(first, first + size)
      if (perSecond > 0) await this.#until(piece.length, perSecond)
      if (this.#stopping.signal.aborted) return
      yield piece
    }
  }

  async #until(count: number, perSecond: number): Promise<void> {
    const { clock } = this.#deps.env
    this.#admitted += count
    const dueMs = (this.#admitted * 1000) / perSecond
    const ahead = dueMs - (clock.elapsed() - this.#started)
    if (ahead > 0) await clock.sleep(ahead, this.#stopping.signal).catch(() => {})
  }

  #ended(logged: LoggedEvent, run: Run | undefined): void {
    if (!run) return
    this.#matched++
    for (const { step, plan } of run.plans) this.#plans.push(planned(logged, step, plan))
  }

  #lastError(runner: FlowRunner | undefined): Pick<ReplayProgress, 'lastError'> {
    const error = runner && runner.counters.dead > 0 ? runner.counters.lastError : undefined
    return error ? { lastError: { code: error.code, message: error.message } } : {}
  }

  async #lookAtCommits(): Promise<void> {
    const { clock } = this.#deps.env
    if (clock.elapsed() - this.#lookedAt < SHARED_MS) return
    this.#lookedAt = clock.elapsed()
    for (const { topic, groups } of await this.#deps.log.describe(Object.keys(this.#facts.ranges))) {
      const ours = groups.find(({ group }) => group === this.#facts.group)
      if (ours) this.#ranged.committed(topic, ours.committed)
    }
  }

  #nextReport(): Promise<void> {
    return new Promise(resolve => {
      const cancel = this.#deps.env.clock.after(REPORT_MS, resolve)
      this.#wake = () => {
        cancel()
        resolve()
      }
    })
  }

  #progress(runner: FlowRunner | undefined): ReplayProgress {
    const plans = this.#plans
    this.#plans = []
    const { read, total } = this.#ranged
    const seconds = (this.#deps.env.clock.elapsed() - this.#started) / 1000
    return {
      id: this.#facts.id,
      resumed: this.#facts.resumed,
      total,
      read,
      found: this.#found,
      matched: this.#matched,
      done: runner?.counters.done ?? 0,
      skipped: [...(runner?.counters.skips.values() ?? [])].reduce((sum, count) => sum + count, 0),
      dead: runner?.counters.dead ?? 0,
      ...this.#lastError(runner),
      perSecond: seconds > 0 ? (read - this.#before) / seconds : 0,
      finished: false,
      plans,
    }
  }
}

function planned(logged: LoggedEvent, step: string, plan: Run['plans'][number]['plan']): PlannedWrite {
  return {
    event: logged.event.id,
    subject: logged.event.subject,
    step,
    operation: plan.operation,
    ...(plan.target && { target: `${plan.target.object}/${plan.target.id}` }),
    ...(plan.before && { before: plan.before }),
    ...(plan.after && { after: plan.after }),
  }
}

function fromOf(partitions: Ranges[string]): Record<number, number> {
  return Object.fromEntries(Object.entries(partitions).map(([partition, { from }]) => [partition, from]))
}
