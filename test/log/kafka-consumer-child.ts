import { Collector } from '../support/collector.ts'
import { openTestLog, shortSession } from './kafka-support.ts'

/** A consumer in a process of its own: prints each number when it took it, after finishing it. Killed from outside. */
const [broker, topic, group, kind] = process.argv.slice(2) as [string, string, string, 'external' | 'maven']
const log = await openTestLog({ brokers: [broker] }, {}, { ...shortSession({ kind }), commitMs: 50 })
new Collector(log, [topic], group, {
  start: 'earliest',
  take: async (partition, events) => {
    for (const { event, offset } of events) {
      process.stdout.write(`${event.data.n}\n`)
      // Slow enough to be killed in the middle.
      await new Promise(resolve => setTimeout(resolve, 2))
      partition.finished(offset)
    }
  },
})
