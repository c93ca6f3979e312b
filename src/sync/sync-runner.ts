import type { SideName } from '../config/config.ts'
import { asSyncError, SyncError } from '../errors.ts'
import type { EventLog, LoggedEvent, Partition } from '../log/event-log.ts'
import type { Supervised } from '../runtime/supervisor.ts'
import type { Coordinator } from '../state/coordinator.ts'
import type { SyncContext } from './context.ts'
import { EventTaker } from './event-taker.ts'
import { FirstWalk } from './first-walk.ts'
import { leased } from './leased.ts'
import { Observer } from './observer.ts'
import { openSync, type SyncParts } from './open.ts'
import type { ProgressStore } from './progress.ts'
import { Questions } from './questions.ts'
import { Reconcile, type ReconcileOptions } from './reconcile.ts'
import type { ReconcileReport } from './reconcile-report.ts'
import { Settler } from './settler.ts'
import { TaskTaker } from './task-taker.ts'
import type { Tasks } from './tasks.ts'

export interface SyncRunnerOptions extends SyncParts {
  readonly group: string
  /** Topic of each side's events. */
  readonly topics: Readonly<Record<SideName, string>>
  /** Where people are asked, and the topic of those tasks' events. Absent: in `conflicts` alone. */
  readonly questions?: { readonly tasks: Tasks; readonly topic: string }
  readonly log: EventLog
  readonly coordinator: Coordinator
  /** Rounds that take longer when it stops are left to the next owner. */
  readonly drainMs: number
}

/** How often what another instance left behind is looked for. */
const SWEEP_MS = 300_000
const WALK_RETRY_MS = 5000

/** A two-way sync at work: takes the events of both sides in, and brings every pair to rest. */
export class SyncRunner implements Supervised {
  readonly kind = 'sync'
  readonly context: SyncContext
  readonly progress: ProgressStore
  readonly #options: SyncRunnerOptions
  readonly #observer: Observer
  readonly #taker: EventTaker
  #settler: Settler | undefined
  #questions: Questions | undefined
  #stopping = new AbortController()
  #fatal: SyncError | undefined

  constructor(options: SyncRunnerOptions) {
    this.#options = options
    const { context, progress } = openSync(options)
    this.context = context
    this.progress = progress
    this.#observer = new Observer(this.context)
    this.#taker = new EventTaker({
      context,
      observer: this.#observer,
      due: links => this.#settler!.add(links),
      failed: error => this.#stop(error),
    })
  }

  get name(): string {
    return this.context.config.name
  }

  get controlKey(): string {
    return this.context.keys.control
  }

  get #isMatched(): boolean {
    return this.progress.current.matchedAt !== undefined
  }

  get status() {
    const settler = this.#settler?.status
    const questions = this.#questions?.status
    const { deferred, leftOut, lastError: notTaken } = this.#taker.status
    const [lastError] = [settler?.lastError, questions?.lastError, notTaken]
      .filter(error => error !== undefined)
      .sort((a, b) => b.at - a.at)
    return {
      progress: this.progress.current,
      deferred,
      leftOut,
      ...settler,
      ...(lastError && { lastError }),
      ...(questions && { questions }),
    }
  }

  /** Nothing is waiting, under way or put off. For tests and for a reconcile that waits for its repairs. */
  get isIdle(): boolean {
    return this.#taker.status.deferred === 0 && (this.#settler?.isIdle ?? true) && (this.#questions?.isIdle ?? true)
  }

  /** Links that somebody changed from outside the events: a person's decision, a comparison. */
  poke(links: Iterable<string>): void {
    this.#settler?.add(links)
  }

  /** A person let guarded writes pass. */
  retryGuarded(): void {
    this.#settler?.retryGuarded()
  }

  /** Runs until the signal is aborted; drains then. @throws SyncError what stopped the sync. */
  async run(signal: AbortSignal): Promise<void> {
    this.#stopping = new AbortController()
    this.#fatal = undefined
    const both = AbortSignal.any([signal, this.#stopping.signal])
    const settler = new Settler(
      { context: this.context, failed: error => this.#stop(error), rested: () => this.#taker.retryDeferred() },
      both,
    )
    this.#settler = settler
    const questions = this.#questionsFor(settler)
    this.#questions = questions
    await this.progress.load()
    this.#taker.begin(both)
    await Promise.all([
      this.#subscribe(both),
      questions?.run(both),
      this.#work(both).catch(error => {
        if (!both.aborted) this.#stop(asSyncError(error))
      }),
    ])
    await this.#drained(settler)
    this.#taker.end()
    if (this.#fatal) throw this.#fatal
  }

  #questionsFor(settler: Settler): Questions | undefined {
    const { questions, config } = this.#options
    if (!questions || !config.tasks) return undefined
    return new Questions({ context: this.context, tasks: questions.tasks, decided: links => settler.add(links) })
  }

  #stop(error: SyncError): void {
    this.#fatal ??= error
    this.#stopping.abort(error)
  }

  async #drained(settler: Settler): Promise<void> {
    const late = new AbortController()
    await Promise.race([
      settler.drained(),
      this.#options.env.clock.sleep(this.#options.drainMs, late.signal).catch(() => {}),
    ])
    late.abort()
  }

  /**
   * Compares both sides completely, and repairs within limits. Not twice at once, whichever instance asks.
   * @throws SyncError rejected `RECONCILE_RUNNING`; retryable `NOT_MATCHED`.
   */
  async reconcile(options: ReconcileOptions): Promise<ReconcileReport> {
    const report = await this.#leased('reconcile', options.signal, async () => {
      const repair = (links: readonly string[]) => this.#settler?.add(links, { bulk: true })
      const found = await new Reconcile(this.context, this.#observer, repair).run(options)
      if (!options.dryRun) await this.progress.reconciled(this.#options.env.clock.now(), found)
      return found
    })
    if (report) return report
    throw new SyncError('rejected', 'RECONCILE_RUNNING', `${this.name} is being compared already`)
  }

  /** undefined: another instance does it. */
  #leased<T>(what: 'walk' | 'reconcile', signal: AbortSignal, work: () => Promise<T>): Promise<T | undefined> {
    const { coordinator, owner, env } = this.#options
    const name = `sync/${this.context.identity}/${what}`
    return leased({ coordinator, clock: env.clock, name, owner, signal }, work)
  }

  // --- events

  #subscribe(signal: AbortSignal): Promise<void> {
    const { log, topics, group } = this.#options
    const sides = new Set([topics.left, topics.right])
    const tasks = this.#questions && this.#options.questions?.topic
    const taskTaker = this.#questions && this.#taskTaker(this.#questions, sides)
    const subscriber = {
      take: async (partition: Partition, events: readonly LoggedEvent[]) => {
        if (partition.topic === tasks) await taskTaker!.take(partition, events, signal)
        if (!sides.has(partition.topic)) return
        const side = partition.topic === topics.left ? 'left' : 'right'
        return this.#taker.take(events.map(logged => ({ partition, side, logged })))
      },
      revoked: async (partition: Partition) => this.#taker.revoked(partition),
    }
    // What was there before is found by the first walk.
    return log
      .subscribe([...new Set([...sides, ...(tasks ? [tasks] : [])])], group, subscriber, signal, { start: 'now' })
      .catch(error => this.#stop(asSyncError(error)))
  }

  #taskTaker(questions: Questions, sides: ReadonlySet<string>): TaskTaker {
    return new TaskTaker({
      questions,
      clock: this.#options.env.clock,
      isSide: topic => sides.has(topic),
      leaveOut: (logged, error) => this.#taker.leaveOut(logged, error),
      failed: error => this.#stop(error),
    })
  }

  // --- work that no event starts

  async #work(signal: AbortSignal): Promise<void> {
    await this.#firstWalk(signal)
    await this.#sweep()
    while (!signal.aborted) {
      await this.#options.env.clock.sleep(SWEEP_MS, signal)
      await this.#sweep()
      await this.#reconcileWhenDue(signal)
    }
  }

  async #reconcileWhenDue(signal: AbortSignal): Promise<void> {
    const { reconcileEveryMs, name } = this.context.config
    if (reconcileEveryMs === undefined) return
    const { matchedAt, reconciled } = await this.progress.load()
    const { clock, logger } = this.#options.env
    const last = reconciled?.at ?? matchedAt
    if (last === undefined || clock.now() - last < reconcileEveryMs) return
    try {
      const report = await this.reconcile({ signal, dryRun: false, apply: false })
      if (report.heldBack)
        logger.warn({ sync: name, ...report.heldBack }, `${name}: the comparison found more than it may repair`)
    } catch (thrown) {
      const error = asSyncError(thrown)
      if (error.kind === 'fatal' || signal.aborted) throw error
      logger.warn({ sync: name, code: error.code }, `${name}: the comparison waits: ${error.message}`)
    }
  }

  /** P2: what a crash, or an instance that is gone, left undone. P8: what failed here keeps the time of its next try. */
  async #sweep(): Promise<void> {
    const settler = this.#settler!
    for await (const id of this.context.store.due()) if (!settler.knows(id)) settler.add([id])
    this.#questions?.sweep()
  }

  async #firstWalk(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options.env
    let failures = 0
    while (!this.#isMatched) {
      signal.throwIfAborted()
      const isOurs = await this.#leased('walk', signal, async () => {
        await this.progress.load()
        if (!this.#isMatched && !(await this.#walked(failures, signal))) failures++
        return true
      })
      if (isOurs) continue
      await clock.sleep(WALK_RETRY_MS, signal)
      await this.progress.load()
    }
  }

  /** False: it failed, and it is time for another try. */
  async #walked(failures: number, signal: AbortSignal): Promise<boolean> {
    const { env } = this.#options
    try {
      const due = await new FirstWalk(this.context, this.#observer, this.progress).run(signal)
      this.#settler!.add(due, { bulk: true })
      return true
    } catch (thrown) {
      const error = asSyncError(thrown)
      if (signal.aborted || error.kind === 'fatal') throw error
      env.logger.warn({ sync: this.name, code: error.code }, `the first walk waits: ${error.message}`)
      await env.clock.sleep(Math.min(60_000, 1000 * 2 ** failures), signal)
      return false
    }
  }
}
