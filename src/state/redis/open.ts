import type { Environment } from '../../environment.ts'
import type { Coordinator } from '../coordinator.ts'
import type { StateStore } from '../state-store.ts'
import { type RedisConfig, RedisConnection } from './connection.ts'
import { RedisKeys } from './keys.ts'
import { RedisCoordinator } from './redis-coordinator.ts'
import { RedisState } from './redis-state.ts'

export interface OpenedRedis {
  readonly state: StateStore
  readonly coordinator: Coordinator
  close(): Promise<void>
}

/**
 * State and coordination on one connection to Redis, or to a Cluster. Comes up while Redis is away: then every call
 * fails as `STATE_UNAVAILABLE` until it is there. @throws SyncError fatal `STATE_AUTH`, `STATE_CONFIG`.
 */
export async function openRedis(config: RedisConfig, { env }: { env: Environment }): Promise<OpenedRedis> {
  const keys = new RedisKeys(config.prefix)
  const connection = new RedisConnection(config, env)
  try {
    await connection.open()
  } catch (error) {
    await connection.close()
    throw error
  }
  return {
    state: new RedisState(connection, keys),
    coordinator: new RedisCoordinator(connection, keys),
    close: () => connection.close(),
  }
}
