import { describe, expect, it } from 'vitest'
import type { StartPosition } from '../../../src/log/event-log.ts'
import { type LogSuite, nextMillisecond, numbersOf } from './suite.ts'

export function readSuite(suite: LogSuite): void {
  describe('read', () => {
    it('begins and ends at offsets, the end excluded', async () => {
      const topic = await suite.topic(1)
      await suite.fill(topic, 10)
      expect(numbersOf(await suite.read(topic, { from: { offsets: { 0: 4 } } }))).toEqual([4, 5, 6, 7, 8, 9])
      expect(numbersOf(await suite.read(topic, { to: { offsets: { 0: 3 } } }))).toEqual([0, 1, 2])
      const middle = { from: { offsets: { 0: 2 } }, to: { offsets: { 0: 5 } } }
      expect(numbersOf(await suite.read(topic, middle))).toEqual([2, 3, 4])
      expect(await suite.read(topic, { from: { offsets: { 0: 10 } } })).toEqual([])
    })

    it.runIf(suite.features.timeLookup)(
      'begins and ends at times: from the first event not older than it',
      async () => {
        const topic = await suite.topic()
        const keys = ['a', 'b', 'c', 'd', 'e', 'f']
        const start = await nextMillisecond()
        await suite.fill(topic, 30, keys, 0)
        const second = await nextMillisecond()
        await suite.fill(topic, 30, keys, 100)
        const third = await nextMillisecond()
        await suite.fill(topic, 30, keys, 200)
        const hundreds = async (from: StartPosition, to?: StartPosition) => {
          const events = await suite.read(topic, { from, to })
          return [events.length, ...new Set(numbersOf(events).map(n => Math.floor(n / 100)))].join(' ')
        }
        expect(await hundreds({ time: start })).toBe('90 0 1 2')
        expect(await hundreds({ time: second })).toBe('60 1 2')
        expect(await hundreds({ time: second }, { time: third })).toBe('30 1')
        expect(await hundreds('earliest', { time: second })).toBe('30 0')
        expect(await hundreds({ time: Date.now() + 60_000 })).toBe('0')
        expect(await hundreds({ time: start }, { time: Date.now() + 60_000 })).toBe('90 0 1 2')
      },
    )

    it('ends at the end as it was when it was called', async () => {
      const topic = await suite.topic(1)
      await suite.fill(topic, 5)
      const found: number[] = []
      for await (const { event } of suite.log.read(topic)) {
        found.push(event.data.n as number)
        await suite.fill(topic, 1, ['a'], 100)
      }
      expect(found).toEqual([0, 1, 2, 3, 4])
    })

    it('reads one partition when asked to', async () => {
      const topic = await suite.topic()
      await suite.fill(topic, 60, ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'])
      const all = await suite.read(topic)
      const wanted = all[0]!.partition
      const found = await suite.read(topic, { partition: wanted })
      expect(numbersOf(found)).toEqual(numbersOf(all.filter(({ partition }) => partition === wanted)))
    })

    it('gives all of many events once, in order, page after page', async () => {
      const topic = await suite.topic(1)
      for (let call = 0; call < 4; call++) await suite.fill(topic, 700, ['a'], call * 700)
      expect(numbersOf(await suite.read(topic))).toEqual(Array.from({ length: 2800 }, (_, n) => n))
    })

    it('finds nothing in a topic that does not exist', async () => {
      expect(await suite.read(suite.name())).toEqual([])
    })

    it('commits nothing and belongs to no group', async () => {
      const topic = await suite.topic()
      await suite.fill(topic, 5)
      await suite.read(topic)
      const [info] = await suite.log.describe([topic])
      expect(info!.groups).toEqual([])
    })

    it('may be left early', async () => {
      const topic = await suite.topic(1)
      await suite.fill(topic, 2000)
      for await (const { event } of suite.log.read(topic)) if (event.data.n === 3) break
      expect(await suite.read(topic)).toHaveLength(2000)
    })

    it('stops when its signal is aborted', async () => {
      const topic = await suite.topic(1)
      await suite.fill(topic, 2000)
      const abort = new AbortController()
      const found: number[] = []
      const reading = (async () => {
        for await (const { event } of suite.log.read(topic, { signal: abort.signal })) {
          found.push(event.data.n as number)
          if (found.length === 10) abort.abort(new Error('enough'))
        }
      })()
      // Ending quietly or with the signal's reason: both stop the reader.
      await reading.catch((error: Error) => expect(error.message).toBe('enough'))
      expect(found.length).toBeLessThan(2000)
    })
  })
}
