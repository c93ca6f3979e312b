import type Stripe from 'stripe'
import { type ErrorKind, SyncError } from '../../errors.ts'
import { retryAfterMs } from '../retry-after.ts'
import type { Exchange } from './transport.ts'

/** What an answer of Stripe says beside its message; the `details` of the error. */
export interface StripeDetails {
  readonly type?: string
  readonly code?: string
  readonly param?: string
  /** By which Stripe's support finds the call. */
  readonly requestId?: string
  /** The answer is the one that Stripe keeps under the key, not that of this call. */
  readonly replayed?: true
}

/** Header of an answer that is not that of this call. */
export const REPLAYED = 'idempotent-replayed'

/** The error that a call of the SDK ended with, as ours. */
export function errorOf(thrown: unknown, exchange: Exchange, now: number): unknown {
  const failure = thrown as InstanceType<typeof Stripe.errors.StripeError>
  const cause: unknown = failure.detail
  if (cause instanceof SyncError) return cause
  const status = failure.statusCode
  if (status === undefined) return thrown
  const headers = failure.headers ?? {}
  const details: StripeDetails = {
    type: failure.rawType,
    code: failure.code,
    param: failure.param,
    requestId: failure.requestId,
    ...(headers[REPLAYED] === 'true' && { replayed: true }),
  }
  const place = details.param ? ` (\`${details.param}\`)` : ''
  const message = `${exchange.system}: ${exchange.request} answered ${status}: ${failure.message}${place}`
  return judged(status, details, (kind, code) => {
    return new SyncError(kind, code, message, {
      status,
      details,
      retryAfterMs: retryAfterMs(headers, now),
      // 409, 429 and 503 are said before the work.
      outcomeUnknown: exchange.writes && status >= 500 && status !== 503,
    })
  })
}

export function detailsOf(error: SyncError): StripeDetails {
  return (error.details as StripeDetails | undefined) ?? {}
}

function judged(
  status: number,
  { type }: StripeDetails,
  make: (kind: ErrorKind, code: string) => SyncError,
): SyncError {
  if (status === 401 || status === 403) return make('fatal', 'STRIPE_AUTH')
  if (status === 429) return make('retryable', 'RATE_LIMITED')
  // Another call with the key is under way, or another one holds the record.
  if (status === 409) return make('retryable', 'STRIPE_BUSY')
  if (status >= 500) return make('retryable', 'SERVER_ERROR')
  return type === 'idempotency_error' ? make('retryable', 'STRIPE_KEY_TAKEN') : make('rejected', 'STRIPE_REFUSED')
}
