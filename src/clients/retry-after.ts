/** Longer wishes are cut: a record must not wait for a typing error of the other side. */
export const MAX_RETRY_AFTER_MS = 24 * 3_600_000

/**
 * Milliseconds to wait according to a `Retry-After` header: seconds, or an HTTP date read against the answer's own
 * `Date` where it has one, since the other side's clock is not ours. undefined when absent or meaningless.
 */
export function retryAfterMs(headers: Readonly<Record<string, string>>, nowMs: number): number | undefined {
  const value = headers['retry-after']?.trim()
  if (!value) return undefined
  if (/^[+-]?[\d.]+(e[+-]?\d+)?$/i.test(value)) return secondsToMs(Number(value))
  const until = Date.parse(value)
  if (Number.isNaN(until)) return undefined
  const theirNow = Date.parse(headers.date ?? '')
  return Math.min(Math.max(until - (Number.isNaN(theirNow) ? nowMs : theirNow), 0), MAX_RETRY_AFTER_MS)
}

/** Seconds as another system states them; negative or not a number is no statement at all. */
export function secondsToMs(seconds: number): number | undefined {
  if (Number.isNaN(seconds) || seconds < 0) return undefined
  return Math.min(Math.ceil(seconds * 1000), MAX_RETRY_AFTER_MS)
}
