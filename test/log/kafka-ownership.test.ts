import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { assign, assignmentOf, subscriptionBytes } from '../../src/log/kafka/assignment.ts'
import type { GroupMember, Standing } from '../../src/log/kafka/group-member.ts'
import { Heartbeat } from '../../src/log/kafka/heartbeat.ts'
import { OwnedPartition } from '../../src/log/kafka/owned-partition.ts'
import { DEFAULT_TIMINGS } from '../../src/log/kafka/timings.ts'
import { numbered } from '../conformance/event-log/suite.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

describe('the share-out of partitions', () => {
  const partitionsOf = (topic: string) => Array.from({ length: topic === 'few' ? 2 : 12 }, (_, n) => n)
  const shares = (members: Record<string, string[]>) => {
    const list = Object.entries(members).map(([memberId, topics]) => ({
      memberId,
      memberMetadata: subscriptionBytes(topics),
    }))
    return new Map(
      assign(list, partitionsOf).map(({ memberId, memberAssignment }) => [
        memberId,
        assignmentOf(memberAssignment, members[memberId]!),
      ]),
    )
  }

  it('P4: gives each partition to exactly one member that reads its topic, evenly', () => {
    const topics = fc.uniqueArray(fc.constantFrom('few', 'many', 'more'), { minLength: 1 })
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^m[0-9]{1,3}$/), topics, { minKeys: 1, maxKeys: 8 }), members => {
        const given = shares(members)
        const owners = new Map<string, string[]>()
        for (const [member, assignment] of given) {
          for (const [topic, partitions] of assignment) {
            expect(members[member]).toContain(topic)
            for (const partition of partitions) {
              owners.set(`${topic}-${partition}`, [...(owners.get(`${topic}-${partition}`) ?? []), member])
            }
          }
        }
        const read = new Set(Object.values(members).flat())
        expect(owners.size).toBe([...read].reduce((sum, topic) => sum + partitionsOf(topic).length, 0))
        for (const own of owners.values()) expect(own).toHaveLength(1)
      }),
    )
  })

  it('is even among members with the same topics', () => {
    const given = shares({ m1: ['many', 'few'], m2: ['many', 'few'], m3: ['many', 'few'] })
    const counts = [...given.values()].map(each => [...each.values()].flat().length)
    expect(counts.sort()).toEqual([4, 5, 5])
  })
})

describe('the heartbeat', () => {
  const open = (answer: () => Promise<Standing>) => {
    const clock = new VirtualClock()
    const said: string[] = []
    const member = { heartbeat: answer } as unknown as GroupMember
    const timings = { ...DEFAULT_TIMINGS, sessionMs: 10_000, heartbeatMs: 1_000 }
    const heartbeat = new Heartbeat(member, clock, timings, {
      rebalancing: () => said.push('rebalancing'),
      expelled: reason => said.push(reason),
    })
    return { clock, said, heartbeat }
  }

  it('P4: ends the ownership when nothing was answered for a session, and not before', async () => {
    let isAway = false
    const { clock, said } = open(() => (isAway ? new Promise(() => {}) : Promise.resolve('member')))
    await clock.advance(30_000)
    expect(said).toEqual([])
    isAway = true
    // The last answered one was sent at 30 s.
    await clock.advance(9_990)
    expect(said).toEqual([])
    await clock.advance(20)
    expect(said).toEqual(['no heartbeat was answered for 10000 ms'])
    await clock.advance(60_000)
    expect(said).toHaveLength(1)
  })

  it('P4: counts from when an answered beat was sent, however late the answer came', async () => {
    const { clock, said } = open(() => new Promise(resolve => clock.after(4_000, () => resolve('member'))))
    // Beats leave at 1 s, 6 s, 11 s: each answer comes 4 s later, so the session never runs out.
    await clock.advance(14_000)
    expect(said).toEqual([])
  })

  it('goes on while the group rebalances, and stops when it was expelled', async () => {
    let standing: Standing = 'rebalancing'
    const { clock, said } = open(async () => standing)
    await clock.advance(2_000)
    expect(said).toEqual(['rebalancing', 'rebalancing'])
    standing = 'expelled'
    await clock.advance(60_000)
    expect(said.slice(2)).toEqual(['the group does not know us any more'])
  })
})

describe('what may be committed', () => {
  it('P2: is the lowest unfinished, in whatever order events finish', async () => {
    const order = fc.shuffledSubarray(
      Array.from({ length: 40 }, (_, n) => n),
      { minLength: 0 },
    )
    await fc.assert(
      fc.asyncProperty(order, fc.integer({ min: 1, max: 40 }), async (finished, maxInFlight) => {
        const taken: number[] = []
        const place = { topic: 't', partition: 0, committed: 0 }
        const take = async (_: unknown, events: readonly { offset: number }[]) => {
          taken.push(...events.map(({ offset }) => offset))
        }
        const partition = new OwnedPartition(place, { take }, maxInFlight, { changed: () => {}, failed: () => {} })
        const events = numbered(40).map((event, offset) => ({ topic: 't', partition: 0, offset, appendedAt: 0, event }))
        partition.receive({ topic: 't', partition: 0, events, next: 40, end: 40, stuck: false })
        const done = new Set<number>()
        for (const offset of finished) {
          await new Promise(resolve => setImmediate(resolve))
          if (taken.includes(offset)) done.add(offset)
          partition.finished(offset)
          const lowest = Array.from({ length: 41 }, (_, n) => n).find(n => !done.has(n))
          expect(partition.toCommit ?? 0).toBe(lowest)
        }
      }),
      { numRuns: 100 },
    )
  })

  it('is not raised by what finishes after the end, nor by what was never taken', async () => {
    const partition = new OwnedPartition({ topic: 't', partition: 0, committed: 3 }, { take: async () => {} }, 10, {
      changed: () => {},
      failed: () => {},
    })
    partition.finished(3)
    expect(partition.toCommit).toBeUndefined()
    partition.end()
    partition.finished(4)
    expect(partition.toCommit).toBeUndefined()
  })
})
