import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { KafkaService } from '../../scripts/services/kafka.ts'
import { openKafkaLog } from '../../src/log/kafka/open.ts'
import { numbered } from '../conformance/event-log/suite.ts'
import { freshName, kafkaConfig, QUICK, realEnvironment, startKafka } from './kafka-support.ts'

const MIB = 1024 * 1024

describe('a Kafka topic that exists', () => {
  let kafka: KafkaService

  beforeAll(async () => {
    kafka = await startKafka()
  }, 120_000)
  afterAll(async () => kafka?.stop())

  it('keeps its limit, and what the config would need is told, at the start and with the event', async () => {
    const warnings: string[] = []
    const logger = pino({ level: 'warn' }, { write: line => void warnings.push(JSON.parse(line).msg) })
    const log = await openKafkaLog(kafkaConfig(kafka.brokers), { env: { ...realEnvironment, logger }, timings: QUICK })
    const [small, large] = [freshName('small'), freshName('large')]
    await log.createTopics([
      { name: small, maxRecordBytes: MIB },
      { name: large, maxRecordBytes: 4 * MIB },
    ])
    expect(warnings).toEqual([])
    await log.createTopics([small, large].map(name => ({ name, maxRecordBytes: 4 * MIB })))
    expect(warnings).toEqual([
      expect.stringMatching(`"${small}" exists and takes events of up to ${MIB} bytes.* max.message.bytes to 4259840`),
    ])
    const [event] = numbered(1, ['a'])
    const huge = { ...event!, data: { text: 'x'.repeat(2 * MIB) } }
    await expect(log.append(small, [huge])).rejects.toMatchObject({
      code: 'RECORD_TOO_LARGE',
      message: expect.stringContaining("raise the topic's max.message.bytes"),
    })
    await log.append(large, [huge])
    await log.close()
  })
})
