import { createRequire } from 'node:module'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Decoder, type Encoder, KafkaDecoder } from '../../src/log/kafka/kafkajs-internals.ts'
import { decodeRecord, type FetchedMessage } from '../../src/log/kafka/record-decoder.ts'

interface Given {
  readonly offsetDelta: number
  readonly timestampDelta: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: Readonly<Record<string, string | string[]>>
}

interface Encoded {
  readonly buffer: Buffer
}

const load = createRequire(import.meta.url)
const encodeRecord = load('kafkajs/src/protocol/recordBatch/record/v0') as (given: Given) => Encoded & Encoder
const { RecordBatch } = load('kafkajs/src/protocol/recordBatch/v0') as {
  RecordBatch(batch: object): Promise<Encoded>
}
const decodeBatch = load('kafkajs/src/protocol/recordBatch/v0/decoder') as (
  decoder: Decoder,
) => Promise<{ records: FetchedMessage[] }>

const FIRST_OFFSET = 2 ** 40
const FIRST_TIMESTAMP = 1_790_000_000_000

/** By kafkajs's encoder, and by what unpacks an answer in this process. */
async function thereAndBack(records: readonly Given[], batch: object = {}): Promise<FetchedMessage[]> {
  const encoded = await RecordBatch({
    firstOffset: BigInt(FIRST_OFFSET),
    firstTimestamp: FIRST_TIMESTAMP,
    maxTimestamp: FIRST_TIMESTAMP + 7,
    lastOffsetDelta: records.length,
    records: records.map(encodeRecord),
    ...batch,
  })
  return (await decodeBatch(new KafkaDecoder(encoded.buffer))).records
}

const bytes = fc.option(fc.uint8Array({ maxLength: 300 }).map(each => Buffer.from(each)))
const text = fc.string({ unit: 'binary', maxLength: 80 })
const given: fc.Arbitrary<Given> = fc.record({
  offsetDelta: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
  timestampDelta: fc.integer({ min: -(2 ** 41), max: 2 ** 41 }),
  key: bytes,
  value: bytes,
  headers: fc.dictionary(
    text.filter(name => name !== '__proto__'),
    fc.oneof(text, fc.array(text, { minLength: 1, maxLength: 3 })),
    {
      noNullPrototype: true,
    },
  ),
})

describe('a record of Kafka', () => {
  it('is read as it was written, the last header of a name', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(given, { maxLength: 5 }), async records => {
        const read = await thereAndBack(records)
        expect(read).toMatchObject(
          records.map(({ offsetDelta, timestampDelta, key, value }) => ({
            offset: FIRST_OFFSET + offsetDelta,
            timestamp: FIRST_TIMESTAMP + timestampDelta,
            key,
            value,
          })),
        )
        for (const [n, { headers }] of records.entries()) {
          const last = Object.entries(headers).map(([name, each]) => [name, Array.isArray(each) ? each.at(-1)! : each])
          expect(new Map(Object.entries(read[n]!.headers!))).toEqual(new Map(last as [string, string][]))
        }
      }),
    )
  })

  it('has the time of the broker where the topic says so', () => {
    const { buffer } = encodeRecord({ offsetDelta: 0, timestampDelta: 5, key: null, value: null, headers: {} })
    const batch = { firstOffset: '0', firstTimestamp: '100', maxTimestamp: '900', isControlBatch: false }
    const record = buffer.subarray(1)
    expect(decodeRecord({ buffer: record }, { ...batch, timestampType: 0 }).timestamp).toBe(105)
    expect(decodeRecord({ buffer: record }, { ...batch, timestampType: 1 }).timestamp).toBe(900)
  })

  it('may have a header without a value, and ends where its bytes end', () => {
    const batch = { firstOffset: '0', firstTimestamp: '0', maxTimestamp: '0', isControlBatch: false, timestampType: 0 }
    const manyHeaders = Buffer.from([0, 0, 0, 1, 1, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f])
    expect(decodeRecord({ buffer: manyHeaders }, batch).headers).toEqual({})
    const withNull = Buffer.from([0, 0, 0, 1, 1, 4, 2, 0x61, 1, 2, 0x62, 2, 0x63])
    expect(decodeRecord({ buffer: withNull }, batch).headers).toEqual({ b: 'c' })
    for (let length = 0; length < withNull.length; length++)
      decodeRecord({ buffer: withNull.subarray(0, length) }, batch)
  })
})
