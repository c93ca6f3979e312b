import { describe, expect, it } from 'vitest'
import type { Collector } from '../../support/collector.ts'
import { type LogSuite, numbersOf } from './suite.ts'

/** How a subscriber learns that it is past an offset, whether or not there is an event to tell it. */
export function positionSuite(suite: LogSuite): void {
  const told = (collector: Collector, partition = 0) => collector.passed.get(partition) ?? []
  const reaches = (collector: Collector, offset: number) =>
    suite.until(() => (told(collector).at(-1) ?? -1) >= offset, `position ${offset}`)

  describe('position', () => {
    it('goes with what was taken, and never back', async () => {
      const topic = await suite.topic(1)
      await suite.fill(topic, 1500)
      const collector = suite.collect(topic, 'flow')
      await reaches(collector, 1500)
      expect(collector.events).toHaveLength(1500)
      await suite.fill(topic, 3, ['a'], 1500)
      await reaches(collector, 1503)
      expect(told(collector)).toEqual([...new Set(told(collector))].sort((a, b) => a - b))
      await collector.stop()
    })

    it('is not past an event that was not handed over', async () => {
      const topic = await suite.topic(1)
      await suite.fill(topic, 20)
      const collector = suite.collect(topic, 'flow', { finish: () => false, maxInFlight: 5 })
      await suite.until(() => collector.events.length === 5)
      await reaches(collector, 5)
      for (let turn = 0; turn < 50; turn++) await new Promise(resolve => setImmediate(resolve))
      expect(told(collector).at(-1)).toBe(5)
      await collector.stop()
    })

    it('is told of every partition, also of those that have nothing', async () => {
      const topic = await suite.topic()
      await suite.fill(topic, 4)
      const collector = suite.collect(topic, 'flow')
      const { partitions } = suite.features
      await suite.until(() => collector.passed.size === partitions && collector.events.length === 4, 'every partition')
      const [info] = await suite.log.describe([topic])
      for (const { partition, end } of info!.partitions)
        await suite.until(() => told(collector, partition).at(-1) === end, `end of partition ${partition}`)
      await collector.stop()
    })

    it('is told where the group is at the end already', async () => {
      const topic = await suite.topic(1)
      await suite.fill(topic, 6)
      await suite.log.resetGroup(topic, 'flow', { 0: 6 })
      const collector = suite.collect(topic, 'flow')
      await reaches(collector, 6)
      expect(collector.events).toEqual([])
      await collector.stop()
    })

    it('P2: passes what retention removed before it was read, and commits that', async () => {
      const topic = await suite.topic(1)
      await suite.fill(topic, 8)
      await suite.opened.expire(topic)
      await suite.log.resetGroup(topic, 'flow', { 0: 3 })
      const collector = suite.collect(topic, 'flow')
      await reaches(collector, 8)
      await suite.until(async () => {
        const [info] = await suite.log.describe([topic])
        return info!.groups.find(({ group }) => group === 'flow')?.committed[0] === 8
      }, 'commit past the gap')
      await suite.fill(topic, 1, ['a'], 8)
      await reaches(collector, 9)
      expect(numbersOf(collector.events)).toEqual([8])
      await collector.stop()
    })

    it.runIf(suite.features.compactsAtOnce)('passes what compaction removed', async () => {
      const topic = suite.name()
      await suite.log.createTopics([{ name: topic, compacted: true }])
      await suite.fill(topic, 12, ['a', 'b', 'c'])
      const collector = suite.collect(topic, 'flow')
      await reaches(collector, 12)
      expect(numbersOf(collector.events)).toEqual([9, 10, 11])
      await collector.stop()
    })
  })
}
