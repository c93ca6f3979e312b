import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { KafkaService } from '../../scripts/services/kafka.ts'
import type { EventLog } from '../../src/log/event-log.ts'
import { collectSettings } from '../../src/runtime/collector.ts'
import type { CompiledFlow } from '../../src/runtime/compiled-flow.ts'
import { FlowRunner } from '../../src/runtime/flow-runner.ts'
import type { OpenedRedis } from '../../src/state/redis/open.ts'
import { freshName, openTestLog, realEnvironment, shortSession, startKafka } from '../log/kafka-support.ts'
import { openTestRedis, type RedisService, startRedis } from '../state/redis-support.ts'
import { FlowBench } from '../support/flow-bench.ts'
import { until } from '../support/until.ts'

const RECORDS = 20
const EDITS = 400

let kafka: KafkaService
let redis: RedisService
const logs: EventLog[] = []
const states: OpenedRedis[] = []

beforeAll(async () => {
  ;[kafka, redis] = await Promise.all([startKafka(), startRedis()])
  for (let instance = 0; instance < 2; instance++) {
    logs.push(await openTestLog(kafka, {}, shortSession(kafka)))
    states.push(await openTestRedis(redis))
  }
}, 120_000)

afterAll(async () => {
  for (const log of logs) await log.close()
  for (const opened of states) await opened.close()
  await redis?.stop()
  await kafka?.stop()
})

describe('two instances of a flow that collects, on Kafka and Redis', () => {
  it('run the latest event of each record, once, while partitions change hands (P2, P3, P4)', async () => {
    const name = freshName('collect')
    const effects: { key: string; record: string; n: number }[] = []
    const [one, two] = [0, 1].map(at => {
      const bench = new FlowBench({ log: logs[at]!, state: states[at]!.state })
      bench.system.after = ({ key, args }) => {
        const { record, n } = args as { record: string; n: number }
        if (!effects.some(effect => effect.key === key)) effects.push({ key, record, n })
      }
      const over: Partial<CompiledFlow> = {
        name,
        identity: name,
        group: name,
        topics: new Map([[name, undefined]]),
        redriveTopic: `${name}.redrive`,
        collect: collectSettings({ everyMs: 300, max: 15 }),
      }
      const { log, state, deadLetters, ledger } = bench
      const flow = bench.flow([bench.effect('keyed')], over)
      const env = realEnvironment
      return { bench, runner: new FlowRunner({ flow, log, state, env, deadLetters, ledger, drainMs: 5000 }) }
    }) as [Instance, Instance]
    await logs[0]!.createTopics([
      { name, partitions: 6 },
      { name: `${name}.redrive`, partitions: 1 },
    ])
    const edit = (n: number) => one.bench.event(`r${n % RECORDS}`, { record: `r${n % RECORDS}`, n })
    const send = (from: number) =>
      logs[0]!.append(
        name,
        Array.from({ length: EDITS / 4 }, (_, at) => edit(from + at)),
      )
    const latest = (below: number) =>
      Array.from({ length: RECORDS }, (_, at) => below - RECORDS + at).every(n => effects.some(each => each.n === n))
    const stopping = [new AbortController(), new AbortController()]
    const first = one.runner.run(stopping[0]!.signal)
    await send(0)
    await until(() => latest(EDITS / 4))
    const second = two.runner.run(stopping[1]!.signal)
    await send(EDITS / 4)
    await until(() => latest(EDITS / 2))
    await send(EDITS / 2)
    stopping[0]!.abort()
    await first
    await send((EDITS / 4) * 3)
    await until(() => latest(EDITS))
    await until(async () => (await logs[0]!.lag(name, name)) === 0)
    await until(async () => (await collected(name)).length === 0)
    stopping[1]!.abort()
    await second
    for (let record = 0; record < RECORDS; record++) {
      const order = effects.filter(effect => effect.record === `r${record}`).map(({ n }) => n)
      expect(order).toEqual([...new Set(order)].sort((a, b) => a - b))
    }
    expect(effects.length).toBeLessThan(EDITS)
  }, 60_000)
})

async function collected(flow: string): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of states[1]!.state.scan(`{flow/${flow}}:collected:`)) keys.push(key)
  return keys
}

interface Instance {
  readonly bench: FlowBench
  readonly runner: FlowRunner
}
