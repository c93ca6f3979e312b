import { afterAll, beforeAll } from 'vitest'
import type { KafkaService } from '../../scripts/services/kafka.ts'
import type { EventLog } from '../../src/log/event-log.ts'
import { describeEventLog } from '../conformance/event-log.ts'
import { deleteRecords, MortalClock, openTestLog, shortSession, startKafka } from './kafka-support.ts'

let kafka: KafkaService

beforeAll(async () => {
  kafka = await startKafka()
}, 120_000)

afterAll(async () => kafka?.stop())

describeEventLog(
  'Kafka',
  async () => {
    const opened: EventLog[] = []
    const clock = new MortalClock()
    const open = async (given?: MortalClock) => {
      const log = await openTestLog(kafka, { prefix: 'conformance' }, shortSession(kafka), given)
      opened.push(log)
      return log
    }
    const log = await open(clock)
    return {
      log,
      prefix: 'conformance',
      expire: topic => deleteRecords(kafka, topic),
      reopen: async hard => {
        // A client that was killed says nothing more: neither heartbeats nor commits.
        if (hard) clock.stop()
        else await log.close()
        return open()
      },
      dispose: async () => {
        clock.goOn()
        await Promise.all(opened.map(each => each.close()))
      },
    }
  },
  { partitions: 3, timeLookup: true, durable: true, compactsAtOnce: false, deadlineMs: 30_000 },
)
