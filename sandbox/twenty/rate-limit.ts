import type { SandboxClock } from './clock.ts'
import { TwentyError } from './errors.ts'
import type { Faults } from './faults.ts'

interface Bucket {
  tokens: number
  at: number
}

/** Two token buckets per workspace: a burst one and a sustained one. A call needs a token of both. */
export class RateLimit {
  readonly #faults: Faults
  readonly #clock: SandboxClock
  readonly #workspaceId: string
  readonly #buckets = new Map<string, Bucket>()

  constructor(faults: Faults, clock: SandboxClock, workspaceId: string) {
    this.#faults = faults
    this.#clock = clock
    this.#workspaceId = workspaceId
  }

  reset(): void {
    this.#buckets.clear()
  }

  /** Takes one token. @throws TwentyError in the shape that `rateLimit.style` asks for. */
  take(): void {
    const { enabled, shortLimit, shortWindowMs, longLimit, longWindowMs } = this.#faults.rateLimit
    if (!enabled) return
    const short = this.#fill('short', shortLimit, shortWindowMs)
    const long = this.#fill('long', longLimit, longWindowMs)
    if (long.tokens < 1) throw this.#refusal(long, longLimit, longWindowMs)
    if (short.tokens < 1) throw this.#refusal(short, shortLimit, shortWindowMs)
    short.tokens--
    long.tokens--
  }

  #fill(name: string, limit: number, windowMs: number): Bucket {
    const now = this.#clock.now()
    const bucket = this.#buckets.get(name) ?? { tokens: limit, at: now }
    bucket.tokens = Math.min(limit, bucket.tokens + ((now - bucket.at) * limit) / windowMs)
    bucket.at = now
    this.#buckets.set(name, bucket)
    return bucket
  }

  #refusal(bucket: Bucket, limit: number, windowMs: number): TwentyError {
    const message = `Limit reached (${limit} tokens per ${windowMs} ms)`
    const { style } = this.#faults.rateLimit
    if (style === 'badRequest') return new TwentyError(400, 'BadRequestException', message)
    if (style === 'plain') return new TwentyError(429, 'ThrottlerException', message)
    const waitMs = ((1 - bucket.tokens) * windowMs) / limit
    const retryAfterSeconds = Math.max(1, Math.ceil(waitMs / 1000))
    return new TwentyError(429, 'RATE_LIMITED', message, {
      extra: {
        limitKind: 'speed',
        scope: { spenderType: 'workspace', spenderId: this.#workspaceId },
        limit,
        remaining: 0,
        windowSeconds: windowMs / 1000,
        retryAfterSeconds,
      },
      headers: {
        'Retry-After': String(retryAfterSeconds),
        'X-RateLimit-Limit': String(limit),
        'X-RateLimit-Remaining': '0',
        'X-RateLimit-Reset': String(Math.ceil((this.#clock.now() + waitMs) / 1000)),
      },
    })
  }
}
