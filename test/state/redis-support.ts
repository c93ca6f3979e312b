import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { promisify } from 'node:util'
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

/** What `redis-cli HGETALL` says; undefined where there is no such key. `-c` follows a cluster to where the key is. */
export async function hashIn(
  redis: Pick<RedisService, 'url'>,
  name: string,
): Promise<Record<string, string> | undefined> {
  const { stdout } = await promisify(execFile)('redis-cli', ['-u', redis.url, '-c', '--json', 'HGETALL', name])
  const hash = JSON.parse(stdout) as Record<string, string>
  return Object.keys(hash).length === 0 ? undefined : hash
}

export function freshTag(): string {
  return `test-${randomUUID().slice(0, 8)}`
}

export { type RedisService, startRedis }
