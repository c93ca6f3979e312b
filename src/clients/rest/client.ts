import { durationMs, type SystemContext } from '../../config/definition.ts'
import { SyncError } from '../../errors.ts'
import { type BreakerState, CircuitBreaker } from '../circuit-breaker.ts'
import { ClockOffset, type Offset } from '../clock-offset.ts'
import { createHttpClient, type HttpAnswer, type HttpCall, type HttpClientOptions, statusError } from '../http.ts'
import { lowerCase, withAuth } from '../http-auth.ts'
import { Pace } from '../pace.ts'
import { type LimiterStatus, LONGEST_WAIT_MS, type Priority, rateLimiterOf } from '../rate-limiter.ts'
import type { RestConfig } from './config.ts'

export interface CallOptions {
  readonly signal: AbortSignal
  readonly priority: Priority
}

/**
 * A REST API: one per system, shared by its peers, its sink and its connector. Every call counts against the shared
 * limit, and a few are under way at a time.
 */
export interface RestClient {
  readonly name: string
  readonly config: RestConfig
  readonly clock: SystemContext['env']['clock']
  /**
   * Resolves with any answer below 500 that is not about the rate.
   * @throws SyncError of the transport, of a 401 or 403, of 5xx; retryable `RATE_LIMITED`.
   */
  exchange(call: HttpCall, options: CallOptions): Promise<HttpAnswer>
  /** Resolves with a 2xx answer. @throws SyncError of any other status, beside those of `exchange`. */
  send(call: HttpCall, options: CallOptions): Promise<HttpAnswer>
  /** The error that an answer stands for. */
  errorOf(answer: HttpAnswer, call: HttpCall): SyncError
  /** How far the API's clock is ahead of ours; undefined before the first answer. */
  readonly clockOffset: Offset | undefined
  /** Milliseconds by our clock that never go back, for what has no time of its own. */
  observedAt(): number
  readonly breakerState: BreakerState
  limiterStatus(): Promise<Pick<LimiterStatus, 'available' | 'waiting' | 'blockedMs'>>
  readonly concurrency: number
}

/** A call that was refused for its rate had no effect; it waits and leaves again, so often at most. */
const TRIES = 5
const DEFAULT_CONCURRENCY = 4

export function createRestClient(config: RestConfig, context: Omit<SystemContext, 'compile' | 'state'>): RestClient {
  const { name, env } = context
  const http: HttpClientOptions = withAuth(config.auth, {
    name,
    env,
    baseUrl: config.url.replace(/\/+$/, ''),
    headers: { accept: 'application/json', ...lowerCase(config.headers) },
    timeoutMs: durationMs(config.timeout ?? '30s'),
  })
  const { exchange } = createHttpClient(http)
  const breaker = new CircuitBreaker({ name, clock: env.clock })
  const offset = new ClockOffset()
  const { clock, random } = env
  const limiter = rateLimiterOf(config.limits, { name, coordinator: context.coordinator, clock, random })
  const concurrency = config.limits?.concurrency ?? DEFAULT_CONCURRENCY
  const pace = new Pace({ system: name, clock: env.clock, concurrency, limiter })
  const errorOf = (answer: HttpAnswer, call: HttpCall) => statusError(answer, call, http)
  let lastObserved = 0

  const once = (call: HttpCall) =>
    breaker.run(async () => {
      const sentAt = env.clock.now()
      const answer = await exchange(call)
      offset.measure(answer.headers.date, sentAt, env.clock.now())
      if (answer.status >= 500 || answer.status === 401 || answer.status === 403) throw errorOf(answer, call)
      return answer
    })

  const patient: RestClient['exchange'] = async (call, { signal, priority }) => {
    for (let attempt = 1; ; attempt++) {
      const answer = await pace.run(priority, signal, () => once({ ...call, signal }))
      if (answer.status !== 429) {
        pace.accepted()
        return answer
      }
      const refusal = errorOf(answer, call)
      await pace.refused(refusal.retryAfterMs)
      if (attempt === TRIES || (refusal.retryAfterMs ?? 0) > LONGEST_WAIT_MS) throw refusal
    }
  }

  return {
    name,
    config,
    clock: env.clock,
    concurrency,
    errorOf,
    exchange: patient,
    async send(call, options) {
      const answer = await patient(call, options)
      if (answer.status >= 200 && answer.status < 300) return answer
      throw errorOf(answer, call)
    },
    get clockOffset() {
      return offset.best
    },
    observedAt() {
      lastObserved = Math.max(lastObserved, env.clock.now())
      return lastObserved
    },
    get breakerState() {
      return breaker.state
    },
    async limiterStatus() {
      return (await limiter?.status()) ?? { available: concurrency, waiting: 0, blockedMs: 0 }
    },
  }
}

/** @throws SyncError rejected `UNKNOWN_OBJECT`. */
export function resourceOf(client: RestClient, object: string) {
  const { resources } = client.config
  if (Object.hasOwn(resources, object)) return resources[object]!
  const message = `${client.name} has no resource "${object}"; there are ${Object.keys(resources).join(', ')}`
  throw new SyncError('rejected', 'UNKNOWN_OBJECT', message)
}
