import type { EventLog } from '../log/event-log.ts'
import type { CompiledFlow } from './flow-runner.ts'

/**
 * Fixes where new flows begin before intake opens. P2: an event that is accepted while its flow is still starting is
 * after that place, not before it.
 */
export async function placeGroups(log: EventLog, flows: readonly CompiledFlow[]): Promise<void> {
  const fresh = flows.filter(flow => flow.start === 'now')
  const topics = [...new Set(fresh.flatMap(flow => [...flow.topics.keys()]))]
  if (topics.length === 0) return
  for (const { topic, partitions, groups } of await log.describe(topics)) {
    const ends = Object.fromEntries(partitions.map(({ partition, end }) => [partition, end]))
    for (const { group, topics: read } of fresh) {
      // A group with any offset on the topic has begun; another instance may be running it.
      if (!read.has(topic) || groups.some(known => known.group === group && hasOffsets(known.committed))) continue
      await log.resetGroup(topic, group, ends)
    }
  }
}

function hasOffsets(committed: Readonly<Record<number, number>>): boolean {
  return Object.keys(committed).length > 0
}
