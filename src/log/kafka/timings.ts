import type { Clock } from '../../environment.ts'
import { SyncError } from '../../errors.ts'

/** All in milliseconds. */
export interface KafkaTimings {
  /** A member that is silent for this long loses its partitions; so long does a kill -9 hold up its successor. */
  readonly sessionMs: number
  readonly heartbeatMs: number
  /** How long a group waits for its members to give up their partitions and join again. */
  readonly rebalanceMs: number
  /** How long `revoked` may take; then what is still in flight is left to the next owner. */
  readonly revokeMs: number
  readonly commitMs: number
  /** How long a fetch waits for new records. */
  readonly fetchWaitMs: number
  /** Connecting and everything but produce gives up after this. */
  readonly requestMs: number
  /** P1 has an answer after this: acknowledged, or an error. */
  readonly appendMs: number
}

export const DEFAULT_TIMINGS: KafkaTimings = {
  sessionMs: 10_000,
  heartbeatMs: 1_000,
  rebalanceMs: 60_000,
  revokeMs: 45_000,
  commitMs: 1_000,
  fetchWaitMs: 500,
  requestMs: 5_000,
  appendMs: 15_000,
}

/** Rejects with LOG_UNAVAILABLE after `ms`; what was begun goes on unheard. */
export async function within<T>(clock: Clock, ms: number, doing: string, work: Promise<T>): Promise<T> {
  const timer = new AbortController()
  const tooLate = clock.sleep(ms, timer.signal).then(() => {
    throw new SyncError('retryable', 'LOG_UNAVAILABLE', `${doing}: no answer within ${ms} ms: are the brokers up?`)
  })
  tooLate.catch(() => {})
  try {
    return await Promise.race([work, tooLate])
  } finally {
    timer.abort()
    work.catch(() => {})
  }
}
