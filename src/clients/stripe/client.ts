import type Stripe from 'stripe'
import { durationMs, type SystemContext } from '../../config/definition.ts'
import { SyncError } from '../../errors.ts'
import { type BreakerState, CircuitBreaker } from '../circuit-breaker.ts'
import { Pace } from '../pace.ts'
import { type LimiterStatus, type Priority, RateLimiter } from '../rate-limiter.ts'
import { DEFAULT_URL, type StripeConfig } from './config.ts'
import { detailsOf, errorOf } from './errors.ts'
import { loadSdk } from './sdk.ts'
import { type Exchange, exchanges, transportOf } from './transport.ts'

export type { Stripe }

export interface StripeCall {
  readonly signal: AbortSignal
  readonly priority: Priority
  /** Without an answer it may have had its effect. */
  readonly writes?: boolean
}

/** One account, shared by all that use the system. The SDK is loaded by the first call. */
export class StripeClient {
  readonly name: string
  readonly clock: SystemContext['env']['clock']
  readonly #config: StripeConfig
  readonly #context: Pick<SystemContext, 'name' | 'env' | 'coordinator'>
  readonly #breaker: CircuitBreaker
  readonly #limiter: RateLimiter
  readonly #pace: Pace
  #sdk: Promise<Stripe> | undefined

  constructor(config: StripeConfig, context: Pick<SystemContext, 'name' | 'env' | 'coordinator'>) {
    const { name, env, coordinator } = context
    this.name = name
    this.clock = env.clock
    this.#config = config
    this.#context = context
    this.#breaker = new CircuitBreaker({ name, clock: env.clock })
    this.#limiter = new RateLimiter({
      name: `system:${name}`,
      coordinator,
      clock: env.clock,
      random: env.random,
      buckets: [{ limit: config.limits?.perSecond ?? 20, windowMs: 1000 }],
    })
    this.#pace = new Pace({
      system: name,
      clock: env.clock,
      concurrency: config.limits?.concurrency ?? 8,
      limiter: this.#limiter,
    })
  }

  get breakerState(): BreakerState {
    return this.#breaker.state
  }

  limiterStatus(): Promise<LimiterStatus> {
    return this.#limiter.status()
  }

  /**
   * @param work one call of the SDK, which is one request: what is done again is the runtime's to decide.
   * @throws SyncError of the transport, `STRIPE_AUTH`, `STRIPE_REFUSED`, `STRIPE_BUSY`, `STRIPE_KEY_TAKEN`,
   * `RATE_LIMITED`, `SERVER_ERROR`, with `StripeDetails`.
   */
  async call<T>(work: (sdk: Stripe) => Promise<T>, { signal, priority, writes = false }: StripeCall): Promise<T> {
    const sdk = await this.#loaded()
    const outcome = await this.#pace.run(priority, signal, () =>
      this.#breaker.run(() => this.#once(work, sdk, { system: this.name, signal, writes })),
    )
    if ('error' in outcome) throw outcome.error
    return outcome.answer
  }

  /** A refusal is an answer: the system lives. @throws what says that it may not. */
  async #once<T>(
    work: (sdk: Stripe) => Promise<T>,
    sdk: Stripe,
    exchange: Exchange,
  ): Promise<{ answer: T } | { error: SyncError }> {
    try {
      const answer = await exchanges.run(exchange, () => work(sdk))
      this.#pace.accepted()
      return { answer }
    } catch (thrown) {
      const error = errorOf(thrown, exchange, this.clock.now())
      if (!(error instanceof SyncError) || isOfSystem(error)) throw error
      if (error.status === 429) await this.#pace.refused(error.retryAfterMs)
      return { error }
    }
  }

  #loaded(): Promise<Stripe> {
    this.#sdk ??= this.#load()
    return this.#sdk
  }

  async #load(): Promise<Stripe> {
    const { default: Sdk } = await loadSdk()
    const { secretKey, url = DEFAULT_URL, timeout = '80s' } = this.#config
    const { protocol, hostname, port } = new URL(url)
    return new Sdk(secretKey, {
      host: hostname,
      port: port || (protocol === 'http:' ? 80 : 443),
      protocol: protocol === 'http:' ? 'http' : 'https',
      timeout: durationMs(timeout),
      httpClient: transportOf(this.#context),
      // P3: a repeat is the runtime's, behind an intent. P9: nothing about this machine goes along.
      maxNetworkRetries: 0,
      telemetry: false,
    })
  }
}

/** A failure that was kept tells of an earlier call. */
function isOfSystem(error: SyncError): boolean {
  return error.status === undefined || (error.status >= 500 && !detailsOf(error).replayed)
}
