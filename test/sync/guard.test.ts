import { afterEach, describe, expect, it } from 'vitest'
import type { SyncConfig } from '../../src/config/config.ts'
import type { Peer } from '../../src/sync/peer.ts'
import type { SyncRunner } from '../../src/sync/sync-runner.ts'
import { away, CONFIG, QuestionBench } from '../support/question-bench.ts'
import { withMethod } from '../support/with-method.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
let bench: QuestionBench
afterEach(() => bench.stop())

const policy = { kind: 'prefer', side: 'left' } as const
const limited = (guard: Partial<SyncConfig['guard']>): Partial<SyncConfig> => ({
  guard: { creates: 100, updates: 100, deletes: 100, ...guard },
  fields: CONFIG.fields.map(field => ({ ...field, policy })),
})

/** Records that the left side has alone. */
async function alone(count: number, from = 0): Promise<void> {
  for (let n = from; n < from + count; n++) await bench.left.set(`l-${n}`, { key: `k${n}`, title: 'old' })
}

async function letPass({ context: { store, guard, env } }: SyncRunner, creates: number): Promise<void> {
  await store.transact(transaction => guard.pass(transaction, 'creates', creates, env.clock.now()))
}

describe('the limit of the hour', () => {
  it('lets as many pass in the next hour, and no more', async () => {
    bench = new QuestionBench(limited({ creates: 3 }))
    const runner = await bench.begin()
    await alone(8)
    await bench.rest(MINUTE)
    expect(bench.right.records.size).toBe(3)
    expect(runner.status.guarded).toEqual({ creates: 5 })
    await bench.rest(HOUR)
    expect(bench.right.records.size).toBe(6)
  })

  it('P8: what waits at it is neither read nor looked for', async () => {
    bench = new QuestionBench(limited({ creates: 2, updates: 1 }))
    let reads = 0
    const counted = (peer: Peer) =>
      withMethod(peer, {
        get: (...args) => {
          reads++
          return peer.get(...args)
        },
        find: (...args) => {
          reads++
          return peer.find(...args)
        },
      })
    bench.wrap = peer => withMethod(counted(peer), { conditional: false })
    const runner = await bench.begin('a', 'b', 'c')
    await alone(6)
    for (const id of ['a', 'b', 'c']) await bench.left.set(`l-${id}`, { title: 'new' })
    await bench.rest(10 * MINUTE)
    expect(runner.status.guarded).toEqual({ creates: 4, updates: 2 })
    reads = 0
    await bench.rest(20 * MINUTE)
    expect(reads).toBe(0)
    await letPass(runner, 4)
    await bench.rest(MINUTE)
    expect(reads).toBeGreaterThan(0)
    expect(runner.status.guarded).toEqual({ updates: 2 })
  })

  it('counts no write that says how a pair stands and nothing else', async () => {
    const right = { ...CONFIG.right, stateField: 'state' }
    bench = new QuestionBench({ ...limited({ updates: 1 }), right })
    const runner = await bench.begin('a', 'b', 'c')
    await bench.rest(MINUTE)
    expect([...bench.right.records.values()].map(({ data }) => data.state)).toEqual(Array(3).fill('synced'))
    await bench.left.set('l-a', { title: 'new' })
    await bench.rest(MINUTE)
    expect(runner.status.guarded).toEqual({})
  })

  it('counts writes, not tries: a system that is away uses none of it up', async () => {
    bench = new QuestionBench(limited({ updates: 2 }))
    let isAway = true
    const outage: Peer['write'] = async writes => writes.map(() => ({ status: 'failed', error: away() }))
    bench.wrap = (peer, side) =>
      side === 'left'
        ? peer
        : withMethod(peer, { write: (...args) => (isAway ? outage(...args) : peer.write(...args)) })
    const runner = await bench.begin('a', 'b')
    for (const id of ['a', 'b']) await bench.left.set(`l-${id}`, { title: 'new' })
    await bench.rest(5 * MINUTE)
    expect(runner.status).toMatchObject({ failing: 2, guarded: {} })
    isAway = false
    await bench.rest(10 * MINUTE)
    expect(bench.right.writes).toHaveLength(2)
    expect(runner.status).toMatchObject({ failing: 0, guarded: {} })
  })

  it('what a person let pass is used up first, and does not widen later hours', async () => {
    bench = new QuestionBench(limited({ creates: 3 }))
    const runner = await bench.begin()
    await letPass(runner, 3)
    await alone(3)
    await bench.rest(HOUR)
    expect(bench.right.records.size).toBe(3)
    await alone(7, 3)
    await bench.rest(MINUTE)
    expect(bench.right.records.size).toBe(6)
  })

  it('holds a pair as a whole: of two writes none is made, and none is counted', async () => {
    bench = new QuestionBench(limited({ updates: 3 }))
    const runner = await bench.begin('a', 'b', 'c')
    for (const id of ['a', 'b'])
      await Promise.all([bench.left.set(`l-${id}`, { title: 'new' }), bench.right.set(`r-${id}`, { city: 'new' })])
    await bench.rest(MINUTE)
    await bench.left.set('l-c', { title: 'new' })
    await bench.rest(MINUTE)
    expect(runner.status.guarded).toEqual({ updates: 1 })
    expect(bench.values('c')).toEqual(['new', 'new'])
  })
})

describe('a write that waits for its turn within the side', () => {
  it('P3: is given up before others may take it over, and made anew', async () => {
    bench = new QuestionBench(limited({}))
    const waits: number[] = []
    let isSlow = true
    bench.wrap = (peer, side) =>
      side === 'left'
        ? peer
        : withMethod(peer, {
            async write(writes, options) {
              const { clock } = bench
              const begun = clock.now()
              if (isSlow) {
                isSlow = false
                await clock.sleep(HOUR, options.signal)
              }
              waits.push(clock.now() - begun)
              return peer.write(writes, options)
            },
          })
    const runner = await bench.begin('a')
    await bench.left.set('l-a', { title: 'new' })
    await bench.rest(5 * MINUTE)
    expect(bench.values('a')).toEqual(['new', 'new'])
    await bench.rest(2 * HOUR)
    expect(waits).toEqual([0])
    expect(runner.status.failing).toBe(0)
  })
})
