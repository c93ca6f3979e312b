import type { GroupInfo, TopicInfo } from '../event-log.ts'
import type { KafkaControl } from './control.ts'
import type { Offsets } from './group-offsets.ts'

export async function lagOf(control: KafkaControl, topic: string, group: string): Promise<number> {
  const [begin, end] = await Promise.all([control.offsets(topic, 'begin'), control.offsets(topic, 'end')])
  if (end.size === 0) return 0
  const committed = await control.committed(group, new Map([[topic, [...end.keys()]]]))
  return lagBehind(begin, end, committed.get(topic))
}

/** Of the named topics that exist. Groups are those with an offset in the topic. */
export async function describeTopics(control: KafkaControl, topics: readonly string[]): Promise<TopicInfo[]> {
  const existing = await control.topics()
  const wanted = new Map([...new Set(topics)].flatMap(topic => entryOf(existing, topic)))
  if (wanted.size === 0) return []
  const offsets = await Promise.all([...wanted.keys()].map(topic => rangeOf(control, topic)))
  const groups = await offsetsOfGroups(control, wanted)
  return offsets.map(({ topic, begin, end }) => ({
    topic,
    partitions: [...end].map(([partition, next]) => ({ partition, begin: begin.get(partition) ?? 0, end: next })),
    groups: groups.flatMap(({ group, committed }): GroupInfo[] => {
      const own = committed.get(topic)
      if (!own || own.size === 0) return []
      return [{ group, committed: Object.fromEntries(own), lag: lagBehind(begin, end, own) }]
    }),
  }))
}

async function rangeOf(control: KafkaControl, topic: string) {
  const [begin, end] = await Promise.all([control.offsets(topic, 'begin'), control.offsets(topic, 'end')])
  return { topic, begin, end: new Map([...end].sort(([a], [b]) => a - b)) }
}

async function offsetsOfGroups(control: KafkaControl, topics: Map<string, number[]>) {
  const groups = (await control.groups()).sort()
  return Promise.all(groups.map(async group => ({ group, committed: await control.committed(group, topics) })))
}

function entryOf(existing: Map<string, number[]>, topic: string): [string, number[]][] {
  const partitions = existing.get(topic)
  return partitions ? [[topic, partitions]] : []
}

function lagBehind(begin: Offsets, end: Offsets, committed: Offsets | undefined): number {
  let lag = 0
  for (const [partition, next] of end) {
    const oldest = begin.get(partition) ?? 0
    lag += Math.max(0, next - Math.max(committed?.get(partition) ?? oldest, oldest))
  }
  return lag
}
