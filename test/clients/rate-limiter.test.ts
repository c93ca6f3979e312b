import { describe, expect, it } from 'vitest'
import { LONGEST_WAIT_MS, type Priority, RateLimiter } from '../../src/clients/rate-limiter.ts'
import { localCoordinator } from '../../src/state/local-coordinator.ts'
import { settle, VirtualClock } from '../support/virtual-clock.ts'

function bench(perMinute = 60) {
  const clock = new VirtualClock()
  const coordinator = localCoordinator({ clock })
  const make = () =>
    new RateLimiter({
      name: 'system:twenty',
      coordinator,
      clock,
      random: () => 1,
      buckets: [{ limit: perMinute, windowMs: 60_000 }],
    })
  const sent: string[] = []
  const call = (limiter: RateLimiter, name: string, priority: Priority = 'live', signal?: AbortSignal) =>
    limiter.acquire(priority, signal).then(() => void sent.push(name))
  return { clock, make, sent, call, limiter: make() }
}

describe('rate limiter', () => {
  it('P8: lets no more through than the limit, over all instances', async () => {
    const { clock, make, sent, call } = bench(60)
    const limiters = [make(), make()]
    for (let at = 0; at < 200; at++) void call(limiters[at % 2]!, String(at))
    await settle()
    expect(sent).toHaveLength(60)
    await clock.advance(60_000)
    expect(sent.length).toBeLessThanOrEqual(121)
    expect(sent.length).toBeGreaterThanOrEqual(118)
  })

  it('P8: live goes before replay that waits longer', async () => {
    const { clock, limiter, sent, call } = bench(60)
    for (let at = 0; at < 80; at++) void call(limiter, 'replay', 'replay')
    await settle()
    // A tenth is left for whoever is live, here or elsewhere.
    expect(sent).toHaveLength(54)
    for (let at = 0; at < 10; at++) void call(limiter, 'live')
    await clock.advance(1000)
    expect(sent.slice(54, 60)).toEqual(Array(6).fill('live'))
    await clock.advance(60_000)
    expect(sent.indexOf('replay', 54)).toBeGreaterThan(sent.lastIndexOf('live'))
    expect(sent.filter(name => name === 'replay')).toHaveLength(80)
  })

  it('replay alone runs at the whole rate', async () => {
    const { clock, limiter, sent, call } = bench(60)
    for (let at = 0; at < 600; at++) void call(limiter, 'replay', 'replay')
    await clock.advance(300_000)
    expect(sent.length).toBeGreaterThan(54 + 290)
  })

  it('after a refusal nobody sends until the other side said, then all more slowly, then as before', async () => {
    const { clock, limiter, sent, call } = bench(60)
    expect(await limiter.refused({ retryAfterMs: 7000 })).toBe(7000)
    void call(limiter, 'a')
    await clock.advance(6999)
    expect(sent).toEqual([])
    await clock.advance(1)
    expect(sent).toEqual(['a'])
    expect((await limiter.status()).factor).toBeCloseTo(0.7)
    await clock.advance(180_000)
    expect((await limiter.status()).factor).toBe(1)
  })

  it('backs off by itself where no time is said, longer each time, until a call passes', async () => {
    const { limiter } = bench()
    expect([await limiter.refused({}), await limiter.refused({}), await limiter.refused({ retryAfterMs: 0 })]).toEqual([
      2000, 4000, 8000,
    ])
    limiter.accepted()
    expect(await limiter.refused({})).toBe(2000)
  })

  it('takes over a lower limit that the other side states', async () => {
    const { clock, limiter } = bench(90)
    await limiter.refused({ retryAfterMs: 1, limit: { limit: 50, windowMs: 60_000 } })
    await clock.advance(600_000)
    expect((await limiter.status()).available).toBe(45)
  })

  it('hands back a wait that is too long to hold a place for', async () => {
    const { limiter, call } = bench()
    await limiter.refused({ retryAfterMs: LONGEST_WAIT_MS + 1 })
    await expect(call(limiter, 'a')).rejects.toMatchObject({
      kind: 'retryable',
      code: 'RATE_LIMITED',
      retryAfterMs: LONGEST_WAIT_MS + 1,
    })
  })

  it('an aborted call leaves its place', async () => {
    const { clock, limiter, sent, call } = bench(1)
    await call(limiter, 'first')
    const abort = new AbortController()
    const waiting = call(limiter, 'given up', 'live', abort.signal)
    void call(limiter, 'next')
    abort.abort(new Error('stop'))
    await expect(waiting).rejects.toThrow('stop')
    await clock.advance(60_000)
    expect(sent).toEqual(['first', 'next'])
  })
})
