import type { Clock } from '../environment.ts'
import type { Bucket, Coordinator, Lease } from './coordinator.ts'

interface Holding {
  owner: string
  epoch: number
  expiresAt: number
}

interface Level {
  tokens: number
  at: number
}

/** Leases and rate limits of a daemon that runs alone: in this process, forgotten with it. */
export function localCoordinator({ clock }: { clock: Clock }): Coordinator {
  return new LocalCoordinator(clock)
}

class LocalCoordinator implements Coordinator {
  readonly #clock: Clock
  readonly #holdings = new Map<string, Holding>()
  /** By name, then by window: a changed limit keeps what was used up. */
  readonly #levels = new Map<string, Map<number, Level>>()
  readonly #blockedUntil = new Map<string, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  async acquire(name: string, owner: string, ttlMs: number): Promise<Lease | undefined> {
    const now = this.#clock.elapsed()
    const held = this.#holdings.get(name)
    if (held && held.owner !== owner && held.expiresAt > now) return undefined
    // A new epoch also for the same owner: an earlier lease of its own must not pass for this one.
    const holding = { owner, epoch: (held?.epoch ?? 0) + 1, expiresAt: now + ttlMs }
    this.#holdings.set(name, holding)
    const isOurs = () => this.#holdings.get(name) === holding && holding.expiresAt > this.#clock.elapsed()
    return {
      name,
      epoch: holding.epoch,
      renew: async () => {
        if (!isOurs()) return false
        holding.expiresAt = this.#clock.elapsed() + ttlMs
        return true
      },
      release: async () => {
        if (isOurs()) holding.expiresAt = Number.NEGATIVE_INFINITY
      },
    }
  }

  async take(name: string, cost: number, buckets: readonly Bucket[]): Promise<number> {
    const blockedMs = this.#blockedMs(name)
    if (blockedMs > 0) return blockedMs
    const levels = buckets.map(bucket => this.#refilled(name, bucket))
    const waitMs = Math.max(0, ...buckets.map((bucket, i) => waitFor(cost, bucket, levels[i]!)))
    if (waitMs === 0) for (const level of levels) level.tokens -= cost
    return waitMs
  }

  async block(name: string, ms: number): Promise<void> {
    const until = this.#clock.elapsed() + ms
    this.#blockedUntil.set(name, Math.max(until, this.#blockedUntil.get(name) ?? 0))
  }

  async inspect(name: string, buckets: readonly Bucket[]): Promise<{ blockedMs: number; available: number }> {
    const tokens = buckets.map(bucket => this.#refilled(name, bucket).tokens)
    return { blockedMs: this.#blockedMs(name), available: Math.max(0, Math.floor(Math.min(...tokens))) }
  }

  async close(): Promise<void> {}

  #blockedMs(name: string): number {
    const until = this.#blockedUntil.get(name)
    if (until === undefined) return 0
    const left = Math.ceil(until - this.#clock.elapsed())
    if (left <= 0) this.#blockedUntil.delete(name)
    return Math.max(0, left)
  }

  /** The bucket as it is now: full at first, refilled evenly, `limit` per window and never above it. */
  #refilled(name: string, { limit, windowMs }: Bucket): Level {
    const now = this.#clock.elapsed()
    const levels = this.#levels.get(name) ?? new Map<number, Level>()
    this.#levels.set(name, levels)
    const level = levels.get(windowMs) ?? { tokens: limit, at: now }
    levels.set(windowMs, level)
    level.tokens = Math.min(limit, level.tokens + ((now - level.at) * limit) / windowMs)
    level.at = now
    return level
  }
}

/** A cost above the limit is let through from a full bucket and paid off afterwards; it could never pass otherwise. */
function waitFor(cost: number, { limit, windowMs }: Bucket, { tokens }: Level): number {
  const missing = Math.min(cost, limit) - tokens
  // Sums of fractions fall short by a hair: a millionth of a call is no reason to wait.
  return missing <= 1e-6 ? 0 : Math.max(1, Math.ceil((missing * windowMs) / limit))
}
