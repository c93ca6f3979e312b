import type { Clock } from '../environment.ts'
import type { SyncError } from '../errors.ts'

/** First wait of an in-place retry; doubles, with full jitter. */
const BASE_MS = 300
const CAP_MS = 10_000
/** An event blocks its record in place for at most this long; then it is parked. */
export const IN_PLACE_MS = 30_000
/** Waits of a parked event, by attempt; the last one repeats. */
const PARK_MS = [60_000, 300_000, 1_800_000, 7_200_000, 28_800_000]
/** A parked event older than this is dead-lettered. */
export const PARK_LIMIT_MS = 24 * 3_600_000
/** A defect of ours is not tried for ever. */
export const UNCLASSIFIED_TRIES = 3

/** Full jitter: anywhere between 0 and the doubling cap, so that many failures do not come back together. */
export function inPlaceDelayMs(attempt: number, random: () => number): number {
  return Math.ceil(random() * Math.min(CAP_MS, BASE_MS * 2 ** (attempt - 1)))
}

/** When a parked event is due again: its schedule with up to 10 % jitter, or later when the other side asked for it. */
export function parkedDelayMs(attempt: number, random: () => number, error?: SyncError): number {
  const scheduled = PARK_MS[Math.min(attempt, PARK_MS.length) - 1]!
  return Math.max(Math.ceil(scheduled * (1 + random() / 10)), Math.min(error?.retryAfterMs ?? 0, PARK_LIMIT_MS))
}

/** The wait before the next in-place try, or undefined when it is time to park. */
export function nextInPlace(
  error: SyncError,
  attempt: number,
  startedAt: number,
  clock: Clock,
  random: () => number,
): number | undefined {
  const delay = error.retryAfterMs ?? inPlaceDelayMs(attempt, random)
  return clock.elapsed() - startedAt + delay > IN_PLACE_MS ? undefined : delay
}
