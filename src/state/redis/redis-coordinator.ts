import type { Bucket, Coordinator, Lease } from '../coordinator.ts'
import type { RedisConnection } from './connection.ts'
import type { RedisKeys } from './keys.ts'

/** Leases and rate limits of all instances that share a Redis, by the server's clock. */
export class RedisCoordinator implements Coordinator {
  readonly #connection: RedisConnection
  readonly #keys: RedisKeys

  constructor(connection: RedisConnection, keys: RedisKeys) {
    this.#connection = connection
    this.#keys = keys
  }

  async acquire(name: string, owner: string, ttlMs: number): Promise<Lease | undefined> {
    const key = this.#keys.lease(name)
    const epoch = await this.#connection.run(`cannot acquire lease ${name}`, client =>
      client.syncAcquire(key, owner, ttlMs),
    )
    return epoch === null ? undefined : this.#lease(name, Number(epoch), ttlMs)
  }

  async take(name: string, cost: number, buckets: readonly Bucket[]): Promise<number> {
    const waitMs = await this.#connection.run(`cannot ask limit ${name}`, client =>
      client.syncTake(this.#keys.limit(name), cost, ...buckets.flatMap(({ limit, windowMs }) => [limit, windowMs])),
    )
    return Number(waitMs)
  }

  async block(name: string, ms: number): Promise<void> {
    await this.#connection.run(`cannot block limit ${name}`, client => client.syncBlock(this.#keys.limit(name), ms))
  }

  async inspect(name: string, buckets: readonly Bucket[]): Promise<{ blockedMs: number; available: number }> {
    const [blockedMs, ...tokens] = await this.#connection.run(`cannot look at limit ${name}`, client =>
      client.syncInspect(this.#keys.limit(name), ...buckets.flatMap(({ limit, windowMs }) => [limit, windowMs])),
    )
    return { blockedMs: Number(blockedMs), available: Math.max(0, Math.floor(Math.min(...tokens.map(Number)))) }
  }

  /** The connection is the engine's to close. */
  async close(): Promise<void> {}

  #lease(name: string, epoch: number, ttlMs: number): Lease {
    const key = this.#keys.lease(name)
    const renew = (doing: string, ms: number) =>
      this.#connection.run(`cannot ${doing} lease ${name}`, client => client.syncRenew(key, epoch, ms))
    return {
      name,
      epoch,
      renew: async () => (await renew('renew', ttlMs)) === 1,
      release: async () => {
        await renew('release', 0)
      },
    }
  }
}
