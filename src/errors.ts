/**
 * What the runtime does with a failure:
 *   retryable  the same event may pass later: back-off, then parked, dead letter after the limit
 *   rejected   this event will never pass: dead letter at once
 *   fatal      no event will pass (401, bad config, disk full): the flow stops and commits nothing
 */
export type ErrorKind = 'retryable' | 'rejected' | 'fatal'

export interface SyncErrorOptions {
  readonly cause?: unknown
  /** The other side's own wish, from `Retry-After`. Milliseconds from now. */
  readonly retryAfterMs?: number
  /** HTTP status of the answer, when there was one. */
  readonly status?: number
  /** True when the call may have had its effect: time-out or lost answer after the request was sent. */
  readonly outcomeUnknown?: boolean
  /** The answer's body or other facts that help; never a secret. */
  readonly details?: unknown
}

/** The only error class that crosses module borders. `code` is stable and documented in docs/errors.md. */
export class SyncError extends Error {
  readonly kind: ErrorKind
  readonly code: string
  readonly retryAfterMs?: number
  readonly status?: number
  readonly outcomeUnknown: boolean
  readonly details?: unknown

  /** @param message what failed, where, and what to do about it. */
  constructor(kind: ErrorKind, code: string, message: string, options: SyncErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'SyncError'
    this.kind = kind
    this.code = code
    this.retryAfterMs = options.retryAfterMs
    this.status = options.status
    this.outcomeUnknown = options.outcomeUnknown ?? false
    this.details = options.details
  }
}

/** The same failure, told or judged by somebody who knows better. A new message leaves the cause behind, which may say the old one. */
export function revised(
  error: SyncError,
  {
    kind = error.kind,
    outcomeUnknown = error.outcomeUnknown,
    message,
  }: Partial<Pick<SyncError, 'kind' | 'outcomeUnknown' | 'message'>>,
): SyncError {
  const { code, status, retryAfterMs, details } = error
  const cause = message === undefined ? error.cause : undefined
  return new SyncError(kind, code, message ?? error.message, { cause, status, retryAfterMs, details, outcomeUnknown })
}

/** Anything that is not a SyncError is a defect of ours: bounded retries, then a dead letter `UNCLASSIFIED`. */
export function asSyncError(thrown: unknown): SyncError {
  if (thrown instanceof SyncError) return thrown
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  return new SyncError('retryable', 'UNCLASSIFIED', message, { cause: thrown })
}

/** Status of an HTTP answer to the kind of failure that it is. Sinks override where a system means something else. */
export function kindOfStatus(status: number): ErrorKind {
  if (status === 401 || status === 403) return 'fatal'
  if (status === 408 || status === 425 || status === 429 || status >= 500) return 'retryable'
  return 'rejected'
}
