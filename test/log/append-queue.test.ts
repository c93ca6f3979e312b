import fc from 'fast-check'
import type { TopicMessages } from 'kafkajs'
import { describe, expect, it } from 'vitest'
import { AppendQueue } from '../../src/log/kafka/append-queue.ts'
import type { TopicLimits } from '../../src/log/kafka/topics.ts'
import type { OutgoingRecord } from '../../src/log/kafka/wire.ts'

const limits: TopicLimits = { maxBatchBytes: 1_000, maxRecordBytes: 900 }
const record = (value: string, bytes = 100): OutgoingRecord => ({ message: { key: 'k', value }, bytes })
const records = (from: number, count: number) => Array.from({ length: count }, (_, n) => record(String(from + n)))

/** A broker in memory that writes down each request, and refuses what it is told to. */
function broker(refuse: (value: string) => string | undefined = () => undefined) {
  const requests: string[][] = []
  const stored: string[] = []
  const send = async (batch: TopicMessages[]) => {
    const values = batch.flatMap(({ messages }) => messages.map(({ value }) => String(value)))
    requests.push(values)
    await Promise.resolve()
    const type = values.map(refuse).find(each => each !== undefined)
    if (type) throw Object.assign(new Error(type), { type })
    stored.push(...values)
  }
  return { requests, stored, queue: new AppendQueue(send) }
}

describe('AppendQueue', () => {
  it('sends what is appended in one turn as one request', async () => {
    const { requests, queue } = broker()
    await Promise.all([
      queue.append('a', records(0, 2), limits),
      queue.append('a', records(2, 2), limits),
      queue.append('b', records(10, 2), limits),
    ])
    expect(requests).toEqual([['0', '1', '2', '3', '10', '11']])
  })

  it('keeps a batch of a topic below its limit, and the order of the calls', async () => {
    const { requests, stored, queue } = broker()
    await Promise.all([queue.append('a', records(0, 25), limits), queue.append('a', records(25, 5), limits)])
    expect(requests.map(values => values.length)).toEqual([10, 10, 10])
    expect(stored).toEqual(records(0, 30).map(({ message }) => message.value))
  })

  it('sends a record larger than the limit alone rather than never', async () => {
    const { requests, queue } = broker()
    await queue.append('a', [record('small'), record('large', 5_000), record('small')], limits)
    expect(requests).toEqual([['small'], ['large'], ['small']])
  })

  it('P1: fails only the call whose record the broker refuses for its size', async () => {
    const { stored, queue } = broker(value => (value === '7' ? 'MESSAGE_TOO_LARGE' : undefined))
    const outcomes = await Promise.allSettled([
      queue.append('a', records(0, 3), limits),
      queue.append('a', records(5, 4), limits),
      queue.append('a', records(20, 3), limits),
    ])
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect((outcomes[1] as PromiseRejectedResult).reason).toMatchObject({ kind: 'rejected', code: 'RECORD_TOO_LARGE' })
    for (const value of ['0', '1', '2', '20', '21', '22']) expect(stored).toContain(value)
    expect(stored).not.toContain('7')
  })

  it('P1: fails every call of a request that was not acknowledged, and those alone', async () => {
    let isAway = true
    const { queue, stored } = broker(() => (isAway ? 'NETWORK' : undefined))
    const failed = await Promise.allSettled([
      queue.append('a', records(0, 2), limits),
      queue.append('b', records(2, 2), limits),
    ])
    expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    isAway = false
    await queue.append('a', records(9, 1), limits)
    expect(stored).toEqual(['9'])
  })

  it('does not send the rest of a call that has failed', async () => {
    let requests = 0
    const queue = new AppendQueue(async () => {
      if (++requests === 1) throw new Error('away')
    })
    const [first, second] = await Promise.allSettled([
      queue.append('a', records(0, 30), limits),
      queue.append('a', records(30, 3), limits),
    ])
    expect([first.status, second.status]).toEqual(['rejected', 'fulfilled'])
    expect(requests).toBe(2)
  })

  it('P1, P4: acknowledges each call exactly when all of it is stored, in order, whatever comes together', async () => {
    const call = fc.record({
      topic: fc.constantFrom('a', 'b'),
      sizes: fc.array(fc.integer({ min: 1, max: 1_500 }), { minLength: 1, maxLength: 12 }),
      pause: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 15 }), async calls => {
        const { stored, queue } = broker()
        const done: Promise<void>[] = []
        for (const [c, { topic, sizes, pause }] of calls.entries()) {
          const values = sizes.map((_, n) => `${topic}-${c}-${n}`)
          const sent = queue.append(
            topic,
            sizes.map((bytes, n) => record(values[n]!, bytes)),
            limits,
          )
          done.push(sent.then(() => expect(stored).toEqual(expect.arrayContaining(values))))
          if (pause) await new Promise(resolve => setImmediate(resolve))
        }
        await Promise.all(done)
        for (const topic of ['a', 'b']) {
          const wanted = calls.flatMap((each, c) =>
            each.topic === topic ? each.sizes.map((_, n) => `${topic}-${c}-${n}`) : [],
          )
          expect(stored.filter(value => value.startsWith(topic))).toEqual(wanted)
        }
      }),
      { numRuns: 200 },
    )
  })
})
