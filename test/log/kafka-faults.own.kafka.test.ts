import { Kafka, logLevel } from 'kafkajs'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type KafkaService, startKafka } from '../../scripts/services/kafka.ts'
import type { EventLog } from '../../src/log/event-log.ts'
import { numbered, numbersOf } from '../conformance/event-log/suite.ts'
import { Collector, type CollectorOptions } from '../support/collector.ts'
import { makeEvent } from '../support/make-event.ts'
import { until } from '../support/until.ts'
import { freshName, openTestLog } from './kafka-support.ts'

/** Stops and kills its broker, so it has one of its own. */
describe('Kafka that goes away', () => {
  let kafka: KafkaService
  let log: EventLog
  let topic: string
  let group: string
  const opened: EventLog[] = []
  const slow = { deadlineMs: 60_000 }

  beforeAll(async () => {
    kafka = await startKafka({ own: true })
  }, 120_000)
  beforeEach(async () => {
    log = await open()
    topic = freshName('faults')
    group = freshName('group')
    await log.createTopics([{ name: topic, partitions: 3 }])
  })
  afterEach(async () => {
    await Promise.all(opened.splice(0).map(each => each.close()))
  })
  afterAll(async () => kafka?.stop())

  const open = async () => {
    const each = await openTestLog(kafka)
    opened.push(each)
    return each
  }
  const keys = ['a', 'b', 'c', 'd', 'e', 'f']
  const collect = (options: CollectorOptions = {}, from = log) =>
    new Collector(from, [topic], group, { start: 'earliest', ...options })

  for (const hard of [false, true]) {
    it(`P1, P2: loses nothing when the broker is ${hard ? 'killed' : 'restarted'} under load`, {
      timeout: 120_000,
    }, async () => {
      const collector = collect()
      const acknowledged = new Set<number>()
      let appending = true
      let next = 0
      const appender = (async () => {
        while (appending) {
          const first = next
          next += keys.length
          const done = () => {
            for (let n = first; n < first + keys.length; n++) acknowledged.add(n)
          }
          // As a sender would: what fails is sent again, and only that counts which was acknowledged.
          await log.append(topic, numbered(keys.length, keys, first)).then(done, error => {
            expect(error).toMatchObject({ kind: 'retryable', code: 'LOG_UNAVAILABLE' })
          })
        }
      })()
      await until(() => collector.events.length > 100, slow)
      await kafka.restart({ hard })
      const before = acknowledged.size
      await until(() => acknowledged.size > before + 100, { ...slow, what: 'appends to work again' })
      appending = false
      await appender
      const missing = () => {
        const seen = new Set(numbersOf(collector.events))
        return [...acknowledged].filter(n => !seen.has(n))
      }
      await until(() => missing().length === 0, { ...slow, what: 'every acknowledged event' })
      await until(async () => (await log.lag(topic, group)) === 0, { ...slow, what: 'lag 0' })
      await collector.stop()
    })
  }

  it('answers an append within seconds while the broker is away, and goes on by itself', {
    timeout: 120_000,
  }, async () => {
    await log.append(topic, [makeEvent()])
    const restarting = kafka.restart({ hard: true })
    let longest = 0
    let failures = 0
    await until(
      async () => {
        const start = performance.now()
        const outcome = await log.append(topic, [makeEvent()]).catch((error: unknown) => error)
        longest = Math.max(longest, performance.now() - start)
        if (outcome === undefined) return failures > 0
        failures++
        expect(outcome).toMatchObject({ kind: 'retryable', code: 'LOG_UNAVAILABLE' })
        return false
      },
      { ...slow, what: 'an append after the failures' },
    )
    await restarting
    expect(longest).toBeLessThan(8_000)
  })

  it('P4: hands partitions over while `take` blocks, without the blocked one losing its membership', {
    timeout: 60_000,
  }, async () => {
    await log.append(topic, numbered(60, keys))
    let release = () => {}
    const blocked = new Promise<void>(resolve => {
      release = resolve
    })
    const first = collect({ take: () => blocked })
    await until(() => first.events.length > 0, slow)
    const second = collect({}, await open())
    // Who hears of the new share-out first is not said.
    const shares = () => [first.partitions.size, second.partitions.size].sort()
    await until(() => shares().join() === '1,2', { ...slow, what: 'both to have partitions' })
    release()
    await first.stop()
    // Nothing that was blocked was ever finished, so all of it comes to the second.
    await until(() => new Set(numbersOf(second.events)).size === 60, { ...slow, what: 'all events' })
    await second.stop()
  })

  it('P4: waits for `revoked` before the other member starts', { timeout: 60_000 }, async () => {
    await log.append(topic, numbered(30, keys))
    const order: string[] = []
    let release = () => {}
    const drained = new Promise<void>(resolve => {
      release = resolve
    })
    const first = collect({
      finish: () => false,
      revoked: async partition => {
        order.push(`revoking ${partition.owned.aborted}`)
        await drained
        order.push('revoked')
      },
    })
    await until(() => first.events.length === 30, slow)
    const second = collect({ assigned: async () => void order.push('assigned to second') }, await open())
    await until(() => order.length === 3, { ...slow, what: 'three partitions being revoked' })
    // Two heartbeats and more go by: the second must still be waiting.
    await until(async () => (await log.describe([topic])).length === 1, slow)
    expect(order).toEqual(['revoking true', 'revoking true', 'revoking true'])
    release()
    await until(() => order.includes('assigned to second'), slow)
    expect(order.lastIndexOf('revoked')).toBeLessThan(order.indexOf('assigned to second'))
    await Promise.all([first.stop(), second.stop()])
  })

  it('goes on with the oldest event when retention has passed the position', { timeout: 60_000 }, async () => {
    const only = freshName('retention')
    await log.createTopics([{ name: only, partitions: 1 }])
    await log.append(only, numbered(10))
    await log.resetGroup(only, group, { 0: 2 })
    const admin = new Kafka({ brokers: kafka.brokers, logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    // kafkajs deletes only of topics that it was asked about before.
    await admin.fetchTopicOffsets(only)
    await admin.deleteTopicRecords({ topic: only, partitions: [{ partition: 0, offset: '6' }] })
    await admin.disconnect()
    const collector = new Collector(log, [only], group, {})
    await until(() => collector.events.length === 4, slow)
    expect(numbersOf(collector.events)).toEqual([6, 7, 8, 9])
    await collector.stop()
  })

  it('goes on when a topic gets partitions', { timeout: 60_000 }, async () => {
    const collector = collect()
    await until(() => collector.partitions.size === 3, slow)
    const admin = new Kafka({ brokers: kafka.brokers, logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    await admin.createPartitions({ topicPartitions: [{ topic, count: 5 }] })
    await admin.disconnect()
    const second = collect({}, await open())
    await until(() => collector.partitions.size + second.partitions.size === 5, slow)
    await Promise.all([collector.stop(), second.stop()])
  })
})
