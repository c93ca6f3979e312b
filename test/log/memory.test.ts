import { expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../src/environment/clock.ts'
import { DEFAULT_RETENTION_MS } from '../../src/log/event-log.ts'
import { MemoryDisk, memoryLog } from '../../src/log/memory.ts'
import { nextMillisecond } from '../conformance/event-log/suite.ts'
import { describeEventLog } from '../conformance/event-log.ts'
import { until } from '../support/until.ts'

describeEventLog(
  'memory',
  async () => {
    const disk = new MemoryDisk()
    const log = memoryLog({ clock: systemClock, disk })
    const opened = [log]
    const reopen = async (hard: boolean) => {
      if (!hard) await log.close()
      const next = memoryLog({ clock: systemClock, disk: disk.snapshot() })
      opened.push(next)
      return next
    }
    const expire = async (name: string) => {
      await log.createTopics([{ name, retentionMs: 0 }])
      await nextMillisecond()
      await until(async () => (await log.describe([name])).every(({ partitions: [p] }) => p!.begin === p!.end))
      // What comes next is not to go as well before it is read.
      await log.createTopics([{ name, retentionMs: DEFAULT_RETENTION_MS }])
    }
    return { log, reopen, expire, dispose: async () => void (await Promise.all(opened.map(each => each.close()))) }
  },
  { partitions: 1, timeLookup: true, durable: true, compactsAtOnce: true },
)

it('has as many groups as a large config has, without word of a leak', async () => {
  const warnings: string[] = []
  const hear = ({ message }: Error) => void warnings.push(message)
  process.on('warning', hear)
  onTestFinished(() => void process.off('warning', hear))
  const log = memoryLog({ clock: systemClock })
  const assigned: string[] = []
  const stopping = new AbortController()
  const groups = Array.from({ length: 20 }, (_, n) => `group-${n}`)
  await log.createTopics([{ name: 'many' }])
  const running = groups.map(group => {
    const subscriber = { assigned: async () => void assigned.push(group), take: async () => {} }
    return log.subscribe(['many'], group, subscriber, stopping.signal)
  })
  await until(() => assigned.length === groups.length)
  stopping.abort()
  await Promise.all(running)
  await log.close()
  expect(warnings).toEqual([])
})
