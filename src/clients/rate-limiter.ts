import type { Clock } from '../environment.ts'
import { SyncError } from '../errors.ts'
import { onAbort } from '../on-abort.ts'
import type { Bucket, Coordinator } from '../state/coordinator.ts'

export type Priority = 'live' | 'replay'

export interface RateLimiterOptions {
  /** The same in every instance that shares the limit: `system:twenty`. */
  readonly name: string
  readonly coordinator: Coordinator
  readonly clock: Clock
  readonly random: () => number
  readonly buckets: readonly Bucket[]
}

/** Calls that an API allows. */
export interface RateLimits {
  readonly perSecond?: number
  readonly perMinute?: number
}

/** undefined where nothing is limited. */
export function rateLimiterOf(
  limits: RateLimits | undefined,
  { name, ...options }: Omit<RateLimiterOptions, 'buckets'>,
): RateLimiter | undefined {
  const buckets = [
    ...(limits?.perSecond ? [{ limit: limits.perSecond, windowMs: 1000 }] : []),
    ...(limits?.perMinute ? [{ limit: limits.perMinute, windowMs: 60_000 }] : []),
  ]
  return buckets.length === 0 ? undefined : new RateLimiter({ ...options, name: `system:${name}`, buckets })
}

/** What the other side said when it refused a call for its rate. */
export interface Refusal {
  readonly retryAfterMs?: number
  /** The limit that was passed, when the answer states it. */
  readonly limit?: Bucket
}

export interface LimiterStatus {
  /** Share of the configured limits in use; below 1 after refusals. */
  readonly factor: number
  readonly waiting: number
  readonly blockedMs: number
  readonly available: number
}

interface Waiter {
  readonly cost: number
  grant(): void
  refuse(error: unknown): void
}

/** Waits beyond this are handed back, so that a record is parked instead of holding a place. */
export const LONGEST_WAIT_MS = 60_000
const SLOWEST = 0.1
const RECOVERY_MS = 60_000
const BACK_OFF_MS = 2000
/** Share of the limit that replays leave for live calls of other instances. */
const RESERVE = 0.1

/**
 * Schedules the calls to one system under its rate limits, shared by all instances (P8): live before replay, slower
 * after each refusal, back to full speed within minutes.
 */
export class RateLimiter {
  readonly #options: RateLimiterOptions
  readonly #live: Waiter[] = []
  readonly #replay: Waiter[] = []
  #pumping = false
  #factor = 1
  #changedAt = 0
  #refusals = 0
  #stated: Bucket[] = []

  constructor(options: RateLimiterOptions) {
    this.#options = options
  }

  /**
   * Resolves when the call may leave.
   * @param cost how much it takes of each bucket; no more than the tightest holds.
   * @throws SyncError retryable `RATE_LIMITED` when the wait would exceed `LONGEST_WAIT_MS`; the signal's reason.
   */
  acquire(priority: Priority, signal?: AbortSignal, cost = 1): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const queue = priority === 'live' ? this.#live : this.#replay
      const abort = () => {
        const place = queue.indexOf(waiter)
        if (place >= 0) queue.splice(place, 1)
        reject(signal!.reason)
      }
      const waiter: Waiter = {
        cost,
        grant: () => {
          forget?.()
          resolve()
        },
        refuse: error => {
          forget?.()
          reject(error)
        },
      }
      const forget = signal && onAbort(signal, abort)
      queue.push(waiter)
      void this.#pump()
    })
  }

  /** A call went through: the next refusal starts the back-off anew. */
  accepted(): void {
    this.#refusals = 0
  }

  /** Nobody sends for a while, then all more slowly. @returns milliseconds until calls leave again. */
  async refused({ retryAfterMs, limit }: Refusal): Promise<number> {
    const { clock, coordinator, name, random } = this.#options
    this.#refusals++
    this.#factor = Math.max(SLOWEST, this.#currentFactor() * 0.7)
    this.#changedAt = clock.elapsed()
    if (limit) this.#remember(limit)
    const backOff = Math.min(BACK_OFF_MS * 2 ** (this.#refusals - 1), LONGEST_WAIT_MS) * (0.5 + random() / 2)
    const ms = Math.ceil(retryAfterMs || backOff)
    await coordinator.block(name, ms)
    return ms
  }

  async status(): Promise<LimiterStatus> {
    const { blockedMs, available } = await this.#options.coordinator.inspect(this.#options.name, this.#buckets())
    return {
      factor: this.#currentFactor(),
      waiting: this.#live.length + this.#replay.length,
      blockedMs,
      available,
    }
  }

  async #pump(): Promise<void> {
    if (this.#pumping) return
    this.#pumping = true
    try {
      while (this.#live.length + this.#replay.length > 0) {
        const queue = this.#live.length > 0 ? this.#live : this.#replay
        const wait = await this.#take(queue[0]!.cost)
        if (wait === 0) queue.shift()?.grant()
        else if (wait > LONGEST_WAIT_MS) this.#refuseAll(this.#tooLong(wait))
        else await this.#options.clock.sleep(wait)
      }
    } catch (error) {
      this.#refuseAll(error)
    } finally {
      this.#pumping = false
    }
  }

  async #take(cost: number): Promise<number> {
    const { coordinator, name } = this.#options
    const buckets = this.#buckets()
    if (this.#live.length === 0) {
      const { available } = await coordinator.inspect(name, buckets)
      const tightest = Math.min(...buckets.map(bucket => bucket.limit))
      // Asked anew after the time in which one call becomes free.
      if (available <= tightest * RESERVE && tightest > 1) return Math.ceil(slowestRefill(buckets))
    }
    return coordinator.take(name, cost, buckets)
  }

  #refuseAll(error: unknown): void {
    for (const waiter of [...this.#live.splice(0), ...this.#replay.splice(0)]) waiter.refuse(error)
  }

  #tooLong(retryAfterMs: number): SyncError {
    const message = `${this.#options.name} takes no calls for another ${Math.ceil(retryAfterMs / 1000)} s: its rate limit was passed`
    return new SyncError('retryable', 'RATE_LIMITED', message, { retryAfterMs })
  }

  #currentFactor(): number {
    const steps = Math.floor((this.#options.clock.elapsed() - this.#changedAt) / RECOVERY_MS)
    return Math.min(1, this.#factor + 0.1 * steps)
  }

  #buckets(): Bucket[] {
    const factor = this.#currentFactor()
    return this.#options.buckets.map(({ limit, windowMs }) => {
      const stated = this.#stated.find(bucket => bucket.windowMs === windowMs)
      return { windowMs, limit: Math.max(1, Math.floor(Math.min(limit, stated?.limit ?? limit) * factor)) }
    })
  }

  /** A little below what the other side allows: others may share it. */
  #remember({ limit, windowMs }: Bucket): void {
    this.#stated = this.#stated.filter(bucket => bucket.windowMs !== windowMs)
    this.#stated.push({ windowMs, limit: Math.max(1, Math.floor(limit * 0.9)) })
  }
}

function slowestRefill(buckets: readonly Bucket[]): number {
  return Math.max(...buckets.map(bucket => bucket.windowMs / bucket.limit))
}
