import { systemClock } from '../../src/environment/clock.ts'
import { MemoryDisk, memoryLog } from '../../src/log/memory.ts'
import { nextMillisecond } from '../conformance/event-log/suite.ts'
import { describeEventLog } from '../conformance/event-log.ts'

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
    }
    return { log, reopen, expire, dispose: async () => void (await Promise.all(opened.map(each => each.close()))) }
  },
  { partitions: 1, timeLookup: true, durable: true, compactsAtOnce: true },
)
