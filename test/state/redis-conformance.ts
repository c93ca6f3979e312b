import { afterAll, beforeAll } from 'vitest'
import type { OpenedRedis } from '../../src/state/redis/open.ts'
import { describeCoordinator } from '../conformance/coordinator.ts'
import { describeStateStore } from '../conformance/state-store.ts'
import { hashIn, openTestRedis, type RedisService, startRedis, waitMs } from './redis-support.ts'

/** Both suites on one server, through two clients. */
export function describeRedis(name: string, cluster: boolean): void {
  let redis: RedisService

  beforeAll(async () => {
    redis = await startRedis({ cluster })
  }, 120_000)
  afterAll(async () => redis?.stop())

  const open = async () => {
    const opened: OpenedRedis[] = []
    const next = async () => {
      const each = await openTestRedis(redis, { cluster })
      opened.push(each)
      return each
    }
    const [one, two] = [await next(), await next()]
    return { one, two, next, dispose: async () => void (await Promise.all(opened.map(each => each.close()))) }
  }

  describeStateStore(
    name,
    async () => {
      const { one, two, next, dispose } = await open()
      // The server keeps the state; a client that was killed just stops.
      const reopen = async () => (await next()).state
      const hashAt = (key: string) => hashIn(redis, `test:${key}`)
      return { store: one.state, other: two.state, hashAt, advance: waitMs, reopen, dispose }
    },
    { durable: true, virtualTime: false },
  )

  describeCoordinator(
    name,
    async () => {
      const { one, two, dispose } = await open()
      return { coordinator: one.coordinator, other: two.coordinator, advance: waitMs, dispose }
    },
    { virtualTime: false },
  )
}
