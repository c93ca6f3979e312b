import { AssignerProtocol } from 'kafkajs'

/** Name and version of how members share partitions; all members of a group must know it. */
export const ASSIGNER = 'twenty-sync-balanced'
const VERSION = 0

export type Assignment = ReadonlyMap<string, readonly number[]>

export interface Member {
  readonly memberId: string
  readonly memberMetadata: Buffer
}

/** What a member tells the group: its topics. */
export function subscriptionBytes(topics: readonly string[]): Buffer {
  return AssignerProtocol.MemberMetadata.encode({ version: VERSION, topics: [...topics], userData: Buffer.alloc(0) })
}

export function topicsOf(members: readonly Member[]): string[] {
  return [...new Set(members.flatMap(member => subscribedBy(member)))].sort()
}

/**
 * Gives each partition to the subscribed member that has fewest. Members may have different topics while a new config
 * is rolled out: a topic goes only to those that read it.
 */
export function assign(
  members: readonly Member[],
  partitionsOf: (topic: string) => readonly number[],
): { memberId: string; memberAssignment: Buffer }[] {
  const shares = [...members]
    .sort((a, b) => (a.memberId < b.memberId ? -1 : 1))
    .map(member => ({
      member,
      topics: new Set(subscribedBy(member)),
      count: 0,
      assignment: new Map<string, number[]>(),
    }))
  for (const topic of topicsOf(members)) {
    for (const partition of partitionsOf(topic)) {
      const able = shares.filter(share => share.topics.has(topic))
      const share = able.reduce((least, each) => (each.count < least.count ? each : least))
      share.count++
      share.assignment.set(topic, [...(share.assignment.get(topic) ?? []), partition])
    }
  }
  return shares.map(({ member, assignment }) => ({
    memberId: member.memberId,
    memberAssignment: AssignerProtocol.MemberAssignment.encode({
      version: VERSION,
      assignment: Object.fromEntries(assignment),
      userData: Buffer.alloc(0),
    }),
  }))
}

/** @param topics ours; what the group gives beyond them is not read. */
export function assignmentOf(bytes: Buffer, topics: readonly string[]): Assignment {
  const assignment = AssignerProtocol.MemberAssignment.decode(bytes)?.assignment ?? {}
  return new Map(topics.flatMap(topic => (assignment[topic]?.length ? [[topic, assignment[topic]] as const] : [])))
}

function subscribedBy({ memberMetadata }: Member): string[] {
  return AssignerProtocol.MemberMetadata.decode(memberMetadata)?.topics ?? []
}
