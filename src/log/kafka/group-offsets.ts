import type { Broker } from './kafkajs-internals.ts'

/** By partition. */
export type Offsets = Map<number, number>

/** Who commits: a member in its generation, so that the broker refuses one that lost its ownership. */
export interface Committer {
  readonly memberId: string
  readonly generation: number
}

/** For a group without members. */
export const NOBODY: Committer = { memberId: '', generation: -1 }

export async function commitOffsets(
  broker: Broker,
  group: string,
  committer: Committer,
  offsets: ReadonlyMap<string, Offsets>,
): Promise<void> {
  const topics = [...offsets].map(([topic, byPartition]) => ({
    topic,
    partitions: [...byPartition].map(([partition, offset]) => ({ partition, offset: String(offset) })),
  }))
  const { memberId, generation } = committer
  await broker.offsetCommit({ groupId: group, groupGenerationId: generation, memberId, topics })
}

export async function committedOffsets(
  broker: Broker,
  group: string,
  topics: ReadonlyMap<string, readonly number[]>,
): Promise<Map<string, Offsets>> {
  const wanted = [...topics].map(([topic, partitions]) => ({
    topic,
    partitions: partitions.map(partition => ({ partition })),
  }))
  const { responses } = await broker.offsetFetch({ groupId: group, topics: wanted })
  return new Map(
    responses.map(({ topic, partitions }) => {
      const found = partitions.filter(({ offset }) => Number(offset) >= 0)
      return [topic, new Map(found.map(({ partition, offset }) => [partition, Number(offset)]))]
    }),
  )
}
