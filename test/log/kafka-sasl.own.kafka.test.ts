import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SASL_USER, startKafkaFromMaven } from '../../scripts/services/kafka-maven.ts'
import { numbered, numbersOf } from '../conformance/event-log/suite.ts'
import { Collector } from '../support/collector.ts'
import { until } from '../support/until.ts'
import { freshName, openTestLog } from './kafka-support.ts'

describe('Kafka that asks who is there', () => {
  let kafka: Awaited<ReturnType<typeof startKafkaFromMaven>>

  beforeAll(async () => {
    kafka = await startKafkaFromMaven()
  }, 120_000)
  afterAll(async () => kafka?.stop())

  const open = (password: string) =>
    openTestLog(
      { brokers: kafka.saslBrokers },
      { sasl: { mechanism: 'plain', username: SASL_USER.username, password } },
    )

  it('serves a user with the right password, also after its connections were lost', { timeout: 60_000 }, async () => {
    const log = await open(SASL_USER.password)
    const topic = freshName('sasl')
    await log.createTopics([{ name: topic, partitions: 2 }])
    await log.append(topic, numbered(10))
    const collector = new Collector(log, [topic], freshName('group'), { start: 'earliest' })
    await until(() => collector.events.length === 10, { deadlineMs: 30_000 })
    await kafka.restart()
    await until(() => log.append(topic, numbered(1, ['a'], 10)).then(() => true), {
      deadlineMs: 30_000,
      what: 'an append',
    })
    await until(() => numbersOf(collector.events).includes(10), { deadlineMs: 30_000, what: 'the new event' })
    await collector.stop()
    await log.close()
  })

  it('is a fatal error at once when it refuses the password, not something to try again', {
    timeout: 60_000,
  }, async () => {
    const log = await open('wrong')
    const refused = { kind: 'fatal', code: 'LOG_AUTH' }
    await expect(log.append('any', numbered(1))).rejects.toMatchObject(refused)
    await expect(log.createTopics([{ name: 'any' }])).rejects.toMatchObject(refused)
    await expect(
      log.subscribe(['any'], 'g', { take: async () => {} }, AbortSignal.timeout(30_000)),
    ).rejects.toMatchObject(refused)
    const failure = await log.append('any', numbered(1)).catch((error: Error) => String(error))
    expect(failure).not.toContain('wrong')
    await log.close()
  })
})
