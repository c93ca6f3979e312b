import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { KafkaService } from '../../scripts/services/kafka.ts'
import { compileExpression } from '../../src/expressions/compile.ts'
import type { EventLog } from '../../src/log/event-log.ts'
import type { CompiledFlow } from '../../src/runtime/compiled-flow.ts'
import { type ReplayProgress, type ReplayRequest, replay } from '../../src/runtime/replay.ts'
import { memoryState } from '../../src/state/memory.ts'
import {
  deleteRecords,
  freshName,
  openTestLog,
  realEnvironment,
  shortSession,
  startKafka,
} from '../log/kafka-support.ts'
import { FlowBench } from '../support/flow-bench.ts'

let kafka: KafkaService
let log: EventLog
let bench: FlowBench
let flow: CompiledFlow
let topics: string[]

beforeAll(async () => {
  kafka = await startKafka()
  log = await openTestLog(kafka, {}, shortSession(kafka))
}, 120_000)

afterAll(async () => {
  await log?.close()
  await kafka?.stop()
})

beforeEach(async () => {
  bench = new FlowBench({ log, state: memoryState({ clock: realEnvironment.clock }) })
  topics = [freshName('replay'), freshName('replay')]
  await log.createTopics(topics.map(name => ({ name, partitions: 3 })))
  const step = bench.effect('safe', { args: ({ data }) => ({ n: (data as { n: number }).n }) })
  flow = bench.flow([step], { topics: new Map(topics.map(topic => [topic, undefined])) })
})

async function run(request: ReplayRequest, signal = new AbortController().signal): Promise<ReplayProgress[]> {
  const { state, deadLetters, ledger, names } = bench
  const deps = { flow, log, state, env: realEnvironment, deadLetters, ledger, names }
  const reports: ReplayProgress[] = []
  for await (const report of replay(deps, request, signal)) reports.push(report)
  return reports
}

function fill(topic: string, count: number, first = 0): Promise<void> {
  return log.append(
    topic,
    Array.from({ length: count }, (_, n) => bench.event(`k${n % 11}`, { n: first + n })),
  )
}

function numbers(): number[] {
  return bench.system.effects.map(({ args }) => args.n as number).sort((a, b) => a - b)
}

/** Of each kind one transaction: both leave offsets without an event at the end of the partition. */
async function transactions(topic: string): Promise<void> {
  const producer = new Kafka({ brokers: [...kafka.brokers], logLevel: logLevel.NOTHING }).producer({
    transactionalId: topic,
    maxInFlightRequests: 1,
    idempotent: true,
  })
  await producer.connect()
  for (const outcome of ['commit', 'abort'] as const) {
    const transaction = await producer.transaction()
    const headers = { ce_id: `${topic}-${outcome}`, ce_type: 'a.b', ce_source: '/x', ce_specversion: '1.0' }
    await transaction.send({ topic, messages: [{ key: 'a', value: '{"n":999}', headers }] })
    await transaction[outcome]()
  }
  await producer.disconnect()
}

const fast = { from: 'earliest', perSecond: 0 } as const

describe('replay on Kafka', { timeout: 60_000 }, () => {
  it('runs every partition of every topic to its end, also where that is no event, and leaves no group', async () => {
    await fill(topics[0]!, 50)
    await fill(topics[1]!, 50, 50)
    await transactions(topics[0]!)
    const last = (await run(fast)).at(-1)!
    expect(numbers()).toEqual([...Array.from({ length: 100 }, (_, n) => n), 999])
    expect(last).toMatchObject({ found: 101, matched: 101, done: 101, finished: true })
    expect(last.total).toBeGreaterThan(101)
    expect(last.read).toBe(last.total)
    for (const { groups } of await log.describe(topics)) expect(groups).toEqual([])
  })

  it('goes on exactly where it was stopped', async () => {
    await fill(topics[0]!, 90)
    const stop = new AbortController()
    bench.system.after = () => {
      if (bench.system.effects.length === 30) stop.abort()
    }
    const slow = { from: 'earliest', perSecond: 60 } as const
    const first = (await run(slow, stop.signal)).at(-1)!
    expect(first.finished).toBe(false)
    const before = numbers()
    bench.system.after = () => {}
    const second = (await run({ ...slow, perSecond: 0 })).at(-1)!
    expect(second).toMatchObject({ resumed: true, finished: true, read: 90 })
    expect(second.found).toBe(90 - before.length)
    expect(numbers()).toEqual(Array.from({ length: 90 }, (_, n) => n))
  })

  it('ends though retention took the rest of the range while it was stopped', async () => {
    await fill(topics[0]!, 90)
    const stop = new AbortController()
    bench.system.after = () => {
      if (bench.system.effects.length === 30) stop.abort()
    }
    await run({ from: 'earliest', perSecond: 60 }, stop.signal)
    bench.system.after = () => {}
    const before = bench.system.effects.length
    await deleteRecords(kafka, topics[0]!)
    await fill(topics[0]!, 20, 500)
    const last = (await run({ from: 'earliest', perSecond: 0 })).at(-1)!
    expect(last).toMatchObject({ resumed: true, finished: true, total: 90, read: 90, found: 0 })
    expect(bench.system.effects).toHaveLength(before)
  })

  it('is shared by two instances that were given the same command, and ends in both', async () => {
    await fill(topics[0]!, 300)
    const slow = { from: 'earliest', perSecond: 40, where: compileExpression('data.n >= 0.0') } as const
    const [one, two] = await Promise.all([run(slow), run(slow)])
    expect(one.at(-1)).toMatchObject({ finished: true, read: 300 })
    expect(two.at(-1)).toMatchObject({ finished: true, read: 300 })
    expect([...new Set(numbers())]).toEqual(Array.from({ length: 300 }, (_, n) => n))
    for (const { groups } of await log.describe(topics)) expect(groups).toEqual([])
  })
})
