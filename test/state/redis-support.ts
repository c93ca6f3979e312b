import { randomUUID } from 'node:crypto'
import { type RedisService, startRedis } from '../../scripts/services/redis.ts'
import { systemClock } from '../../src/environment/clock.ts'
import type { RedisConfig } from '../../src/state/redis/connection.ts'
import { type OpenedRedis, openRedis } from '../../src/state/redis/open.ts'
import { realEnvironment } from '../log/kafka-support.ts'

export function openTestRedis(
  redis: Pick<RedisService, 'url'>,
  given: Partial<RedisConfig> = {},
): Promise<OpenedRedis> {
  return openRedis(
    { type: 'redis', urls: [redis.url], cluster: false, prefix: 'test', ...given },
    { env: realEnvironment },
  )
}

/** A server's clock cannot be moved: the test waits, a little longer than asked. */
export function waitMs(ms: number): Promise<void> {
  return systemClock.sleep(ms + 5)
}

export function freshTag(): string {
  return `test-${randomUUID().slice(0, 8)}`
}

export { type RedisService, startRedis }
