import type { Connector, Page, PollRuns } from '../connectors/connector.ts'
import type { Environment } from '../environment.ts'
import { asSyncError, type SyncError } from '../errors.ts'
import type { ChangeEvent } from '../event.ts'
import type { Coordinator, Lease } from '../state/coordinator.ts'
import type { StateStore, Version } from '../state/state-store.ts'

const LEASE_MS = 30_000
const RENEW_MS = 10_000
const ASK_AGAIN_MS = 10_000
const RETRY_MS = [1000, 5000, 15_000, 60_000]
const LONGEST_RETRY_AFTER_MS = 3_600_000
/** A poll that is due later is looked for this often: clocks are set, and other instances poll too. */
const LOOK_MS = 30_000
/** Between two polls of a schedule, whatever it says. */
const PAUSE_MS = 1000
/** What else is said meanwhile belongs to the same poll. */
const POKED_MS = 50

export interface PollStatus {
  readonly state: 'waiting' | 'polling' | 'elsewhere' | 'failing'
  readonly lastStartedAt?: number
  readonly lastEndedAt?: number
  readonly events: number
  /** Changed records of all walks since the start that deliberately gave no event, by reason. */
  readonly dropped?: Readonly<Record<string, number>>
  readonly error?: { readonly code: string; readonly message: string }
  readonly nextAt?: number
  /** Of a connector with a schedule. */
  readonly runs?: PollRuns
}

/**
 * Drives a connector's polls: one walk at a time, by one instance, and never over itself.
 * The page is appended before its cursor is stored, so a crash repeats a page and loses none.
 */
export class Poller {
  readonly #name: string
  readonly #connector: Connector
  readonly #append: (events: readonly ChangeEvent[]) => Promise<void>
  readonly #state: StateStore
  readonly #coordinator: Coordinator
  readonly #env: Environment
  readonly #instance: string
  #status: PollStatus = { state: 'waiting', events: 0 }
  #poked = false
  /** A person wants a poll now, whatever schedule and back-off say. */
  #asked = false
  #wake: (() => void) | undefined
  /** Of the walk under way. */
  #pages = 0

  constructor(options: {
    name: string
    connector: Connector
    append: (events: readonly ChangeEvent[]) => Promise<void>
    state: StateStore
    coordinator: Coordinator
    env: Environment
    instance: string
  }) {
    this.#name = options.name
    this.#connector = options.connector
    this.#append = options.append
    this.#state = options.state
    this.#coordinator = options.coordinator
    this.#env = options.env
    this.#instance = options.instance
  }

  get status(): PollStatus {
    return this.#status
  }

  /** Until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#connector.listen?.(() => this.#poke(), signal), this.#polls(signal)])
  }

  /** A poll begins at once, or as soon as the one under way is over. */
  now(): void {
    this.#asked = true
    this.#wake?.()
  }

  /** The next poll comes at once: after the one under way, which may have read too early. */
  #poke(): void {
    this.#poked = true
    this.#wake?.()
  }

  async #polls(signal: AbortSignal): Promise<void> {
    let failures = 0
    while (!signal.aborted) {
      await this.#due(signal)
      const lease = signal.aborted ? undefined : await this.#lease(signal)
      if (!lease) continue
      const asked = this.#asked
      this.#poked = this.#asked = false
      let retryAfterMs = 0
      this.#pages = 0
      try {
        await this.#walk(lease, asked, signal)
        failures = 0
      } catch (thrown) {
        const error = asSyncError(thrown)
        // A page that got through shows that the other side is there: the back-off begins anew.
        failures = this.#pages > 0 ? 1 : failures + 1
        // What was refused is refused again: no sooner than the next poll would be.
        const leastMs = error.kind === 'rejected' ? this.#everyMs : 0
        retryAfterMs = Math.max(leastMs, Math.min(error.retryAfterMs ?? 0, LONGEST_RETRY_AFTER_MS))
        if (!signal.aborted) this.#failed(error, failures)
      } finally {
        await lease.release().catch(() => {})
      }
      await this.#wait(failures, retryAfterMs, signal)
    }
  }

  /** Resolves when the schedule says so; at once where there is none. */
  async #due(signal: AbortSignal): Promise<void> {
    const { schedule } = this.#connector
    while (schedule && !this.#asked && !signal.aborted) {
      let ms = ASK_AGAIN_MS
      const entries = await this.#state.get([this.#cursorKey]).catch(() => undefined)
      if (entries) {
        const cursor = entries[0]?.value
        ms = schedule.nextAt(cursor) - this.#env.clock.now()
        const next = ms > 0 ? { nextAt: schedule.nextAt(cursor) } : {}
        this.#status = { ...this.#status, ...next, runs: schedule.runs(cursor) }
        if (ms <= 0) return
      }
      await this.#sleep(Math.min(ms, LOOK_MS), () => this.#asked, signal)
    }
  }

  get #cursorKey(): string {
    return `{connector/${this.#name}}:cursor`
  }

  async #lease(signal: AbortSignal): Promise<Lease | undefined> {
    const lease = await this.#coordinator.acquire(`poll/${this.#name}`, this.#instance, LEASE_MS).catch(() => undefined)
    if (lease) return lease
    this.#status = { ...this.#status, state: 'elsewhere' }
    await this.#env.clock.sleep(ASK_AGAIN_MS, signal).catch(() => {})
    return undefined
  }

  async #walk(lease: Lease, asked: boolean, signal: AbortSignal): Promise<void> {
    const lost = new AbortController()
    const stop = this.#keepLease(lease, lost)
    const { dropped, runs } = this.#status
    this.#status = {
      state: 'polling',
      events: 0,
      lastStartedAt: this.#env.clock.now(),
      ...(dropped && { dropped }),
      ...(runs && { runs }),
    }
    let takenOver = false
    try {
      const key = this.#cursorKey
      const [entry] = await this.#state.get([key])
      let version: Version | null = entry?.version ?? null
      const ending = AbortSignal.any([signal, lost.signal])
      for await (const page of this.#connector.poll!(entry?.value, ending, asked)) {
        // P2: the page is in the log before the cursor moves past it.
        if (page.events.length > 0) await this.#append(page.events)
        const versions = await this.#state.commit([
          { key, value: page.cursor, ifVersion: version },
          ...(page.notes ?? []),
        ])
        // Another instance took over; it goes on from its own cursor.
        if (!versions) {
          takenOver = true
          break
        }
        version = versions[0]!
        this.#count(page)
      }
    } catch (thrown) {
      // A walk that ends because another instance has the lease did not fail.
      if (!lost.signal.aborted) throw thrown
    } finally {
      stop()
    }
    const state = takenOver || lost.signal.aborted ? 'elsewhere' : 'waiting'
    this.#status = { ...this.#status, state, error: undefined, lastEndedAt: this.#env.clock.now() }
  }

  #count({ events, cursor, seen, dropped = {} }: Page): void {
    // Some pages only store a cursor.
    if (events.length > 0 || seen !== undefined) this.#pages++
    const runs = this.#connector.schedule?.runs(cursor)
    const sums = { ...this.#status.dropped }
    for (const [reason, count] of Object.entries(dropped)) sums[reason] = (sums[reason] ?? 0) + count
    const some = Object.keys(sums).length > 0
    this.#status = {
      ...this.#status,
      events: this.#status.events + events.length,
      ...(some && { dropped: sums }),
      ...(runs && { runs }),
    }
  }

  #keepLease(lease: Lease, lost: AbortController): () => void {
    let cancel = () => {}
    const again = () => {
      cancel = this.#env.clock.after(RENEW_MS, () => {
        lease.renew().then(
          ours => (ours ? again() : lost.abort()),
          () => lost.abort(),
        )
      })
    }
    again()
    return () => cancel()
  }

  #failed(error: SyncError, failures: number): void {
    const { code, message } = error
    this.#status = { ...this.#status, state: 'failing', error: { code, message }, lastEndedAt: this.#env.clock.now() }
    if (failures === 1)
      this.#env.logger.warn({ connector: this.#name, code }, `poll of ${this.#name} failed: ${message}`)
  }

  get #everyMs(): number {
    return this.#connector.schedule ? PAUSE_MS : (this.#connector.pollEveryMs ?? 60_000)
  }

  async #wait(failures: number, retryAfterMs: number, signal: AbortSignal): Promise<void> {
    const backOff = RETRY_MS[Math.min(failures, RETRY_MS.length) - 1] ?? 0
    // P8: the other side's own wish goes first.
    const ms = failures === 0 ? this.#everyMs : Math.max(backOff, retryAfterMs)
    this.#status = { ...this.#status, nextAt: this.#env.clock.now() + ms }
    // A system that fails is not asked earlier because it said something.
    await this.#sleep(ms, () => this.#asked || (this.#poked && failures === 0), signal)
    if (this.#poked && !this.#asked && failures === 0) await this.#env.clock.sleep(POKED_MS, signal).catch(() => {})
  }

  /** Until the time is over, or what was said meanwhile ends it. */
  async #sleep(ms: number, isOver: () => boolean, signal: AbortSignal): Promise<void> {
    const wake = new AbortController()
    this.#wake = () => {
      if (isOver()) wake.abort()
    }
    this.#wake()
    await this.#env.clock.sleep(ms, AbortSignal.any([signal, wake.signal])).catch(() => {})
    this.#wake = undefined
  }
}
