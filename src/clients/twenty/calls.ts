import { SyncError } from '../../errors.ts'
import type { CircuitBreaker } from '../circuit-breaker.ts'
import type { ClockOffset } from '../clock-offset.ts'
import { createHttpClient, type HttpAnswer, type HttpCall, type HttpClientOptions, statusError } from '../http.ts'
import { LONGEST_WAIT_MS, type Priority, type RateLimiter } from '../rate-limiter.ts'
import { errorOf, refusalOf } from './errors.ts'

export interface CallOptions {
  /** Default `live`. */
  readonly priority?: Priority
  readonly signal?: AbortSignal
}

/** Sends one call to Twenty. Resolves with a 2xx answer. @throws SyncError as `errorOf` has it. */
export type Send = (call: HttpCall, options?: CallOptions) => Promise<HttpAnswer>

/** A call that was refused for its rate had no effect; it waits and leaves again, so often at most. */
const TRIES = 5

/** Every call passes the limiter, then the breaker; a refusal for the rate slows all of them down. */
export function createSend(
  http: HttpClientOptions,
  { limiter, breaker, offset }: { limiter: RateLimiter; breaker: CircuitBreaker; offset: ClockOffset },
): Send {
  const { exchange } = createHttpClient(http)
  const { clock } = http.env

  const once = (call: HttpCall) =>
    breaker.run(async () => {
      const sentAt = clock.now()
      const answer = await exchange(call)
      offset.measure(answer.headers.date, sentAt, clock.now())
      if (answer.status < 500) return answer
      throw errorOf(http.name, call, answer, statusError(answer, call, http))
    })

  return async (call, { priority = 'live', signal } = {}) => {
    for (let attempt = 1; ; attempt++) {
      await limiter.acquire(priority, signal)
      const answer = await once({ ...call, signal })
      if (answer.status >= 200 && answer.status < 300) {
        limiter.accepted()
        return answer
      }
      const refusal = refusalOf(answer, clock.now())
      if (!refusal) throw errorOf(http.name, call, answer, statusError(answer, call, http))
      const waitMs = await limiter.refused(refusal)
      if (attempt === TRIES || waitMs > LONGEST_WAIT_MS) throw tooFast(http.name, answer.status, waitMs)
    }
  }
}

function tooFast(name: string, status: number, retryAfterMs: number): SyncError {
  const message = `${name} refused the call for its rate; it wants ${Math.ceil(retryAfterMs / 1000)} s of rest. Lower limits.perMinute where others share the workspace`
  return new SyncError('retryable', 'RATE_LIMITED', message, { status, retryAfterMs })
}
