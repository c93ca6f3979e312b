import { asSyncError, type SyncError } from '../errors.ts'
import { BatchQueue } from '../runtime/batch-queue.ts'
import { backOffMs } from './back-off.ts'
import type { SyncContext } from './context.ts'
import type { GuardedKind } from './guard.ts'
import type { RoundResult } from './round.ts'
import { SettleRound } from './settle-round.ts'

/** Most links of one round, and how many make it leave at once. A bulk round is large, so that few calls are not full. */
const ROUND = 200
const FULL = 60
const BULK_ROUND = 1200
/** Before a link that asked for that many rounds is looked at again. */
const AGAIN_MS = 5000
/** Looks again whether a person let guarded writes pass. */
const GUARD_MS = 30_000
/** Rounds in a row that a link may ask for before it has to wait. */
const MOST_AGAIN = 6

export interface SettlerOptions {
  readonly context: SyncContext
  /** No link will fare better: the sync has to stop. */
  readonly failed: (error: SyncError) => void
  /** A round is over: what waited for its links may go on. */
  readonly rested: () => void
}

/** Works off what is due, link by link in shared rounds. Each link is in one round at a time. */
export class Settler {
  readonly #context: SyncContext
  readonly #options: SettlerOptions
  readonly #queues: Readonly<Record<'live' | 'bulk', BatchQueue<string, undefined>>>
  readonly #waiting = new Set<string>()
  readonly #busy = new Set<string>()
  /** Due again while in a round. */
  readonly #again = new Set<string>()
  readonly #attempts = new Map<string, number>()
  readonly #timers = new Map<string, () => void>()
  readonly #guarded = new Map<string, GuardedKind>()
  readonly #running = new Set<Promise<void>>()
  #rounds = 0
  #lastError: { readonly code: string; readonly message: string; readonly at: number } | undefined
  #signal: AbortSignal

  constructor(options: SettlerOptions, signal: AbortSignal) {
    this.#options = options
    this.#context = options.context
    this.#signal = signal
    const queue = (bulk: boolean) =>
      new BatchQueue<string, undefined>({
        clock: options.context.env.clock,
        max: bulk ? BULK_ROUND : ROUND,
        full: bulk ? BULK_ROUND : FULL,
        send: ids => this.#send(ids, bulk),
      })
    this.#queues = { live: queue(false), bulk: queue(true) }
    signal.addEventListener('abort', () => this.#cancelAll(), { once: true })
  }

  get status() {
    return {
      due: this.#waiting.size + this.#busy.size + this.#timers.size,
      failing: this.#attempts.size,
      guarded: countBy(this.#guarded.values()),
      ...(this.#lastError && { lastError: this.#lastError }),
    }
  }

  /** Nothing waits and nothing is under way; what failed waits for its time. */
  get isIdle(): boolean {
    return this.#waiting.size === 0 && this.#busy.size === 0
  }

  /** @param bulk a complete walk found them: they come after live ones, and what was just read is not read again. */
  add(ids: Iterable<string>, { bulk = false } = {}): void {
    if (this.#signal.aborted) return
    for (const id of ids) {
      this.#timers.get(id)?.()
      this.#timers.delete(id)
      if (this.#busy.has(id)) this.#again.add(id)
      else if (!this.#waiting.has(id)) {
        this.#waiting.add(id)
        this.#queues[bulk ? 'bulk' : 'live'].add(id).catch(() => {})
      }
    }
  }

  /** It waits here, is under way, or has its time for another try. */
  knows(id: string): boolean {
    return this.#waiting.has(id) || this.#busy.has(id) || this.#timers.has(id)
  }

  /** What the guard held back is tried again: a person may have let it pass. */
  retryGuarded(): void {
    this.add([...this.#guarded.keys()])
  }

  /** Resolves when no round is under way. */
  async drained(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running)
  }

  async #send(ids: string[], bulk: boolean): Promise<undefined[]> {
    if (!this.#signal.aborted) {
      const round = this.#round(ids, bulk)
      this.#running.add(round)
      await round.finally(() => this.#running.delete(round))
    }
    return ids.map(() => undefined)
  }

  async #round(ids: readonly string[], bulk: boolean): Promise<void> {
    for (const id of ids) {
      this.#waiting.delete(id)
      this.#busy.add(id)
      this.#guarded.delete(id)
    }
    const token = `${this.#context.owner}/${++this.#rounds}`
    const options = { signal: this.#signal, bulk, priority: bulk ? 'replay' : 'live' } as const
    let result: RoundResult | undefined
    try {
      result = await new SettleRound(this.#context, options, token).run(ids)
    } catch (thrown) {
      const error = asSyncError(thrown)
      for (const id of ids) this.#retry(id, error)
      if (error.kind === 'fatal') this.#options.failed(error)
    }
    for (const id of ids) this.#busy.delete(id)
    if (result) this.#take(result)
    this.add(ids.filter(id => this.#again.delete(id)))
    this.#options.rested()
  }

  #take(result: RoundResult): void {
    for (const id of result.settled) this.#attempts.delete(id)
    for (const id of result.again) {
      const attempt = (this.#attempts.get(id) ?? 0) + 1
      this.#attempts.set(id, attempt)
      if (attempt > MOST_AGAIN) this.#later(id, AGAIN_MS)
      else this.add([id])
    }
    for (const [id, error] of result.later) this.#retry(id, error)
    for (const [id, kind] of result.guarded) {
      this.#guarded.set(id, kind)
      this.#later(id, GUARD_MS)
    }
    if (result.fatal) this.#options.failed(result.fatal)
  }

  #retry(id: string, error: SyncError | undefined): void {
    const attempt = (this.#attempts.get(id) ?? 0) + 1
    this.#attempts.set(id, attempt)
    if (error) {
      this.#lastError = { code: error.code, message: error.message, at: this.#context.env.clock.now() }
    }
    this.#later(id, backOffMs(attempt, error, this.#context.env.random))
  }

  #later(id: string, ms: number): void {
    if (this.#signal.aborted) return
    this.#timers.get(id)?.()
    const cancel = this.#context.env.clock.after(
      ms,
      () => {
        this.#timers.delete(id)
        this.add([id])
      },
      { background: true },
    )
    this.#timers.set(id, cancel)
  }

  #cancelAll(): void {
    for (const cancel of this.#timers.values()) cancel()
    this.#timers.clear()
  }
}

function countBy(kinds: Iterable<GuardedKind>): Partial<Record<GuardedKind, number>> {
  const counts: Partial<Record<GuardedKind, number>> = {}
  for (const kind of kinds) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
}
