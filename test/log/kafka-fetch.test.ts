import { describe, expect, it } from 'vitest'
import { encodeEvent } from '../../src/cloudevents.ts'
import { FetchPump } from '../../src/log/kafka/fetch-pump.ts'
import type { Cluster, FetchedPartition, FetchRequest } from '../../src/log/kafka/kafkajs-internals.ts'
import { OwnedPartition } from '../../src/log/kafka/owned-partition.ts'
import type { FetchedMessage } from '../../src/log/kafka/record-decoder.ts'
import { numbered } from '../conformance/event-log/suite.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const TOPIC = 't'
/** As brokers count them. */
const BATCH_EVENTS = 10
const BATCH_BYTES = 200 * 1024

/** Answers as KIP-74 says: in order of the request, one batch at least to the first partition that has any. */
class FakeBroker {
  readonly requests: FetchRequest[] = []
  readonly #partitions: ReadonlyMap<number, { batches: FetchedMessage[][]; end: number }>
  readonly #batchBytes: number

  /** @param gap offsets at the end of partition 0 that compaction emptied. */
  constructor(events: readonly number[], { gap = 0, batchBytes = BATCH_BYTES } = {}) {
    this.#batchBytes = batchBytes
    this.#partitions = new Map(
      events.map((count, partition) => [
        partition,
        { batches: batchesOf(count), end: count + (partition === 0 ? gap : 0) },
      ]),
    )
  }

  /** Below kafkajs's own `fetch`, which would shuffle the partitions. */
  readonly lookupRequest = () => (request: FetchRequest) => request
  readonly connectionPool = { send: (request: FetchRequest) => this.#answer(request) }

  async #answer(request: FetchRequest) {
    this.requests.push(request)
    // Nothing that comes over a network is there in the same turn.
    await new Promise(resolve => setImmediate(resolve))
    let room = request.maxBytes
    let gave = false
    const partitions: FetchedPartition[] = []
    for (const { partition, fetchOffset, maxBytes } of request.topics[0]!.partitions) {
      const { batches, end } = this.#partitions.get(partition)!
      const messages: FetchedMessage[] = []
      let own = maxBytes
      for (const batch of batches) {
        if (Number(batch.at(-1)!.offset) < Number(fetchOffset)) continue
        if (gave && Math.min(own, room) < this.#batchBytes) break
        gave = true
        own -= this.#batchBytes
        room -= this.#batchBytes
        messages.push(...batch)
      }
      partitions.push({ partition, messages, highWatermark: String(end), lastStableOffset: String(end) })
    }
    return { responses: [{ topicName: TOPIC, partitions }] }
  }
}

function batchesOf(count: number): FetchedMessage[][] {
  const messages = numbered(count).map((event, offset) => {
    const { key, value, headers } = encodeEvent(event)
    return { key: Buffer.from(key), value: Buffer.from(value), headers, offset: String(offset), timestamp: '0' }
  }) as unknown as FetchedMessage[]
  return Array.from({ length: Math.ceil(count / BATCH_EVENTS) }, (_, n) =>
    messages.slice(n * BATCH_EVENTS, (n + 1) * BATCH_EVENTS),
  )
}

/** Resolves with the offsets that each partition gave, once all positions are at `ends`. */
async function consumed(broker: FakeBroker, ends: readonly number[]): Promise<number[][]> {
  const taken: number[][] = ends.map(() => [])
  const positions = new Map<number, number>()
  let settle: () => void = () => {}
  const all = new Promise<void>(resolve => {
    settle = resolve
  })
  const subscriber = {
    take: async (of: { partition: number; finished(offset: number): void }, events: readonly { offset: number }[]) => {
      for (const { offset } of events) {
        taken[of.partition]!.push(offset)
        of.finished(offset)
      }
    },
    passed: (of: { partition: number }, position: number) => {
      positions.set(of.partition, position)
      if (ends.every((end, partition) => (positions.get(partition) ?? 0) >= end)) settle()
    },
  }
  const failed = (error: unknown) => {
    throw error
  }
  const partitions = ends.map(
    (_, partition) =>
      new OwnedPartition({ topic: TOPIC, partition, committed: 0 }, subscriber, 1000, {
        changed: () => pump.pump(),
        failed,
      }),
  )
  const cluster = {
    findTopicPartitionMetadata: () => ends.map((_, partitionId) => ({ partitionId, leader: 1 })),
    findBroker: async () => broker,
    refreshMetadataIfNecessary: async () => {},
  } as unknown as Cluster
  const pump: FetchPump = new FetchPump(
    cluster,
    [TOPIC],
    partitions,
    new VirtualClock(),
    { waitMs: 0 },
    {
      partitionsChanged: () => {},
      broken: failed,
      begin: async () => 0,
    },
  )
  pump.pump()
  await all
  pump.stop()
  return taken
}

const upTo = (end: number) => Array.from({ length: end }, (_, n) => n)
const largest = (broker: FakeBroker) => Math.max(...broker.requests.map(({ maxBytes }) => maxBytes))

describe('fetching from one leader', () => {
  it('serves every partition in small answers, whoever fills them', async () => {
    const ends = Array.from({ length: 12 }, () => 300)
    const broker = new FakeBroker(ends)
    expect(await consumed(broker, ends)).toEqual(ends.map(upTo))
    expect(largest(broker)).toBeLessThanOrEqual(256 * 1024)
  })

  it('gets batches that are larger than a partition may have', async () => {
    const ends = [100, 100, 100]
    const broker = new FakeBroker(ends, { batchBytes: 3 * 1024 * 1024 })
    expect(await consumed(broker, ends)).toEqual(ends.map(upTo))
    expect(largest(broker)).toBeLessThanOrEqual(256 * 1024)
  })

  it('passes over a gap at the end of one while others go on', async () => {
    const broker = new FakeBroker([50, 900, 900], { gap: 7 })
    expect(await consumed(broker, [57, 900, 900])).toEqual([50, 900, 900].map(upTo))
  })
})
