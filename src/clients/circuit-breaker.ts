import type { Clock } from '../environment.ts'
import { asSyncError, SyncError } from '../errors.ts'

export type BreakerState = 'closed' | 'open' | 'half-open'

export interface CircuitBreakerOptions {
  /** Names the system in messages. */
  readonly name: string
  readonly clock: Clock
  /** Failures in a row that open it. Default 5. */
  readonly threshold?: number
  /** Pauses before the first, second, … probe; the last one repeats. Default 1, 2, 5, 10 s. */
  readonly probeAfterMs?: readonly number[]
}

/**
 * Keeps calls away from a system that does not answer: after a few failures in a row only one probe per pause goes
 * through, and everything else fails at once instead of waiting for its time-out.
 */
export class CircuitBreaker {
  readonly #name: string
  readonly #clock: Clock
  readonly #threshold: number
  readonly #pauses: readonly number[]
  #failures = 0
  #probes = 0
  #probing = false
  #openUntil: number | undefined

  constructor({ name, clock, threshold = 5, probeAfterMs = [1000, 2000, 5000, 10_000] }: CircuitBreakerOptions) {
    this.#name = name
    this.#clock = clock
    this.#threshold = threshold
    this.#pauses = probeAfterMs
  }

  get state(): BreakerState {
    if (this.#openUntil === undefined) return 'closed'
    return this.#probing || this.#clock.elapsed() >= this.#openUntil ? 'half-open' : 'open'
  }

  /**
   * Runs the call and learns from its outcome: retryable errors count against the system, all else shows that it lives.
   * @throws SyncError retryable `SYSTEM_UNAVAILABLE` while open; else what the call throws.
   */
  async run<T>(call: () => Promise<T>): Promise<T> {
    const probe = this.#enter()
    try {
      const result = await call()
      this.#close()
      return result
    } catch (thrown) {
      this.#learn(asSyncError(thrown))
      throw thrown
    } finally {
      if (probe) this.#probing = false
    }
  }

  #enter(): boolean {
    if (this.#openUntil === undefined) return false
    const waitMs = this.#openUntil - this.#clock.elapsed()
    if (waitMs > 0 || this.#probing) throw this.#unavailable(Math.max(waitMs, this.#pauses[0]!))
    this.#probing = true
    return true
  }

  #learn(error: SyncError): void {
    // Given up by us, or asked to slow down: says nothing about its health.
    if (error.code === 'ABORTED' || error.code === 'RATE_LIMITED') return
    if (error.kind !== 'retryable') {
      this.#close()
      return
    }
    this.#failures++
    if (this.#failures < this.#threshold) return
    const pause = this.#pauses[Math.min(this.#probes, this.#pauses.length - 1)]!
    // Calls that were under way when it opened do not lengthen the pause.
    if (this.#openUntil !== undefined && !this.#probing) return
    this.#probes++
    this.#openUntil = this.#clock.elapsed() + pause
  }

  #close(): void {
    this.#failures = 0
    this.#probes = 0
    this.#openUntil = undefined
  }

  #unavailable(retryAfterMs: number): SyncError {
    const message = `${this.#name} does not answer; the next try is in ${Math.ceil(retryAfterMs / 1000)} s`
    return new SyncError('retryable', 'SYSTEM_UNAVAILABLE', message, { retryAfterMs })
  }
}
