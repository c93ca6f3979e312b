import type { Environment } from '../environment.ts'
import { asSyncError, type SyncError } from '../errors.ts'
import type { Coordinator } from '../state/coordinator.ts'
import { CircuitBreaker } from './circuit-breaker.ts'
import {
  createHttpClient,
  type HttpAnswer,
  type HttpCall,
  type HttpClient,
  type HttpClientOptions,
  statusError,
} from './http.ts'
import { Pace } from './pace.ts'
import { type Priority, type RateLimits, rateLimiterOf } from './rate-limiter.ts'

export interface PacedApiOptions {
  readonly http: HttpClientOptions
  readonly coordinator: Coordinator
  readonly random: Environment['random']
  readonly clock: Environment['clock']
  readonly limits?: RateLimits
  /** Calls under way at one time, per instance. */
  readonly concurrency: number
}

/**
 * An API that is called at its own pace: within its limits, which all instances share, not at all for as long as it
 * said with a 429, and by probes only while it does not answer. A call is made once; whoever asked tries again.
 */
export class PacedApi {
  readonly #http: HttpClientOptions
  readonly #client: HttpClient
  readonly #breaker: CircuitBreaker
  readonly #pace: Pace
  readonly #status: () => Promise<{ available: number; waiting: number; blockedMs: number }>

  constructor({ http, limits, concurrency, coordinator, clock, random }: PacedApiOptions) {
    const { name } = http
    const limiter = rateLimiterOf(limits, { name, coordinator, clock, random })
    this.#http = http
    this.#client = createHttpClient(http)
    this.#breaker = new CircuitBreaker({ name, clock })
    this.#pace = new Pace({ system: name, clock, concurrency, ...(limiter && { limiter }) })
    this.#status = async () => (await limiter?.status()) ?? { available: concurrency, waiting: 0, blockedMs: 0 }
  }

  /**
   * @param read makes of the answer what the caller wants; it throws what the answer means where that is an error. By
   * default every status but 2xx is one.
   * @throws SyncError of the transport; what `read` throws; retryable `RATE_LIMITED` and `SYSTEM_UNAVAILABLE`.
   */
  exchange<T = HttpAnswer>(
    call: HttpCall,
    { priority, signal }: { priority: Priority; signal: AbortSignal },
    read: (answer: HttpAnswer) => T = answer => this.#accepted(answer, call) as T,
  ): Promise<T> {
    return this.#pace.run(priority, signal, () =>
      this.#breaker.run(async () => {
        const answer = await this.#client.exchange({ ...call, signal })
        try {
          const result = read(answer)
          this.#pace.accepted()
          return result
        } catch (error) {
          if (answer.status === 429) await this.#pace.refused(asSyncError(error).retryAfterMs)
          throw error
        }
      }),
    )
  }

  /** Without waiting for a turn: whether address and credentials work. @throws SyncError */
  async check(url: string, signal: AbortSignal): Promise<void> {
    await this.#client.send({ method: 'GET', url, signal })
  }

  errorOf(answer: HttpAnswer, call: HttpCall): SyncError {
    return statusError(answer, call, this.#http)
  }

  async status() {
    const { available, waiting, blockedMs } = await this.#status()
    return { limiter: { available, waiting, blockedMs }, breaker: this.#breaker.state }
  }

  #accepted(answer: HttpAnswer, call: HttpCall): HttpAnswer {
    if (answer.status >= 200 && answer.status < 300) return answer
    throw this.errorOf(answer, call)
  }
}
