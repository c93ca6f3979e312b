import { SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { KafkaService } from '../../scripts/services/kafka.ts'
import { type RegistryService, startRegistry } from '../../scripts/services/registry.ts'
import type { EventLog, LoggedEvent } from '../../src/log/event-log.ts'
import { makeEvent } from '../support/make-event.ts'
import { freshName, openTestLog, startKafka } from './kafka-support.ts'

/** On a real registry with Confluent's API, and a second client that knows nothing of ours. */
describe('the log with a schema registry', () => {
  let kafka: KafkaService
  let registry: RegistryService
  let other: SchemaRegistry
  let log: EventLog
  let topic: string

  beforeAll(async () => {
    ;[kafka, registry] = await Promise.all([startKafka(), startRegistry()])
    other = new SchemaRegistry({ host: registry.url })
  }, 240_000)
  beforeEach(async () => {
    log = await openTestLog(kafka, { registry: { url: registry.url } })
    topic = freshName('registry')
    await log.createTopics([{ name: topic, partitions: 1 }])
  })
  afterEach(() => log.close())
  afterAll(async () => {
    await Promise.all([kafka?.stop(), registry?.stop()])
  })

  const read = async (from: EventLog) => {
    const events: LoggedEvent[] = []
    for await (const event of from.read(topic)) events.push(event)
    return events
  }
  const register = (schema: object) =>
    other.register({ type: SchemaType.JSON, schema: JSON.stringify(schema) }, { subject: `${topic}-value` })
  const produce = async (value: Buffer) => {
    const producer = new Kafka({ brokers: kafka.brokers, logLevel: logLevel.NOTHING }).producer()
    await producer.connect()
    const headers = { ce_id: 'x', ce_type: 'person.updated', ce_source: '/other', ce_specversion: '1.0' }
    await producer.send({ topic, messages: [{ key: 'k', value, headers }] })
    await producer.disconnect()
  }
  const rawValues = async () => {
    const plain = await openTestLog(kafka)
    try {
      return (await read(plain)).map(({ event }) => event)
    } finally {
      await plain.close()
    }
  }

  it('frames values so that any client of the registry reads them, the JSON byte for byte', async () => {
    const raw = Buffer.from('{ "name" :  "Zoë", "n": 1.0 }')
    await log.append(topic, [makeEvent({ raw, data: { name: 'Zoë', n: 1 } })])
    const [event] = await read(log)
    expect(event!.event.data).toEqual({ name: 'Zoë', n: 1 })
    expect(Buffer.from(event!.event.raw!).equals(raw)).toBe(true)
    const framed = (await rawValues())[0]!.raw!
    expect(framed[0]).toBe(0)
    expect(await other.decode(Buffer.from(framed))).toEqual({ name: 'Zoë', n: 1 })
  })

  it('refuses an event that does not fit the schema of its topic, before anything is stored', async () => {
    await register({ type: 'object', properties: { age: { type: 'integer' } }, required: ['age'] })
    const bad = log.append(topic, [makeEvent({ data: { age: 'old' } })])
    await expect(bad).rejects.toMatchObject({ kind: 'rejected', code: 'SCHEMA_MISMATCH' })
    await log.append(topic, [makeEvent({ data: { age: 7 } })])
    expect((await read(log)).map(({ event }) => event.data)).toEqual([{ age: 7 }])
  })

  it('reads what another client wrote: JSON, Avro, and plain JSON without a frame', async () => {
    const json = await register({ $schema: 'http://json-schema.org/draft-07/schema#', type: 'object' })
    const avro = { type: 'record', name: 'P', namespace: 'n', fields: [{ name: 'name', type: 'string' }] }
    const subject = `${topic}-avro`
    const { id } = await other.register({ type: SchemaType.AVRO, schema: JSON.stringify(avro) }, { subject })
    await produce(await other.encode(json.id, { from: 'json' }))
    await produce(await other.encode(id, { name: 'avro' }))
    await produce(Buffer.from('{"from":"plain"}'))
    const data = (await read(log)).map(({ event }) => event.data)
    expect(data).toEqual([{ from: 'json' }, { name: 'avro' }, { from: 'plain' }])
  })

  it('P2: gives an event of an unknown schema to the reader, who learns why it cannot be read', async () => {
    await produce(Buffer.concat([Buffer.from([0, 0x7f, 0xff, 0xff, 0xfe]), Buffer.from('{}')]))
    await log.append(topic, [makeEvent({ data: { n: 2 } })])
    const [unknown, next] = await read(log)
    expect(() => unknown!.event.data).toThrow(expect.objectContaining({ kind: 'rejected', code: 'SCHEMA_UNKNOWN' }))
    expect(next!.event.data).toEqual({ n: 2 })
  })

  it('P1: an append fails when the registry is away, and says what is', async () => {
    const astray = await openTestLog(kafka, { registry: { url: 'http://127.0.0.1:1' } })
    const failed = astray.append(topic, [makeEvent()])
    await expect(failed).rejects.toMatchObject({ kind: 'retryable', code: 'REGISTRY_UNAVAILABLE' })
    await astray.close()
  })
})
