import type { Clock } from '../environment.ts'
import type { SyncError } from '../errors.ts'

/** Span over which the rate is taken. */
const RATE_MS = 60_000

/** Plain numbers: counted per event, read by metrics and status now and then. */
export class FlowCounters {
  done = 0
  dead = 0
  retried = 0
  /** Must stay 0: errors that no component classified. */
  unclassified = 0
  readonly skips = new Map<string, number>()
  lastError: { readonly code: string; readonly message: string; readonly at: number } | undefined
  readonly #clock: Clock
  #sampledAt: number
  #sampled = 0
  #rate = 0

  constructor(clock: Clock) {
    this.#clock = clock
    this.#sampledAt = clock.elapsed()
  }

  skipped(reason: string): void {
    this.skips.set(reason, (this.skips.get(reason) ?? 0) + 1)
  }

  failed(error: SyncError): void {
    this.lastError = { code: error.code, message: error.message, at: this.#clock.now() }
  }

  get finished(): number {
    let skipped = 0
    for (const count of this.skips.values()) skipped += count
    return this.done + this.dead + skipped
  }

  /** Events finished per second, over about the last minute. */
  perSecond(): number {
    const elapsed = this.#clock.elapsed() - this.#sampledAt
    const since = this.finished - this.#sampled
    if (elapsed < 1000) return this.#rate
    const now = (since * 1000) / elapsed
    if (elapsed >= RATE_MS) {
      this.#sampledAt = this.#clock.elapsed()
      this.#sampled = this.finished
      this.#rate = now
    }
    return now
  }
}
