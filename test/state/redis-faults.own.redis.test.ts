import { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { OpenedRedis } from '../../src/state/redis/open.ts'
import { until } from '../support/until.ts'
import { freshTag, openTestRedis, type RedisService, startRedis } from './redis-support.ts'

/** Stops, fills and misleads its server, so it has one of its own. */
describe('Redis that misbehaves', () => {
  let redis: RedisService
  let opened: OpenedRedis
  let admin: Redis
  let key: string

  beforeAll(async () => {
    redis = await startRedis({ own: true })
    opened = await openTestRedis(redis)
    admin = new Redis(redis.url, { retryStrategy: () => 50 })
    admin.on('error', () => {})
  }, 60_000)

  beforeEach(() => {
    key = `{${freshTag()}}:a`
  })

  afterAll(async () => {
    admin?.disconnect()
    await opened?.close()
    await redis?.stop()
  })

  const commit = (value: unknown) => opened.state.commit([{ key, value }])
  const worksAgain = () => until(async () => Array.isArray(await commit('back')), { what: 'a commit' })

  it('keeps state so that a person can read it', async () => {
    const [version] = (await opened.state.commit([{ key, value: { name: 'Zoë' }, ttlMs: 60_000 }])) as number[]
    expect(await admin.hgetall(`test:${key}`)).toEqual({ v: '{"name":"Zoë"}', r: String(version) })
    expect(await admin.pttl(`test:${key}`)).toBeGreaterThan(50_000)
  })

  it('P2: does not send a commit again whose answer was lost, and says that its outcome is unknown', async () => {
    await admin.client('PAUSE', 60_000, 'WRITE')
    const lost = commit(1).catch((error: unknown) => error)
    // Its turn comes after the commit's on the same server.
    await until(async () => /blocked_clients:1/.test(await admin.info('clients')), { what: 'the commit to hang' })
    const restarting = redis.restart({ hard: true })
    // At once, not when the command's time is up.
    const start = performance.now()
    expect(await lost).toMatchObject({ kind: 'retryable', code: 'STATE_UNAVAILABLE', outcomeUnknown: true })
    expect(performance.now() - start).toBeLessThan(3_000)
    await restarting
    await until(async () => (await opened.state.get([key]))[0] === undefined, { what: 'the state to be back' })
    await worksAgain()
  })

  it('fails in bounded time while the server is away, and goes on by itself when it is back', async () => {
    await commit('before')
    const slowest: number[] = []
    const restarting = redis.restart()
    await until(
      async () => {
        const start = performance.now()
        const outcome = await opened.state.get([key]).catch((error: unknown) => error)
        slowest.push(performance.now() - start)
        if (outcome instanceof Error) expect(outcome).toMatchObject({ kind: 'retryable', code: 'STATE_UNAVAILABLE' })
        return Array.isArray(outcome) && slowest.length > 1
      },
      { what: 'an answer' },
    )
    await restarting
    await until(async () => (await opened.state.get([key]))[0]?.value === 'before', { what: 'the value to be back' })
    expect(Math.max(...slowest)).toBeLessThan(3_000)
  })

  it('says that the server is full, and that nothing was written', async () => {
    await admin.config('SET', 'maxmemory', '1')
    const full = await commit(1).catch((error: unknown) => error)
    await admin.config('SET', 'maxmemory', '0')
    expect(full).toMatchObject({ kind: 'retryable', code: 'STATE_UNAVAILABLE', outcomeUnknown: false })
    expect(String(full)).toContain('full')
    await worksAgain()
  })

  it('looks for the master when its node has become a replica', async () => {
    await admin.replicaof('127.0.0.1', 1)
    const refused = await commit(1).catch((error: unknown) => error)
    expect(refused).toMatchObject({ kind: 'retryable', code: 'STATE_UNAVAILABLE', outcomeUnknown: false })
    await admin.replicaof('NO', 'ONE')
    await worksAgain()
  })

  it('never gives a version again, even when a failover lost the newest ones', async () => {
    const [version] = (await commit(1)) as number[]
    await admin.flushall()
    const [next] = (await commit(2)) as number[]
    expect(next).toBeGreaterThan(version!)
  })

  it('is a fatal error when it refuses the password', async () => {
    await admin.config('SET', 'requirepass', 'secret')
    try {
      await expect(openTestRedis(redis)).rejects.toMatchObject({ kind: 'fatal', code: 'STATE_AUTH' })
      const url = redis.url.replace('redis://', 'redis://:secret@')
      const allowed = await openTestRedis({ url })
      expect(await allowed.state.get([key])).toEqual([undefined])
      await allowed.close()
    } finally {
      await admin.config('SET', 'requirepass', '')
    }
  })

  it('opens while the server is away', async () => {
    const nowhere = await openTestRedis({ url: 'redis://127.0.0.1:1' })
    await expect(nowhere.state.get([key])).rejects.toMatchObject({ kind: 'retryable', code: 'STATE_UNAVAILABLE' })
    await nowhere.close()
  })
})
