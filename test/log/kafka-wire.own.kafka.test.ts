import { spawn } from 'node:child_process'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { KafkaService } from '../../scripts/services/kafka.ts'
import { kafkaTools } from '../../scripts/services/kafka-maven.ts'
import type { EventLog, LoggedEvent } from '../../src/log/event-log.ts'
import { numbered, numbersOf } from '../conformance/event-log/suite.ts'
import { Collector } from '../support/collector.ts'
import { makeEvent } from '../support/make-event.ts'
import { until } from '../support/until.ts'
import { freshName, openTestLog, startKafka } from './kafka-support.ts'

/** What stands on the wire, as clients see it that are not ours. */
describe('records on Kafka', () => {
  let kafka: KafkaService
  let log: EventLog
  let topic: string

  beforeAll(async () => {
    kafka = await startKafka()
  }, 120_000)
  beforeEach(async () => {
    log = await openTestLog(kafka)
    topic = freshName('wire')
  })
  afterEach(() => log.close())
  afterAll(async () => kafka?.stop())

  const read = async (from = log) => {
    const events: LoggedEvent[] = []
    for await (const event of from.read(topic)) events.push(event)
    return events
  }
  /** Runs one of Kafka's own tools to its end. */
  const tool = async (name: string, args: string[], input = '') => {
    const { java, classPath } = await kafkaTools()
    const all = ['-cp', classPath, '-XX:TieredStopAtLevel=1', `org.apache.kafka.tools.${name}`, ...args]
    const child = spawn(java, [...all, '--bootstrap-server', kafka.brokers.join(','), '--topic', topic])
    let output = ''
    child.stdout.on('data', chunk => {
      output += chunk
    })
    child.stdin.end(input)
    const status = await new Promise(resolve => child.once('close', resolve))
    expect(status).toBe(0)
    return output
  }

  it("are CloudEvents in binary mode to Kafka's own console consumer", { timeout: 60_000 }, async () => {
    await log.createTopics([{ name: topic, partitions: 1 }])
    const raw = Buffer.from('{ "name":  "Zoë" }')
    await log.append(topic, [
      makeEvent({ id: 'e1', key: 'k1', changed: ['name'], extensions: { hops: '1' }, raw, data: {} }),
    ])
    const show = ['print.headers', 'print.key', 'print.value'].flatMap(each => ['--formatter-property', `${each}=true`])
    const args = ['--from-beginning', '--max-messages', '1', '--timeout-ms', '20000', ...show]
    const [headers, key, value] = (await tool('consumer.ConsoleConsumer', args)).trimEnd().split('\t')
    expect(headers!.split(',')).toEqual([
      'content-type:application/json',
      'ce_specversion:1.0',
      'ce_id:e1',
      'ce_source:/twenty',
      'ce_type:person.updated',
      'ce_subject:person/k1',
      'ce_time:2026-11-24T10:00:00.000Z',
      'ce_partitionkey:k1',
      'ce_changed:name',
      'ce_hops:1',
    ])
    expect(key).toBe('k1')
    expect(value).toBe('{ "name":  "Zoë" }')
  })

  it('P4: lie in the partition where a Java client would put the key', { timeout: 60_000 }, async () => {
    await log.createTopics([{ name: topic, partitions: 5 }])
    const keys = Array.from({ length: 20 }, (_, n) => `ключ-${n}`)
    await log.append(topic, numbered(20, keys))
    const input = keys.map(key => `${key}\t{}`).join('\n')
    const options = ['--reader-property', 'parse.key=true', '--reader-property', 'key.separator=\t']
    await tool('ConsoleProducer', options, input)
    const partitions = new Map<string, Set<number>>()
    for (const { event, partition } of await read()) {
      partitions.set(event.key, (partitions.get(event.key) ?? new Set()).add(partition))
    }
    expect(partitions.size).toBe(20)
    for (const found of partitions.values()) expect(found.size).toBe(1)
  })

  it.each(['gzip', 'snappy', 'lz4', 'zstd'] as const)(
    'are written and read in %s',
    { timeout: 60_000 },
    async compression => {
      await log.createTopics([{ name: topic, partitions: 1 }])
      const writer = await openTestLog(kafka, { compression })
      const events = numbered(200)
      await writer.append(topic, events)
      await writer.append(topic, [makeEvent({ data: { text: 'x'.repeat(500_000) } })])
      await writer.close()
      const found = await read()
      expect(numbersOf(found.slice(0, 200))).toEqual(numbersOf(events.map(event => ({ event }) as LoggedEvent)))
      expect((found[200]!.event.data.text as string).length).toBe(500_000)
      // A stock client reads them too, and we read what it writes: the format is Kafka's.
      const some = ['--from-beginning', '--max-messages', '200', '--timeout-ms', '20000']
      const output = await tool('consumer.ConsoleConsumer', some)
      expect(JSON.parse(output.split('\n')[199]!)).toEqual(events[199]!.data)
      const headers = 'ce_id:x,ce_type:a.b,ce_source:/x'
      const lines = Array.from({ length: 100 }, (_, n) => `${headers}\tk\t{"n":${n},"text":"${'abc'.repeat(300)}"}`)
      const parse = ['parse.headers=true', 'parse.key=true'].flatMap(each => ['--reader-property', each])
      await tool('ConsoleProducer', [...parse, '--compression-codec', compression], lines.join('\n'))
      expect(numbersOf((await read()).slice(201))).toEqual(Array.from({ length: 100 }, (_, n) => n))
    },
  )

  it('P2: of foreign producers neither stop the partition nor vanish', async () => {
    await log.createTopics([{ name: topic, partitions: 1 }])
    const producer = new Kafka({ brokers: kafka.brokers, logLevel: logLevel.NOTHING }).producer()
    await producer.connect()
    await producer.send({
      topic,
      messages: [
        { key: 'k', value: 'not an event' },
        { key: null, value: null },
      ],
    })
    await producer.disconnect()
    await log.append(topic, numbered(1))
    const collector = new Collector(log, [topic], freshName('group'), { start: 'earliest' })
    await until(() => collector.events.length === 3, { deadlineMs: 30_000 })
    await collector.stop()
    const [text, nothing, own] = collector.events
    expect(text!.event).toMatchObject({ type: 'record.unreadable', key: 'k' })
    expect(() => text!.event.data).toThrow(expect.objectContaining({ kind: 'rejected', code: 'NOT_A_CLOUD_EVENT' }))
    expect(nothing!.event.type).toBe('record.unreadable')
    expect(own!.event.data.n).toBe(0)
  })

  it('end a read also where the end is not a record: after a transaction, aborted or not', {
    timeout: 60_000,
  }, async () => {
    await log.createTopics([{ name: topic, partitions: 1 }])
    await log.append(topic, numbered(2))
    const client = new Kafka({ brokers: kafka.brokers, logLevel: logLevel.NOTHING })
    const producer = client.producer({ transactionalId: topic, maxInFlightRequests: 1, idempotent: true })
    await producer.connect()
    for (const outcome of ['commit', 'abort'] as const) {
      const transaction = await producer.transaction()
      const headers = { ce_id: outcome, ce_type: 'a.b', ce_source: '/x', ce_specversion: '1.0' }
      await transaction.send({ topic, messages: [{ key: 'a', value: '{"n":9}', headers }] })
      await transaction[outcome]()
    }
    await producer.disconnect()
    expect(numbersOf(await read())).toEqual([0, 1, 9])
    const group = freshName('group')
    const collector = new Collector(log, [topic], group, { start: 'earliest' })
    await until(() => collector.events.length === 3, { deadlineMs: 30_000 })
    await until(async () => (await log.lag(topic, group)) === 0, { deadlineMs: 30_000, what: 'lag 0' })
    await collector.stop()
  })

  it('end a read over what compaction removed', { timeout: 60_000 }, async () => {
    await log.createTopics([{ name: topic, partitions: 1, compacted: true }])
    const admin = new Kafka({ brokers: kafka.brokers, logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    const entries = { 'segment.ms': '1', 'min.cleanable.dirty.ratio': '0.01', 'min.compaction.lag.ms': '0' }
    const configEntries = Object.entries({ 'cleanup.policy': 'compact', ...entries }).map(([name, value]) => ({
      name,
      value,
    }))
    await admin.alterConfigs({ validateOnly: false, resources: [{ type: 2, name: topic, configEntries }] })
    await admin.disconnect()
    await until(
      async () => {
        await log.append(topic, numbered(20, ['a', 'b']))
        const found = await read()
        const [info] = await log.describe([topic])
        return found.length < info!.partitions[0]!.end / 2
      },
      { deadlineMs: 50_000, what: 'the log to be compacted' },
    )
    expect(new Set((await read()).map(({ event }) => event.key))).toEqual(new Set(['a', 'b']))
  })
})
