import type { Clock } from '../environment.ts'
import type { Coordinator, Lease } from '../state/coordinator.ts'

const LEASE_MS = 60_000

export interface LeasedOptions {
  readonly coordinator: Coordinator
  readonly clock: Clock
  /** Of the lease. */
  readonly name: string
  readonly owner: string
  /** Nothing is renewed once it is aborted. */
  readonly signal: AbortSignal
}

/** Runs the work under a lease that is renewed until the work ends. undefined: somebody else has the lease. */
export async function leased<T>(options: LeasedOptions, work: () => Promise<T>): Promise<T | undefined> {
  const lease = await options.coordinator.acquire(options.name, options.owner, LEASE_MS)
  if (!lease) return undefined
  const ended = new AbortController()
  void renew(lease, options.clock, AbortSignal.any([options.signal, ended.signal]))
  try {
    return await work()
  } finally {
    ended.abort()
    await lease.release().catch(() => {})
  }
}

/** A lease that was lost is only a wait for others. */
async function renew(lease: Lease, clock: Clock, signal: AbortSignal): Promise<void> {
  try {
    while (!signal.aborted) {
      await clock.sleep(LEASE_MS / 3, signal)
      await lease.renew()
    }
  } catch {
    // Ended, or it lapses.
  }
}
