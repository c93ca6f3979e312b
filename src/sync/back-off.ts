import type { SyncError } from '../errors.ts'

/** Between tries of what failed; the last one goes on. */
const RETRY_MS = [1000, 5000, 30_000, 60_000, 300_000]

/** P8: ever more slowly, and not before the time that the other side asked for. */
export function backOffMs(attempt: number, error: SyncError | undefined, random: () => number): number {
  const step = RETRY_MS[Math.min(attempt, RETRY_MS.length) - 1]!
  return Math.max(jittered(step, random), error?.retryAfterMs ?? 0)
}

/** Many that failed together do not come back together. */
export function jittered(ms: number, random: () => number): number {
  return ms * (0.5 + random() / 2)
}
