import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Bucket, Coordinator } from '../../src/state/coordinator.ts'

export interface OpenedCoordinator {
  readonly coordinator: Coordinator
  /** A second instance that shares everything with the first; the first itself where there is one process only. */
  readonly other?: Coordinator
  /** Lets this much time pass as the driver sees it: moves an injected clock, or waits for a real server's. */
  advance(ms: number): Promise<void>
  dispose?(): Promise<void>
}

export interface CoordinatorFeatures {
  /** Time costs nothing: many random schedules are tried. A real server's clock gets a few short ones. */
  readonly virtualTime: boolean
}

let names = 0
const freshName = () => `conformance-${process.pid}-${Date.now().toString(36)}-${++names}`

/** What every Coordinator promises. */
export function describeCoordinator(
  name: string,
  open: () => Promise<OpenedCoordinator>,
  { virtualTime }: CoordinatorFeatures,
): void {
  describe(`Coordinator: ${name}`, () => {
    let opened: OpenedCoordinator
    let one: Coordinator
    let two: Coordinator
    beforeEach(async () => {
      opened = await open()
      one = opened.coordinator
      two = opened.other ?? one
    })
    afterEach(async () => {
      await opened.dispose?.()
    })

    describe('leases', () => {
      it('are held by one owner at a time', async () => {
        const lease = freshName()
        expect(await one.acquire(lease, 'one', 60_000)).toMatchObject({ name: lease })
        expect(await two.acquire(lease, 'two', 60_000)).toBeUndefined()
        expect(await two.acquire(freshName(), 'two', 60_000)).toBeDefined()
      })

      it('go to exactly one of many who ask at once', async () => {
        const lease = freshName()
        const asked = await Promise.all(
          Array.from({ length: 50 }, (_, i) => (i % 2 ? one : two).acquire(lease, `owner-${i}`, 60_000)),
        )
        expect(asked.filter(Boolean)).toHaveLength(1)
      })

      it('are given to their own holder again', async () => {
        const lease = freshName()
        const first = await one.acquire(lease, 'one', 60_000)
        const second = await one.acquire(lease, 'one', 60_000)
        expect(second!.epoch).toBeGreaterThanOrEqual(first!.epoch)
        expect(await second!.renew()).toBe(true)
        expect(await two.acquire(lease, 'two', 60_000)).toBeUndefined()
      })

      it('lapse unless renewed', async () => {
        const lease = freshName()
        // A real server's time goes on while a busy machine does something else.
        const ttlMs = virtualTime ? 300 : 1500
        const held = await one.acquire(lease, 'one', ttlMs)
        await opened.advance((ttlMs * 2) / 3)
        expect(await held!.renew()).toBe(true)
        await opened.advance((ttlMs * 2) / 3)
        expect(await two.acquire(lease, 'two', ttlMs)).toBeUndefined()
        await opened.advance((ttlMs * 2) / 3)
        expect(await held!.renew()).toBe(false)
        expect(await two.acquire(lease, 'two', ttlMs)).toBeDefined()
      })

      it('grow in epoch with every change of hands, also after a release', async () => {
        const lease = freshName()
        const first = await one.acquire(lease, 'one', 60_000)
        await first!.release()
        const second = await two.acquire(lease, 'two', 100)
        await opened.advance(150)
        const third = await one.acquire(lease, 'one', 60_000)
        expect(second!.epoch).toBeGreaterThan(first!.epoch)
        expect(third!.epoch).toBeGreaterThan(second!.epoch)
      })

      it('cannot be renewed or released by an owner that was overtaken', async () => {
        const lease = freshName()
        const paused = await one.acquire(lease, 'one', 100)
        await opened.advance(150)
        const taken = await two.acquire(lease, 'two', 60_000)
        expect(await paused!.renew()).toBe(false)
        await paused!.release()
        expect(await taken!.renew()).toBe(true)
        expect(await one.acquire(lease, 'one', 60_000)).toBeUndefined()
      })

      it('are free at once after a release', async () => {
        const lease = freshName()
        const held = await one.acquire(lease, 'one', 60_000)
        await held!.release()
        expect(await held!.renew()).toBe(false)
        expect(await two.acquire(lease, 'two', 60_000)).toBeDefined()
      })
    })

    describe('buckets', () => {
      const minute: Bucket = { limit: 3, windowMs: 60_000 }

      it('P8: let through what fits, then say how long to wait', async () => {
        const name = freshName()
        for (let call = 0; call < 3; call++) expect(await (call % 2 ? one : two).take(name, 1, [minute])).toBe(0)
        const waitMs = await one.take(name, 1, [minute])
        expect(waitMs).toBeGreaterThan(0)
        expect(waitMs).toBeLessThanOrEqual(20_000)
      })

      it('take from all of several or from none', async () => {
        const name = freshName()
        const wide: Bucket = { limit: 10, windowMs: 3_600_000 }
        const narrow: Bucket = { limit: 2, windowMs: 1_800_000 }
        expect(await one.take(name, 2, [wide, narrow])).toBe(0)
        for (let call = 0; call < 5; call++) expect(await one.take(name, 2, [wide, narrow])).toBeGreaterThan(0)
        expect((await one.inspect(name, [wide])).available).toBe(8)
        expect((await one.inspect(name, [wide, narrow])).available).toBe(0)
      })

      it('refill evenly', async () => {
        const name = freshName()
        const bucket: Bucket = { limit: 4, windowMs: 1000 }
        expect(await one.take(name, 4, [bucket])).toBe(0)
        expect(await one.take(name, 1, [bucket])).toBeGreaterThan(0)
        await opened.advance(260)
        expect(await one.take(name, 1, [bucket])).toBe(0)
        await opened.advance(1100)
        expect((await one.inspect(name, [bucket])).available).toBe(4)
      })

      it('pass after the time that was named', async () => {
        const name = freshName()
        const bucket: Bucket = { limit: 5, windowMs: 500 }
        expect(await one.take(name, 5, [bucket])).toBe(0)
        await opened.advance(await one.take(name, 2, [bucket]))
        expect(await one.take(name, 2, [bucket])).toBe(0)
      })

      it('are apart by name', async () => {
        const name = freshName()
        expect(await one.take(name, 3, [minute])).toBe(0)
        expect(await one.take(freshName(), 3, [minute])).toBe(0)
      })

      it('P8: grant at most the limit at once to many who ask together', async () => {
        const name = freshName()
        const bucket: Bucket = { limit: 20, windowMs: 3_600_000 }
        const waits = await Promise.all(
          Array.from({ length: 100 }, (_, i) => (i % 2 ? one : two).take(name, 1, [bucket])),
        )
        expect(waits.filter(wait => wait === 0)).toHaveLength(20)
      })

      it('P8: never grant more in any span of time than the limit and what flowed back in that span', async () => {
        const step = virtualTime ? fc.nat(2000) : fc.nat(60)
        const schedule = fc.array(fc.record({ advanceMs: step, cost: fc.integer({ min: 1, max: 3 }) }), {
          minLength: 1,
          maxLength: virtualTime ? 60 : 12,
        })
        const limits = fc.record({
          short: fc.integer({ min: 3, max: 8 }),
          long: fc.integer({ min: 3, max: 20 }),
          windowMs: fc.integer({ min: 100, max: 2000 }),
        })
        await fc.assert(
          fc.asyncProperty(schedule, limits, async (steps, { short, long, windowMs }) => {
            const name = freshName()
            const buckets: Bucket[] = [
              { limit: short, windowMs },
              { limit: long, windowMs: windowMs * 5 },
            ]
            const grants = await run(name, steps, buckets)
            for (const bucket of buckets) expect(overGrants(grants, bucket)).toEqual([])
          }),
          { numRuns: virtualTime ? 100 : 4 },
        )
      })

      /** Asks as scheduled and tells what was granted when, at the latest. */
      async function run(
        name: string,
        steps: readonly { advanceMs: number; cost: number }[],
        buckets: readonly Bucket[],
      ) {
        const grants: { before: number; after: number; cost: number }[] = []
        let virtual = 0
        const now = () => (virtualTime ? virtual : performance.now())
        for (const { advanceMs, cost } of steps) {
          await opened.advance(advanceMs)
          virtual += advanceMs
          const before = now()
          if ((await one.take(name, cost, buckets)) === 0) grants.push({ before, after: now(), cost })
        }
        return grants
      }
    })

    describe('block', () => {
      const bucket: Bucket = { limit: 100, windowMs: 1000 }

      it('P8: stops everybody for its time; the longer of two holds', async () => {
        const name = freshName()
        await one.block(name, 400)
        await one.block(name, 100)
        const waitMs = await two.take(name, 1, [bucket])
        expect(waitMs).toBeGreaterThan(100)
        expect(waitMs).toBeLessThanOrEqual(400)
        expect((await two.inspect(name, [bucket])).blockedMs).toBeGreaterThan(100)
        await opened.advance(401)
        expect(await two.take(name, 1, [bucket])).toBe(0)
        expect((await two.inspect(name, [bucket])).blockedMs).toBe(0)
      })

      it('takes nothing from the buckets', async () => {
        const name = freshName()
        const slow: Bucket = { limit: 5, windowMs: 3_600_000 }
        await one.block(name, 100)
        expect(await one.take(name, 5, [slow])).toBeGreaterThan(0)
        await opened.advance(101)
        expect(await one.take(name, 5, [slow])).toBe(0)
      })
    })
  })
}

/** Spans in which more was granted than a bucket holds and refills; empty when the law was kept. */
function overGrants(grants: readonly { before: number; after: number; cost: number }[], bucket: Bucket): string[] {
  const found: string[] = []
  grants.forEach((first, i) => {
    let sum = 0
    for (const last of grants.slice(i)) {
      sum += last.cost
      // The longest the span can have been; 2 ms for a server that counts in whole milliseconds.
      const spanMs = last.after - first.before + 2
      const allowed = bucket.limit + (spanMs * bucket.limit) / bucket.windowMs
      if (sum > allowed + 1e-6) found.push(`${sum} > ${allowed} in ${spanMs} ms`)
    }
  })
  return found
}
