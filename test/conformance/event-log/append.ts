import { describe, expect, it } from 'vitest'
import type { ChangeEvent } from '../../../src/event.ts'
import { DEFAULT_MAX_RECORD_BYTES } from '../../../src/log/event-log.ts'
import { makeEvent } from '../../support/make-event.ts'
import { byKey, type LogSuite, numbered, numbersOf } from './suite.ts'

export function appendSuite(suite: LogSuite): void {
  describe('append', () => {
    it('P4: keeps the order of each key, within a call and from call to call', async () => {
      const topic = await suite.topic()
      const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g']
      for (let call = 0; call < 10; call++) await suite.fill(topic, 70, keys, call * 70)
      const found = byKey(await suite.read(topic))
      expect([...found.keys()].sort()).toEqual(keys)
      for (const numbers of found.values()) {
        expect(numbers).toHaveLength(100)
        expect(numbers).toEqual([...numbers].sort((a, b) => a - b))
      }
    })

    it('puts all events of a key in one partition, with growing offsets', async () => {
      const topic = await suite.topic()
      await suite.fill(topic, 60, ['a', 'b', 'c', 'd', 'e'])
      const partitionOf = new Map<string, number>()
      const lastOffset = new Map<number, number>()
      for (const { event, partition, offset } of await suite.read(topic)) {
        expect(partitionOf.get(event.key) ?? partition).toBe(partition)
        partitionOf.set(event.key, partition)
        expect(offset).toBeGreaterThan(lastOffset.get(partition) ?? -1)
        lastOffset.set(partition, offset)
      }
    })

    it('gives back every attribute as it went in', async () => {
      const topic = await suite.topic(1)
      for (const event of SAMPLES) await suite.log.append(topic, [event])
      const found = await suite.read(topic)
      expect(found).toHaveLength(SAMPLES.length)
      found.forEach(({ event }, i) => {
        const { raw, ...wanted } = SAMPLES[i]!
        const { id, type, source, subject, time, key, changed, extensions, data } = event
        expect(withoutAbsent({ id, type, source, subject, time, key, changed, extensions, data })).toEqual(wanted)
        if (raw) expect(Buffer.from(event.raw!).equals(raw)).toBe(true)
      })
    })

    it('is where it says: topic, partition, offset and time of the append', async () => {
      const topic = await suite.topic(1)
      const before = Date.now()
      await suite.fill(topic, 2)
      const [first, second] = await suite.read(topic)
      expect(first).toMatchObject({ topic, partition: 0, offset: 0 })
      expect(second).toMatchObject({ topic, partition: 0, offset: 1 })
      expect(first!.appendedAt).toBeGreaterThanOrEqual(before)
      expect(second!.appendedAt).toBeGreaterThanOrEqual(first!.appendedAt)
    })

    it('keeps the order of every caller when 100 append 10,000 events at the same time', async () => {
      const topic = await suite.topic()
      const callers = Array.from({ length: 100 }, (_, i) => `caller-${i}`)
      await Promise.all(
        callers.map(async key => {
          for (let call = 0; call < 10; call++) await suite.log.append(topic, numbered(10, [key], call * 10))
        }),
      )
      const found = byKey(await suite.read(topic))
      expect(found.size).toBe(100)
      const inOrder = Array.from({ length: 100 }, (_, n) => n)
      for (const key of callers) expect(found.get(key)).toEqual(inOrder)
    })

    it('refuses a call with an oversized record as a whole, and nobody else suffers', async () => {
      const topic = await suite.topic(1)
      const tooLarge = makeEvent({ data: { text: 'x'.repeat(DEFAULT_MAX_RECORD_BYTES) } })
      const [refused, accepted] = await Promise.allSettled([
        suite.log.append(topic, [makeEvent(), tooLarge, makeEvent()]),
        suite.log.append(topic, numbered(3)),
      ])
      expect(refused).toMatchObject({ status: 'rejected', reason: { kind: 'rejected', code: 'RECORD_TOO_LARGE' } })
      expect((refused as PromiseRejectedResult).reason.message).toContain(topic)
      expect(accepted.status).toBe('fulfilled')
      // None of the refused call is stored: its sender gets an error and will send all of it again.
      expect(numbersOf(await suite.read(topic))).toEqual([0, 1, 2])
    })

    it('takes records up to the limit of the topic', async () => {
      const topic = suite.name()
      await suite.log.createTopics([{ name: topic, partitions: 1, maxRecordBytes: 3 * 1024 * 1024 }])
      const large = makeEvent({ data: { text: 'x'.repeat(2.5 * 1024 * 1024) } })
      await suite.log.append(topic, [large])
      const [found] = await suite.read(topic)
      expect(found!.event.data).toEqual(large.data)
      await expect(
        suite.log.append(topic, [makeEvent({ data: { text: 'x'.repeat(3 * 1024 * 1024) } })]),
      ).rejects.toMatchObject({ code: 'RECORD_TOO_LARGE' })
    })

    it('creates a topic on its first append', async () => {
      const topic = suite.name()
      await suite.fill(topic, 3)
      expect(numbersOf(await suite.read(topic))).toEqual([0, 1, 2])
    })

    it('creates topics once and leaves existing ones as they are', async () => {
      const topic = await suite.topic(3)
      await suite.fill(topic, 3)
      await suite.log.createTopics([{ name: topic, partitions: 9 }])
      const [info] = await suite.log.describe([topic])
      expect(info!.partitions).toHaveLength(suite.features.partitions)
      expect(await suite.read(topic)).toHaveLength(3)
    })

    it('has nothing to do for an empty call', async () => {
      const topic = await suite.topic()
      await suite.log.append(topic, [])
      expect(await suite.read(topic)).toEqual([])
    })

    it.runIf(suite.features.compactsAtOnce)('keeps only the newest event of a key in a compacted topic', async () => {
      const topic = suite.name()
      await suite.log.createTopics([{ name: topic, compacted: true }])
      await suite.fill(topic, 9, ['a', 'b "ключ" 👋', 'c\u0000d'])
      expect(numbersOf(await suite.read(topic))).toEqual([6, 7, 8])
      await suite.fill(topic, 1, ['b "ключ" 👋'], 9)
      expect(numbersOf(await suite.read(topic))).toEqual([6, 8, 9])
    })
  })
}

const SAMPLES: readonly ChangeEvent[] = [
  makeEvent(),
  makeEvent({ changed: [] }),
  makeEvent({ changed: ['name', 'emails', 'größe'] }),
  makeEvent({ extensions: { causeflow: 'leads', hops: '3', title: 'Grüße, "Zoë" 👋\\ {x}' } }),
  makeEvent({ key: 'schlüssel/ключ 鍵 👋', subject: 'person/schlüssel/ключ 鍵 👋' }),
  makeEvent({ key: 'x'.repeat(2000) }),
  makeEvent({ type: 'form.received', source: '/lead-form', subject: 'form/1', time: '1969-07-20T20:17:40.123Z' }),
  makeEvent({
    data: { nothing: null, empty: '', list: [1, [2, { three: 3.5 }]], text: 'é\u0000\n\u2028👋', big: 1e300 },
  }),
  makeEvent({ data: {} }),
  withRaw(Buffer.from('{ "spaced" :  [1.0, 2e2],"twice":1,\n"twice":2, "\\u00e9":"é" }')),
  // Not UTF-8, as a careless sender has it: kept all the same.
  withRaw(Buffer.from('{"name":"Ren\xe9"}', 'latin1')),
]

function withRaw(raw: Buffer): ChangeEvent {
  return makeEvent({ raw, data: JSON.parse(raw.toString()) as ChangeEvent['data'] })
}

function withoutAbsent(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}
