import { describe, expect, it } from 'vitest'
import { type LogSuite, numbersOf } from './suite.ts'

export function restartSuite(suite: LogSuite): void {
  describe('restart', () => {
    const reopened = async (hard: boolean) => {
      if (!suite.opened.reopen) throw new Error('a durable driver must give `reopen`')
      return suite.opened.reopen(hard)
    }

    for (const hard of [false, true]) {
      const how = hard ? 'kill' : 'close'

      it.runIf(suite.features.durable)(`P1: what was appended is there after a ${how}`, async () => {
        const topic = await suite.topic(1)
        await suite.fill(topic, 50)
        const log = await reopened(hard)
        const before = await suite.read(topic, {}, log)
        expect(numbersOf(before)).toEqual(Array.from({ length: 50 }, (_, n) => n))
        await log.append(topic, [before[0]!.event])
        const after = await suite.read(topic, {}, log)
        expect(after.map(({ offset }) => offset)).toEqual(Array.from({ length: 51 }, (_, n) => n))
      })

      it.runIf(suite.features.durable)(`P2: unfinished events come again after a ${how}`, async () => {
        const topic = await suite.topic(1)
        await suite.fill(topic, 20)
        const first = suite.collect(topic, 'flow', { finish: ({ offset }) => offset < 5 })
        await suite.until(() => first.events.length === 20)
        await suite.until(async () => (await suite.log.lag(topic, 'flow')) === 15, 'lag 15')
        const log = await reopened(hard)
        const second = suite.collect(topic, 'flow', {}, log)
        await suite.until(() => second.events.length === 15)
        expect(numbersOf(second.events)).toEqual(Array.from({ length: 15 }, (_, n) => n + 5))
        await second.stop()
      })
    }

    it.runIf(suite.features.durable)('P2: a group that finished nothing keeps its start', async () => {
      const topic = await suite.topic(1)
      await suite.fill(topic, 3)
      const first = suite.collect(topic, 'flow', { start: 'now', finish: () => false })
      await suite.until(() => first.partitions.size === 1, 'assigned')
      await suite.fill(topic, 2, ['a'], 10)
      await suite.until(() => first.events.length === 2)
      const log = await reopened(true)
      const second = suite.collect(topic, 'flow', { start: 'now' }, log)
      await suite.until(() => second.events.length === 2)
      expect(numbersOf(second.events)).toEqual([10, 11])
      await second.stop()
    })
  })
}
