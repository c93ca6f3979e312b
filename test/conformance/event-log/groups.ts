import { describe, expect, it } from 'vitest'
import { type LogSuite, numbersOf } from './suite.ts'

export function groupsSuite(suite: LogSuite): void {
  describe('groups', () => {
    it('have offsets of their own', async () => {
      const topic = await suite.topic(1)
      await suite.fill(topic, 8)
      const one = suite.collect(topic, 'one', { finish: ({ offset }) => offset < 2 })
      const two = suite.collect(topic, 'two')
      await suite.until(() => one.events.length === 8 && two.events.length === 8)
      await Promise.all([one.stop(), two.stop()])
      expect(await suite.log.lag(topic, 'one')).toBe(6)
      expect(await suite.log.lag(topic, 'two')).toBe(0)
    })

    it('lag by everything until they have an offset', async () => {
      const topic = await suite.topic()
      await suite.fill(topic, 12, ['a', 'b', 'c', 'd'])
      expect(await suite.log.lag(topic, 'never-seen')).toBe(12)
      expect(await suite.log.lag(suite.name(), 'flow')).toBe(0)
    })

    it('are described with partitions, offsets and lag', async () => {
      const topic = await suite.topic()
      await suite.fill(topic, 12, ['a', 'b', 'c', 'd'])
      const collector = suite.collect(topic, 'flow')
      await suite.until(() => collector.events.length === 12)
      await collector.stop()
      const [info] = await suite.log.describe([topic])
      expect(info!.topic).toBe(topic)
      expect(info!.partitions).toHaveLength(suite.features.partitions)
      expect(info!.partitions.reduce((sum, { begin, end }) => sum + end - begin, 0)).toBe(12)
      const [group] = info!.groups
      expect(group).toMatchObject({ group: 'flow', lag: 0 })
      for (const { partition, end } of info!.partitions) {
        if (end > 0) expect(group!.committed[partition]).toBe(end)
      }
      const everything = await suite.log.describe()
      expect(everything.map(({ topic: name }) => name)).toContain(topic)
    })

    it('are set to offsets, and forgotten', async () => {
      const topic = await suite.topic(1)
      await suite.fill(topic, 10)
      await suite.log.resetGroup(topic, 'flow', { 0: 6 })
      expect(await suite.log.lag(topic, 'flow')).toBe(4)
      const collector = suite.collect(topic, 'flow')
      await suite.until(() => collector.events.length === 4)
      expect(numbersOf(collector.events)).toEqual([6, 7, 8, 9])
      await collector.stop()
      await suite.log.resetGroup(topic, 'flow')
      expect(await suite.log.lag(topic, 'flow')).toBe(10)
    })

    it('are not set while somebody subscribes with them', async () => {
      const topic = await suite.topic(1)
      await suite.fill(topic, 1)
      const collector = suite.collect(topic, 'flow')
      await suite.until(() => collector.events.length === 1)
      await expect(suite.log.resetGroup(topic, 'flow', { 0: 0 })).rejects.toMatchObject({ code: 'GROUP_IN_USE' })
      await collector.stop()
    })
  })
}
