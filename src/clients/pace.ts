import type { Clock } from '../environment.ts'
import { SyncError } from '../errors.ts'
import { onAbort } from '../on-abort.ts'
import { LONGEST_WAIT_MS, type Priority, type RateLimiter } from './rate-limiter.ts'

export interface PaceOptions {
  readonly system: string
  readonly clock: Clock
  readonly concurrency: number
  /** Absent: the API has no known limit, and only its own 429s slow us down. */
  readonly limiter?: RateLimiter
}

interface Waiter {
  readonly start: () => void
}

const DEFAULT_PAUSE_MS = 1000

/** P8: how fast calls leave. Free slots go to live calls before replays. */
export class Pace {
  readonly #options: PaceOptions
  readonly #waiting: Record<Priority, Waiter[]> = { live: [], replay: [] }
  #running = 0
  #pausedUntil = 0

  constructor(options: PaceOptions) {
    this.#options = options
  }

  /** Runs the call when there is a slot for it. @throws SyncError retryable `RATE_LIMITED`; the signal's reason. */
  async run<T>(priority: Priority, signal: AbortSignal, call: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#options.concurrency) await this.#slot(priority, signal)
    else this.#running++
    try {
      await this.#turn(priority, signal)
      return await call()
    } finally {
      this.#free()
    }
  }

  /** The other side refused for its rate: everybody waits. */
  async refused(retryAfterMs: number | undefined): Promise<void> {
    const { limiter, clock } = this.#options
    if (limiter) await limiter.refused({ retryAfterMs })
    else this.#pausedUntil = Math.max(this.#pausedUntil, clock.elapsed() + (retryAfterMs ?? DEFAULT_PAUSE_MS))
  }

  accepted(): void {
    this.#options.limiter?.accepted()
  }

  async #turn(priority: Priority, signal: AbortSignal): Promise<void> {
    const { limiter, clock, system } = this.#options
    if (limiter) await limiter.acquire(priority, signal)
    for (let waitMs = this.#pausedUntil - clock.elapsed(); waitMs > 0; waitMs = this.#pausedUntil - clock.elapsed()) {
      if (waitMs > LONGEST_WAIT_MS) {
        const message = `${system} takes no calls for another ${Math.ceil(waitMs / 1000)} s: it answered 429`
        throw new SyncError('retryable', 'RATE_LIMITED', message, { retryAfterMs: waitMs })
      }
      await clock.sleep(waitMs, signal)
    }
  }

  /** The slot of a call that ends passes to the next, so the count stays as it is. */
  #slot(priority: Priority, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason)
      const queue = this.#waiting[priority]
      const deaf = onAbort(signal, () => {
        queue.splice(queue.indexOf(waiter), 1)
        reject(signal.reason)
      })
      const waiter = {
        start: () => {
          deaf()
          resolve()
        },
      }
      queue.push(waiter)
    })
  }

  #free(): void {
    const next = this.#waiting.live.shift() ?? this.#waiting.replay.shift()
    if (next) next.start()
    else this.#running--
  }
}
