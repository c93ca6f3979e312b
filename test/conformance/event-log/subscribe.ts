import { describe, expect, it } from 'vitest'
import { SyncError } from '../../../src/errors.ts'
import type { StartPosition } from '../../../src/log/event-log.ts'
import { type LogSuite, nextMillisecond, numbersOf } from './suite.ts'

export function subscribeSuite(suite: LogSuite): void {
  const caughtUp = (topic: string, group: string) =>
    suite.until(async () => (await suite.log.lag(topic, group)) === 0, `lag 0 of ${group}`)

  describe('subscribe', () => {
    it('gives a group every event, and goes on with those that come later', async () => {
      const topic = await suite.topic()
      await suite.fill(topic, 20, ['a', 'b', 'c', 'd'])
      const collector = suite.collect(topic, 'flow')
      await suite.until(() => collector.events.length === 20)
      await suite.fill(topic, 20, ['a', 'b', 'c', 'd'], 20)
      await suite.until(() => collector.events.length === 40)
      await caughtUp(topic, 'flow')
      await collector.stop()
      expect(numbersOf(collector.events).sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, n) => n))
    })

    it('serves several topics at once', async () => {
      const first = await suite.topic(1)
      const second = await suite.topic(1)
      await suite.fill(first, 3, ['a'], 0)
      await suite.fill(second, 3, ['b'], 10)
      const events: string[] = []
      const abort = new AbortController()
      const done = suite.log.subscribe(
        [first, second],
        'flow',
        {
          async take(partition, taken) {
            for (const { topic, event, offset } of taken) {
              events.push(`${topic === first ? 1 : 2}:${event.data.n}`)
              partition.finished(offset)
            }
          },
        },
        abort.signal,
        { start: 'earliest' },
      )
      await suite.until(() => events.length === 6)
      abort.abort()
      await done
      expect(events.sort()).toEqual(['1:0', '1:1', '1:2', '2:10', '2:11', '2:12'])
    })

    const starts: [string, StartPosition | ((second: number) => StartPosition), number[]][] = [
      ['now', 'now', [200]],
      ['earliest', 'earliest', [0, 1, 100, 101, 200]],
      ['a time', second => ({ time: second }), [100, 101, 200]],
      ['offsets', { offsets: { 0: 1 } }, [1, 100, 101, 200]],
    ]
    for (const [name, position, wanted] of starts) {
      it.runIf(name !== 'a time' || suite.features.timeLookup)(`starts at ${name}`, async () => {
        const topic = await suite.topic(1)
        await suite.fill(topic, 2)
        const second = await nextMillisecond()
        await suite.fill(topic, 2, ['a'], 100)
        const start = typeof position === 'function' ? position(second) : position
        const collector = suite.collect(topic, 'flow', { start })
        await suite.until(() => collector.partitions.size === 1, 'assigned')
        await suite.fill(topic, 1, ['a'], 200)
        await suite.until(() => numbersOf(collector.events).includes(200))
        expect(numbersOf(collector.events)).toEqual(wanted)
        await collector.stop()
      })
    }

    it('P2: commits the start before the first event, so that a failed first run does not lose what came since', async () => {
      const topic = await suite.topic(1)
      await suite.fill(topic, 2)
      const failing = suite.collect(topic, 'flow', {
        start: 'now',
        take: async () => {
          throw new Error('handler failed')
        },
      })
      await suite.until(() => failing.partitions.size === 1, 'assigned')
      await suite.fill(topic, 1, ['a'], 10)
      await failing.ended
      await suite.fill(topic, 1, ['a'], 20)
      const next = suite.collect(topic, 'flow', { start: 'now' })
      await suite.until(() => next.events.length === 2)
      expect(numbersOf(next.events)).toEqual([10, 20])
      await next.stop()
    })

    it('P2: goes on where the group was committed, not from the start', async () => {
      const topic = await suite.topic()
      await suite.fill(topic, 30, ['a', 'b', 'c'])
      const first = suite.collect(topic, 'flow')
      await suite.until(() => first.events.length === 30)
      await first.stop()
      expect(await suite.log.lag(topic, 'flow')).toBe(0)
      await suite.fill(topic, 6, ['a', 'b', 'c'], 30)
      const second = suite.collect(topic, 'flow')
      await suite.until(() => second.events.length === 6)
      await second.stop()
      expect(numbersOf(second.events).sort((a, b) => a - b)).toEqual([30, 31, 32, 33, 34, 35])
    })

    it('P2: commits only the lowest unfinished when events finish out of order', async () => {
      const topic = await suite.topic(1)
      await suite.fill(topic, 10)
      const first = suite.collect(topic, 'flow', { finish: ({ offset }) => offset !== 3 && offset !== 7 })
      await suite.until(() => first.events.length === 10)
      await first.stop()
      const [info] = await suite.log.describe([topic])
      expect(info!.groups).toMatchObject([{ group: 'flow', committed: { 0: 3 }, lag: 7 }])
      const second = suite.collect(topic, 'flow')
      await suite.until(() => second.events.length === 7)
      expect(numbersOf(second.events)).toEqual([3, 4, 5, 6, 7, 8, 9])
      await second.stop()
    })

    it('commits soon after, not only at the end', async () => {
      const topic = await suite.topic(1)
      await suite.fill(topic, 10)
      const collector = suite.collect(topic, 'flow', { finish: ({ offset }) => offset < 4 })
      await suite.until(async () => (await suite.log.lag(topic, 'flow')) === 6, 'lag 6')
      collector.partitions.get(0)!.finished(5)
      collector.partitions.get(0)!.finished(4)
      await suite.until(async () => (await suite.log.lag(topic, 'flow')) === 4, 'lag 4')
      await collector.stop()
    })

    it('fails with what `take` failed with, and gives the unfinished events to the next subscriber', async () => {
      const topic = await suite.topic(1)
      await suite.fill(topic, 10)
      const failure = new SyncError('fatal', 'TEST', 'no event will pass')
      const first = suite.collect(topic, 'flow', {
        take: async (partition, events) => {
          for (const { offset } of events) {
            if (offset === 4) throw failure
            partition.finished(offset)
          }
        },
      })
      expect(await first.ended).toBe(failure)
      expect(first.calls.at(-1)).toBe('revoked 0')
      const second = suite.collect(topic, 'flow')
      await suite.until(() => second.events.length === 6)
      expect(numbersOf(second.events)).toEqual([4, 5, 6, 7, 8, 9])
      await second.stop()
    })

    it('fails with what `assigned` failed with, before any event', async () => {
      const topic = await suite.topic(1)
      await suite.fill(topic, 1)
      const failure = new SyncError('retryable', 'TEST', 'parked list not readable')
      const collector = suite.collect(topic, 'flow', {
        assigned: async () => {
          throw failure
        },
      })
      expect(await collector.ended).toBe(failure)
      expect(collector.events).toEqual([])
    })

    it('waits for `assigned` before the first event', async () => {
      const topic = await suite.topic(1)
      await suite.fill(topic, 3)
      const order: string[] = []
      const collector = suite.collect(topic, 'flow', {
        assigned: async () => {
          for (let turn = 0; turn < 20; turn++) await new Promise(resolve => setImmediate(resolve))
          order.push('assigned')
        },
        take: async () => {
          order.push('take')
        },
      })
      await suite.until(() => order.includes('take'))
      expect(order[0]).toBe('assigned')
      await collector.stop()
    })

    it('revokes on abort: ownership is given up first, what `revoked` still finishes is committed', async () => {
      const topic = await suite.topic(1)
      await suite.fill(topic, 5)
      let ownedWhenRevoked: boolean | undefined
      const collector = suite.collect(topic, 'flow', {
        finish: () => false,
        revoked: async partition => {
          ownedWhenRevoked = !partition.owned.aborted
          await new Promise(resolve => setImmediate(resolve))
          for (const offset of [1, 0, 2]) partition.finished(offset)
        },
      })
      await suite.until(() => collector.events.length === 5)
      expect(collector.partitions.get(0)!.owned.aborted).toBe(false)
      await collector.stop()
      expect(ownedWhenRevoked).toBe(false)
      expect(await suite.log.lag(topic, 'flow')).toBe(2)
    })

    it('ignores what is reported finished after `revoked`', async () => {
      const topic = await suite.topic(1)
      await suite.fill(topic, 5)
      const collector = suite.collect(topic, 'flow', { finish: () => false })
      await suite.until(() => collector.events.length === 5)
      const partition = collector.partitions.get(0)!
      await collector.stop()
      for (let offset = 0; offset < 5; offset++) partition.finished(offset)
      // A later commit of another group has come through: an earlier one of this would have, too.
      const marker = suite.collect(topic, 'marker')
      await caughtUp(topic, 'marker')
      await marker.stop()
      expect(await suite.log.lag(topic, 'flow')).toBe(5)
    })

    it('stops giving at `maxInFlight` and goes on as events finish', async () => {
      const topic = await suite.topic(1)
      await suite.fill(topic, 100)
      const collector = suite.collect(topic, 'flow', { finish: () => false, maxInFlight: 10 })
      let finished = 0
      let most = 0
      while (finished < 100) {
        const wanted = Math.min(finished + 10, 100)
        await suite.until(() => collector.events.length === wanted, `${wanted} events`)
        most = Math.max(most, collector.events.length - finished)
        collector.partitions.get(0)!.finished(collector.events[finished++]!.offset)
      }
      expect(most).toBe(10)
      await collector.stop()
      expect(numbersOf(collector.events)).toEqual(Array.from({ length: 100 }, (_, n) => n))
    })

    it('gives nothing more while `take` is busy', async () => {
      const topic = await suite.topic(1)
      await suite.fill(topic, 5)
      let release = () => {}
      let calls = 0
      const collector = suite.collect(topic, 'flow', {
        take: () => {
          calls++
          return new Promise<void>(resolve => {
            release = resolve
          })
        },
      })
      await suite.until(() => calls === 1)
      await suite.fill(topic, 5, ['a'], 5)
      for (let turn = 0; turn < 50; turn++) await new Promise(resolve => setImmediate(resolve))
      expect(calls).toBe(1)
      await suite.until(() => {
        release()
        return collector.events.length === 10
      }, 'all events taken')
      await collector.stop()
    })
  })
}
