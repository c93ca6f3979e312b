import { openEmbedded } from '../../src/embedded/open.ts'
import { systemClock } from '../../src/environment/clock.ts'
import type { EventLog } from '../../src/log/event-log.ts'
import type { StateStore } from '../../src/state/state-store.ts'
import { makeEvent } from './make-event.ts'

/**
 * Appends, commits and consumes as fast as it can until it is killed, and says on its output what it was promised:
 *   event <topic> <key> <n>     append resolved
 *   state <key> <n>             commit resolved
 *   finished <n>                a commit of the consumer resolved, after which it reported the offset finished
 */
const APPENDERS = 16
const COUNTERS = 8
const TOPICS = ['first', 'second']

const { log, state } = await openEmbedded({ folder: process.argv[2]!, clock: systemClock })
const lastNumbers = await numbersByKey(log)
for (let i = 0; i < APPENDERS; i++) void appendForEver(TOPICS[i % TOPICS.length]!, `key-${i}`)
for (let i = 0; i < COUNTERS; i++) void countForEver(state, `{crash}:counter-${i}`)
await consume(log, state)

async function appendForEver(topic: string, key: string): Promise<void> {
  for (let n = (lastNumbers.get(key) ?? -1) + 1; ; n += 3) {
    const numbers = [n, n + 1, n + 2]
    await log.append(
      topic,
      numbers.map(each => makeEvent({ key, data: { n: each, text: 'x'.repeat(each % 2000) } })),
    )
    for (const each of numbers) console.log(`event ${topic} ${key} ${each}`)
  }
}

async function countForEver(store: StateStore, key: string): Promise<void> {
  for (;;) {
    const [entry] = await store.get([key])
    const n = ((entry?.value as { n: number } | undefined)?.n ?? 0) + 1
    const writes = [
      { key, value: { n }, ifVersion: entry?.version ?? null },
      { key: `${key}:shadow`, value: { n } },
    ]
    if (!(await store.commit(writes))) throw new Error(`${key}: lost a race that nobody else runs in`)
    console.log(`state ${key} ${n}`)
  }
}

/** The result is in the state before the offset is finished, as a flow does it. */
async function consume(from: EventLog, store: StateStore): Promise<void> {
  const take = async (partition: { finished(offset: number): void }, events: readonly { offset: number }[]) => {
    for (const { offset } of events) {
      await store.commit([{ key: '{crash}:consumed', value: offset }])
      console.log(`finished ${offset}`)
      partition.finished(offset)
    }
  }
  await from.subscribe(['first'], 'consumer', { take }, new AbortController().signal, {
    start: 'earliest',
    maxInFlight: 20,
  })
}

async function numbersByKey(from: EventLog): Promise<Map<string, number>> {
  const found = new Map<string, number>()
  for (const topic of TOPICS)
    for await (const { event } of from.read(topic)) found.set(event.key, event.data.n as number)
  return found
}
