import type { EventLog, StartPosition } from '../log/event-log.ts'

/** A consumer group, where it reads, and where it begins. */
export interface PlacedGroup {
  readonly group: string
  readonly topics: readonly string[]
  readonly start: StartPosition
}

/**
 * Fixes where new flows and syncs begin before intake opens. P2: an event that is accepted while its flow is still starting is
 * after that place, not before it.
 */
export async function placeGroups(log: EventLog, readers: readonly PlacedGroup[]): Promise<void> {
  const fresh = readers.filter(({ start }) => start === 'now')
  const all = [...new Set(fresh.flatMap(({ topics }) => topics))]
  if (all.length === 0) return
  for (const { topic, partitions, groups } of await log.describe(all)) {
    const ends = Object.fromEntries(partitions.map(({ partition, end }) => [partition, end]))
    for (const { group, topics: read } of fresh) {
      // A group with any offset on the topic has begun; another instance may be running it.
      if (!read.includes(topic) || groups.some(known => known.group === group && hasOffsets(known.committed))) continue
      await log.resetGroup(topic, group, ends)
    }
  }
}

function hasOffsets(committed: Readonly<Record<number, number>>): boolean {
  return Object.keys(committed).length > 0
}
