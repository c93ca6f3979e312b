import { asSyncError, type SyncError } from '../errors.ts'
import type { ChangeEvent } from '../event.ts'
import { onAbort } from '../on-abort.ts'
import { Asker, type Tended } from './asker.ts'
import { backOffMs, jittered } from './back-off.ts'
import type { SyncContext } from './context.ts'
import type { Link } from './link.ts'
import { type Board, NO_BOARD, type Question, takesPlace } from './question.ts'
import { scanQuestions } from './question-scan.ts'
import { SummaryTask } from './summary.ts'
import type { Tasks } from './tasks.ts'
import { compareVersions } from './version.ts'

/** A refused write is tried again this late; any change of its pair tries it sooner. */
const REFUSED_MS = 1_800_000
/** While calls fail one after the other, none leaves sooner than this. */
const LONGEST_PAUSE_MS = 60_000
/** The summary is brought up to date this often. */
const SUMMARY_EVERY_MS = 60_000

export interface QuestionsOptions {
  readonly context: SyncContext
  readonly tasks: Tasks
  /** Links that have something to write now. */
  readonly decided: (links: readonly string[]) => void
}

export interface QuestionsStatus {
  /** Questions without a task, since all places are taken; as far as this process knows. */
  readonly waiting: number
  /** Questions whose last call failed; they are tried again. */
  readonly failing: number
  /** Tasks that the system refused. */
  readonly refused: readonly { readonly link: string; readonly code: string; readonly message: string }[]
  readonly lastError?: { readonly code: string; readonly message: string; readonly at: number }
}

/** Asks people in tasks what the config leaves to them, and hears their answers. Never stops the sync. */
export class Questions {
  readonly #options: QuestionsOptions
  readonly #context: SyncContext
  readonly #asker: Asker
  readonly #summary: SummaryTask
  readonly #queue = new Set<string>()
  /** Links that may want a task and have none, with the time since when. */
  readonly #waiting = new Map<string, number>()
  readonly #attempts = new Map<string, number>()
  readonly #refused = new Map<string, SyncError>()
  readonly #timers = new Map<string, () => void>()
  /** What changed while the state is being scanned: that is newer than what the scan says. */
  #changedInScan: Set<string> | undefined
  #failures = 0
  #lastError: QuestionsStatus['lastError']
  #isSummaryDue = true
  #isScanDue = true
  #summaryAt = Number.NEGATIVE_INFINITY
  #busy = false
  #signal: AbortSignal | undefined
  #wake: () => void = () => {}

  constructor(options: QuestionsOptions) {
    this.#options = options
    this.#context = options.context
    const decided = (link: string) => options.decided([link])
    this.#asker = new Asker(options.context, options.tasks, decided)
    this.#summary = new SummaryTask(options.context, options.tasks)
  }

  get status(): QuestionsStatus {
    return {
      waiting: this.#waiting.size,
      failing: this.#attempts.size,
      refused: [...this.#refused].map(([link, { code, message }]) => ({ link, code, message })),
      ...(this.#lastError && { lastError: this.#lastError }),
    }
  }

  /** Nothing to do now; what failed and what waits for a place has its time. */
  get isIdle(): boolean {
    return !this.#busy && this.#queue.size === 0 && !this.#isScanDue
  }

  /**
   * Works until the signal is aborted; resolves when the last call has ended.
   * P2: whatever a crash, or an instance that is gone, left undone is found by scanning the state.
   */
  async run(signal: AbortSignal): Promise<void> {
    this.#signal = signal
    this.#isScanDue = true
    this.#isSummaryDue = true
    const deaf = this.#context.store.listen(links => this.#changed(links))
    const awake = onAbort(signal, () => this.#wake())
    try {
      while (!signal.aborted) {
        const woken = new Promise<void>(resolve => {
          this.#wake = resolve
        })
        this.#busy = true
        await this.#work(signal).catch(error => this.#pause(asSyncError(error)))
        this.#busy = false
        if (!signal.aborted && this.#queue.size === 0 && !this.#isScanDue) await woken
      }
    } finally {
      this.#busy = false
      awake()
      deaf()
      for (const cancel of this.#timers.values()) cancel()
      this.#timers.clear()
    }
  }

  /** Looks through the state for what other instances left behind. */
  sweep(): void {
    this.#isScanDue = true
    this.#isSummaryDue = true
    this.#wake()
  }

  /**
   * P2: durable when resolved: that a task is to be looked at is in the state. The answer itself stands in the task.
   * P6: what is older than our own last write of the task is not looked at; our own write has nothing new in it.
   */
  async heard(events: readonly ChangeEvent[]): Promise<void> {
    const { store, keys } = this.#context
    const told = events.map(event => ({ event, ...this.#options.tasks.eventOf(event) }))
    const links = await store.transact(async transaction => {
      await transaction.prefetch(told.map(({ id }) => keys.task(id)))
      const concerned: string[] = []
      for (const { id, version, event } of told) {
        const link = (await transaction.value(keys.task(id))) as string | undefined
        if (link === undefined) continue
        const question = (await transaction.value(keys.question(link))) as Question | undefined
        if (!takesPlace(question) || question.task !== id) continue
        if (question.version !== undefined && compareVersions(version, question.version) < 0) continue
        transaction.set(keys.question(link), { ...question, heard: event.id })
        concerned.push(link)
      }
      return concerned
    })
    for (const link of links) this.#add(link)
  }

  #changed(links: readonly Link[]): void {
    for (const link of links) {
      this.#changedInScan?.add(link.id)
      const held = Object.values(link.fields).flatMap(field => field.held?.since ?? [])
      const isAsking = held.length > 0 && !link.ended
      if (link.task) {
        this.#unwait(link.id)
        this.#add(link.id)
      } else if (isAsking) this.#wait(link.id, Math.min(...held))
      else this.#unwait(link.id)
    }
  }

  #add(id: string): void {
    this.#timers.get(id)?.()
    this.#timers.delete(id)
    this.#queue.add(id)
    this.#wake()
  }

  #wait(id: string, since: number): void {
    if (this.#waiting.has(id)) return
    this.#waiting.set(id, since)
    this.#isSummaryDue = true
    this.#wake()
  }

  #unwait(id: string): void {
    if (!this.#waiting.delete(id)) return
    this.#isSummaryDue = true
    this.#wake()
  }

  // --- one round of work

  async #work(signal: AbortSignal): Promise<void> {
    if (this.#isScanDue) {
      await this.#scan()
      this.#isScanDue = false
    }
    while (!signal.aborted) {
      const [id] = this.#queue
      if (id === undefined) {
        if (await this.#refill()) continue
        break
      }
      this.#queue.delete(id)
      await this.#tend(id, signal)
    }
    if (!signal.aborted) await this.#tendSummary(signal)
  }

  async #tend(id: string, signal: AbortSignal): Promise<void> {
    let tended: Tended
    try {
      tended = await this.#asker.tend(id, { signal, priority: 'live' })
    } catch (thrown) {
      if (!signal.aborted) await this.#failed(id, asSyncError(thrown))
      return
    }
    this.#failures = 0
    this.#attempts.delete(id)
    this.#refused.delete(id)
    if (tended.status === 'waiting') this.#wait(id, tended.since)
    if (tended.status === 'later') this.#later(id, tended.ms)
  }

  /** The oldest ones that wait get the places that are free. */
  async #refill(): Promise<boolean> {
    if (this.#waiting.size === 0) return false
    const free = this.#context.config.tasks!.most - (await this.#board()).open
    const next = [...this.#waiting].sort(([, a], [, b]) => a - b).slice(0, Math.max(0, free))
    for (const [id] of next) {
      this.#unwait(id)
      this.#queue.add(id)
    }
    return next.length > 0
  }

  async #tendSummary(signal: AbortSignal): Promise<void> {
    if (!this.#isSummaryDue) return
    const { clock } = this.#context.env
    const waitMs = this.#summaryAt + SUMMARY_EVERY_MS - clock.now()
    if (waitMs > 0) {
      this.#timer('summary', waitMs, () => this.#wake())
      return
    }
    const { summary } = await this.#board()
    this.#isSummaryDue = false
    if (!summary && this.#waiting.size === 0) return
    this.#summaryAt = clock.now()
    // Other instances have questions too.
    await this.#scan()
    try {
      await this.#summary.tend(this.#waiting.size, { signal, priority: 'live' })
      if (!signal.aborted) this.#failures = 0
    } catch (thrown) {
      this.#isSummaryDue = true
      throw thrown
    }
  }

  async #board(): Promise<Board> {
    const { store, keys } = this.#context
    const board = await store.transact(transaction => transaction.value(keys.board))
    return (board as Board | undefined) ?? NO_BOARD
  }

  async #scan(): Promise<void> {
    const changed = new Set<string>()
    this.#changedInScan = changed
    try {
      const { open, waiting } = await scanQuestions(this.#context.store)
      for (const id of open) this.#queue.add(id)
      for (const id of this.#waiting.keys()) if (!waiting.has(id) && !changed.has(id)) this.#waiting.delete(id)
      for (const [id, since] of waiting) if (!changed.has(id)) this.#waiting.set(id, since)
    } finally {
      this.#changedInScan = undefined
    }
  }

  // --- failures

  /** P8: what fails is tried ever more slowly, and while everything fails, hardly anything is sent. */
  async #failed(id: string, error: SyncError): Promise<void> {
    const attempt = (this.#attempts.get(id) ?? 0) + 1
    this.#attempts.set(id, attempt)
    if (error.kind === 'rejected') {
      this.#note(error, id, !this.#refused.has(id))
      this.#refused.set(id, error)
      this.#later(id, REFUSED_MS)
      return
    }
    this.#later(id, backOffMs(attempt, error, this.#context.env.random))
    await this.#pause(error, id)
  }

  async #pause(error: SyncError, id?: string): Promise<void> {
    const signal = this.#signal
    if (!signal || signal.aborted) return
    this.#note(error, id, this.#failures === 0)
    const step = Math.min(LONGEST_PAUSE_MS, 500 * 2 ** Math.min(10, this.#failures++))
    const ms = Math.max(jittered(step, this.#context.env.random), error.retryAfterMs ?? 0)
    await this.#context.env.clock.sleep(ms, signal).catch(() => {})
    if (id === undefined) this.#isScanDue = true
  }

  #note({ code, message }: SyncError, link: string | undefined, isNew: boolean): void {
    const { env, config } = this.#context
    this.#lastError = { code, message, at: env.clock.now() }
    if (!isNew) return
    env.logger.warn({ sync: config.name, code, ...(link && { link }) }, `${config.name}: a question waits: ${message}`)
  }

  #later(id: string, ms: number): void {
    this.#timer(id, ms, () => this.#add(id))
  }

  #timer(id: string, ms: number, fire: () => void): void {
    if (this.#signal?.aborted) return
    this.#timers.get(id)?.()
    const due = () => {
      this.#timers.delete(id)
      fire()
    }
    this.#timers.set(id, this.#context.env.clock.after(ms, due, { background: true }))
  }
}
