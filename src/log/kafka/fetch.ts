import type { LoggedEvent } from '../event-log.ts'
import { fetchInOrder } from './fetch-in-order.ts'
import { type Cluster, FetchedBatch, type FetchedPartition, READ_COMMITTED } from './kafkajs-internals.ts'
import type { RegistryFormat } from './registry.ts'
import { loggedEvent } from './wire.ts'

/**
 * Everything in an answer is unpacked at once: the more it is, the more of it outlives the young generation of the heap.
 * A record batch that is larger comes whole, once its partition is asked first.
 */
const ANSWER_BYTES = 256 * 1024
/** More than the largest record batch that a topic may have here. */
const LARGEST_BYTES = 64 * 1024 * 1024

/** Where to fetch from. */
export interface FetchPoint {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** The last fetch brought nothing although there is something: see `stuck` of the page. */
  readonly stuck: boolean
}

export interface Page {
  readonly topic: string
  readonly partition: number
  readonly events: readonly LoggedEvent[]
  /** Where to go on: past control records and what compaction removed. */
  readonly next: number
  /** End of what can be read at present. */
  readonly end: number
  /** It was asked first and nothing came, though `next` is below `end`: most likely nothing but gaps is left. */
  readonly stuck: boolean
}

export interface FetchOptions {
  readonly waitMs: number
  readonly registry?: RegistryFormat | undefined
}

/** Leader of each point's partition. Points without one at present are left out. */
export function byLeader<T extends { topic: string; partition: number }>(
  cluster: Cluster,
  points: readonly T[],
): Map<number, T[]> {
  const grouped = new Map<number, T[]>()
  for (const point of points) {
    const metadata = cluster.findTopicPartitionMetadata(point.topic)
    const leader = metadata.find(({ partitionId }) => partitionId === point.partition)?.leader ?? -1
    if (leader < 0) continue
    const group = grouped.get(leader)
    if (group) group.push(point)
    else grouped.set(leader, [point])
  }
  return grouped
}

/**
 * One fetch from one leader; waits at most `waitMs` for the first record. Throws what kafkajs throws.
 * A broker fills its answer in the order of the points, and gives the first that has anything one batch at least: those that
 * came back with nothing are to be asked first the next time.
 * @see https://cwiki.apache.org/confluence/display/KAFKA/KIP-74%3A+Add+Fetch+Response+Size+Limit+in+Bytes
 */
export async function fetchPages(
  cluster: Cluster,
  leader: number,
  points: readonly FetchPoint[],
  { waitMs, registry }: FetchOptions,
): Promise<Page[]> {
  // A stuck partition is asked for alone and with room for any batch, so that an empty answer can be believed.
  const stuck = points.find(point => point.stuck)
  const asked = stuck ? [stuck] : points
  const maxBytes = stuck ? LARGEST_BYTES : ANSWER_BYTES
  const broker = await cluster.findBroker({ nodeId: leader })
  const { responses } = await fetchInOrder(broker, {
    maxWaitTime: waitMs,
    minBytes: 1,
    maxBytes,
    isolationLevel: READ_COMMITTED,
    topics: requestOf(asked, maxBytes),
  })
  const pages: Page[] = []
  for (const { topicName, partitions } of responses) {
    for (const fetched of partitions) {
      const point = asked.find(({ topic, partition }) => topic === topicName && partition === fetched.partition)
      if (point) pages.push(await pageOf(point, fetched, point === asked[0], registry))
    }
  }
  return pages
}

function requestOf(points: readonly FetchPoint[], maxBytes: number) {
  const topics = new Map<string, { partition: number; fetchOffset: string; maxBytes: number }[]>()
  for (const { topic, partition, offset } of points) {
    const partitions = topics.get(topic) ?? []
    partitions.push({ partition, fetchOffset: String(offset), maxBytes })
    topics.set(topic, partitions)
  }
  return [...topics].map(([topic, partitions]) => ({ topic, partitions }))
}

async function pageOf(
  point: FetchPoint,
  fetched: FetchedPartition,
  isFirst: boolean,
  registry?: RegistryFormat,
): Promise<Page> {
  const { topic, partition, offset, stuck } = point
  const batch = new FetchedBatch(topic, String(offset), fetched)
  const events: LoggedEvent[] = []
  for (const message of batch.messages) {
    const value = registry && message.value ? await registry.decode(message.value) : undefined
    events.push(loggedEvent(topic, partition, message, value))
  }
  const end = endOf(fetched)
  const last = batch.messagesWithinOffset.at(-1)
  if (last) return { topic, partition, events, next: Number(last.offset) + 1, end, stuck: false }
  // Asked for alone and still nothing: only what compaction or transactions left behind is there.
  if (stuck) return { topic, partition, events, next: Math.max(offset, end), end, stuck: false }
  return { topic, partition, events, next: offset, end, stuck: isFirst && offset < end }
}

function endOf({ highWatermark, lastStableOffset }: FetchedPartition): number {
  const stable = Number(lastStableOffset)
  return stable >= 0 ? Math.min(stable, Number(highWatermark)) : Number(highWatermark)
}
