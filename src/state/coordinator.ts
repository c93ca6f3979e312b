/** Held by one owner at a time across all instances. */
export interface Lease {
  readonly name: string
  /** Grows each time the lease changes hands; the fence against an owner that was paused. */
  readonly epoch: number
  /** False once it has lapsed or was taken over. */
  renew(): Promise<boolean>
  /** Only if still ours. */
  release(): Promise<void>
}

export interface Bucket {
  /** Calls that fit into one window. */
  readonly limit: number
  readonly windowMs: number
}

/**
 * What instances of the daemon share besides state: leases and rate limits. May be lost without harm to data: a lost
 * lease or bucket costs a wait or a 429. Drivers: in process (memory and embedded engines), Redis.
 */
export interface Coordinator {
  /** undefined when somebody else holds it. Lapses after `ttlMs` unless renewed. */
  acquire(name: string, owner: string, ttlMs: number): Promise<Lease | undefined>
  /**
   * Takes `cost` from every bucket of `name`, or from none.
   * @returns 0 when taken, else the milliseconds until it is worth asking again.
   */
  take(name: string, cost: number, buckets: readonly Bucket[]): Promise<number>
  /** Nobody takes from `name` for this long: the other side said so. The longer of two blocks holds. */
  block(name: string, ms: number): Promise<void>
  /** Milliseconds for which `name` is still blocked, and what is left in its tightest bucket. For status. */
  inspect(name: string, buckets: readonly Bucket[]): Promise<{ blockedMs: number; available: number }>
  close(): Promise<void>
}
