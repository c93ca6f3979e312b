import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { KafkaService } from '../../scripts/services/kafka.ts'
import type { EventLog } from '../../src/log/event-log.ts'
import { numbered, numbersOf } from '../conformance/event-log/suite.ts'
import { Collector } from '../support/collector.ts'
import { until } from '../support/until.ts'
import { freshName, openTestLog, startKafka } from './kafka-support.ts'

/** What must hold on anything that speaks Kafka's protocol, a double included, however many partitions it makes. */
describe('Kafka, the core', () => {
  let kafka: KafkaService
  let log: EventLog
  let topic: string
  let group: string
  const opened: EventLog[] = []

  const open = async () => {
    const each = await openTestLog(kafka)
    opened.push(each)
    return each
  }
  beforeAll(async () => {
    kafka = await startKafka()
  }, 120_000)
  beforeEach(async () => {
    log = await open()
    topic = freshName('core')
    group = freshName('group')
    await log.createTopics([{ name: topic }])
  })
  afterEach(async () => {
    await Promise.all(opened.splice(0).map(each => each.close()))
  })
  afterAll(async () => kafka?.stop())

  const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
  const collect = (from: EventLog) => new Collector(from, [topic], group, { start: 'earliest' })
  const ofKey = (collectors: Collector[], key: string) =>
    numbersOf(collectors.flatMap(({ events }) => events).filter(({ event }) => event.key === key))

  it('P1, P4: gives back everything that was appended, each key in order', async () => {
    await Promise.all(Array.from({ length: 20 }, (_, n) => log.append(topic, numbered(8, keys, n * 8))))
    const events = []
    for await (const event of log.read(topic)) events.push(event)
    expect(numbersOf(events).sort((x, y) => x - y)).toEqual(Array.from({ length: 160 }, (_, n) => n))
    const collector = collect(log)
    await until(() => collector.events.length === 160, { deadlineMs: 30_000 })
    for (const key of keys) expect(ofKey([collector], key)).toEqual(ofKey([collector], key).sort((x, y) => x - y))
    await until(async () => (await log.lag(topic, group)) === 0, { what: 'lag 0' })
    await collector.stop()
  })

  it('P2, P4: shares the work between members, and goes on when one leaves', async () => {
    const first = collect(log)
    await until(() => first.partitions.size > 1, { deadlineMs: 30_000, what: 'the first to have partitions' })
    const all = first.partitions.size
    const second = collect(await open())
    await until(() => second.partitions.size > 0 && first.partitions.size + second.partitions.size === all, {
      deadlineMs: 30_000,
      what: 'the members to share',
    })
    await log.append(topic, numbered(80, keys))
    await until(() => first.events.length + second.events.length >= 80, { deadlineMs: 30_000 })
    await first.stop()
    await until(() => second.partitions.size === all, { deadlineMs: 30_000, what: 'the second to have all' })
    await log.append(topic, numbered(80, keys, 80))
    const seen = () => new Set(numbersOf([...first.events, ...second.events]))
    await until(() => seen().size === 160, { deadlineMs: 30_000 })
    await second.stop()
    expect(first.events.length + second.events.length).toBe(160)
  })

  it('P2: resumes where the group was committed', async () => {
    await log.append(topic, numbered(24, keys))
    const first = collect(log)
    await until(() => first.events.length === 24, { deadlineMs: 30_000 })
    await first.stop()
    await log.close()
    const later = await open()
    await later.append(topic, numbered(8, keys, 24))
    const second = collect(later)
    await until(() => second.events.length === 8, { deadlineMs: 30_000 })
    await second.stop()
    expect(numbersOf(second.events).sort((x, y) => x - y)).toEqual([24, 25, 26, 27, 28, 29, 30, 31])
  })
})
