import { describe, expect, it } from 'vitest'
import type { LoggedEvent, Partition } from '../../../src/log/event-log.ts'
import type { Collector } from '../../support/collector.ts'
import { type LogSuite, numbered } from './suite.ts'

/** Writes down who has which key in hand, and what was wrong. */
class Hands {
  readonly holder = new Map<string, string>()
  readonly finished = new Map<string, Set<number>>()
  readonly faults: string[] = []

  hold(key: string, member: string): void {
    const other = this.holder.get(key)
    if (other !== undefined && other !== member) this.faults.push(`${key} with ${other} and ${member}`)
    this.holder.set(key, member)
  }

  finish(logged: LoggedEvent): void {
    const { key, data } = logged.event
    const numbers = this.finished.get(key) ?? new Set()
    for (let earlier = 0; earlier < (data.n as number); earlier++) {
      if (!numbers.has(earlier)) this.faults.push(`${key}: ${data.n} before ${earlier}`)
    }
    this.finished.set(key, numbers.add(data.n as number))
  }

  get total(): number {
    let sum = 0
    for (const numbers of this.finished.values()) sum += numbers.size
    return sum
  }
}

/** Handles each key's events one after the other, a few turns of the event loop each, and drops the rest when revoked. */
function member(suite: LogSuite, topic: string, name: string, hands: Hands): Collector {
  const queues = new Map<string, Promise<void>>()
  const handle = async (partition: Partition, logged: LoggedEvent) => {
    const { key } = logged.event
    if (partition.owned.aborted) return
    hands.hold(key, name)
    for (let turn = 0; turn < 3; turn++) await new Promise(resolve => setImmediate(resolve))
    hands.finish(logged)
    hands.holder.delete(key)
    partition.finished(logged.offset)
  }
  return suite.collect(topic, 'flow', {
    maxInFlight: 50,
    take: async (partition, events) => {
      for (const logged of events) {
        const before = queues.get(logged.event.key) ?? Promise.resolve()
        queues.set(
          logged.event.key,
          before.then(() => handle(partition, logged)),
        )
      }
    },
    revoked: async () => {
      await Promise.all(queues.values())
    },
  })
}

export function membersSuite(suite: LogSuite): void {
  describe('several subscribers of one group', () => {
    it('P4: never hold a key at the same time, and the work goes on while they come and go', async () => {
      const topic = await suite.topic()
      const keys = Array.from({ length: 20 }, (_, i) => `key-${i}`)
      const hands = new Hands()
      const rounds = 40
      const appending = (async () => {
        for (let n = 0; n < rounds; n++) {
          await suite.log.append(
            topic,
            keys.flatMap(key => numbered(1, [key], n)),
          )
          await suite.until(() => hands.total >= (n - 10) * keys.length, 'the members to keep up')
        }
      })()
      const first = member(suite, topic, 'first', hands)
      await suite.until(() => hands.total > 40, 'the first member at work')
      const second = member(suite, topic, 'second', hands)
      await suite.until(() => hands.total > 200)
      await first.stop()
      await suite.until(() => second.partitions.size === suite.features.partitions, 'all partitions with the second')
      const third = member(suite, topic, 'third', hands)
      await suite.until(() => hands.total > 500)
      await second.stop()
      await appending
      await suite.until(() => hands.total === rounds * keys.length, 'every event finished')
      await suite.until(async () => (await suite.log.lag(topic, 'flow')) === 0, 'lag 0')
      await third.stop()
      expect(hands.faults).toEqual([])
    })

    it('hand over when one fails', async () => {
      const topic = await suite.topic(1)
      const first = suite.collect(topic, 'flow', {
        take: async () => {
          throw new Error('failed')
        },
      })
      await suite.until(() => first.partitions.size === 1, 'the first assigned')
      const second = suite.collect(topic, 'flow')
      await suite.fill(topic, 3)
      await suite.until(() => second.events.length === 3, 'the second took over')
      await second.stop()
      // Where it never owned a partition, it had nothing to fail on.
      first.abort()
      await first.ended
    })

    it('may leave while they wait for their turn', async () => {
      const topic = await suite.topic(1)
      const first = suite.collect(topic, 'flow')
      await suite.until(() => first.partitions.size === 1, 'the first assigned')
      const second = suite.collect(topic, 'flow')
      await second.stop()
      await suite.fill(topic, 3)
      await suite.until(() => first.events.length === 3)
      await first.stop()
    })
  })
}
