import type { Logger } from 'pino'

/** Cancels a timer; harmless after it fired. */
export type Cancel = () => void

/** All time comes from here, so that a simulation can own it. */
export interface Clock {
  /** Milliseconds since the epoch, as the wall shows them. */
  now(): number
  /** Milliseconds that never go back; for measuring. */
  elapsed(): number
  /** Calls `fire` once after `ms`. Does not keep the process alive when `background`. */
  after(ms: number, fire: () => void, options?: { background?: boolean }): Cancel
  /** Resolves after `ms`; rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export interface HttpRequest {
  readonly method: string
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  /** Whole exchange, headers and body. */
  readonly timeoutMs: number
  /** Longer answers are cut off and fail with `RESPONSE_TOO_LARGE`. */
  readonly maxResponseBytes?: number
  readonly signal?: AbortSignal
}

export interface HttpResponse {
  readonly status: number
  /** Lower-case names; repeated headers joined by `, `. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/**
 * Sends one request, follows no redirect.
 * @throws SyncError retryable `CONNECTION_FAILED` (never sent), `TIMEOUT` or `CONNECTION_LOST` (outcomeUnknown).
 */
export type HttpTransport = (request: HttpRequest) => Promise<HttpResponse>

/** Everything from outside that would make a run unrepeatable. Only `src/environment/` touches the real ones. */
export interface Environment {
  readonly clock: Clock
  /** In [0, 1). */
  readonly random: () => number
  /** A fresh random UUID v4. */
  readonly uuid: () => string
  readonly http: HttpTransport
  readonly logger: Logger
}
