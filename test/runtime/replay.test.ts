import { describe, expect, it } from 'vitest'
import { SyncError } from '../../src/errors.ts'
import type { Fields } from '../../src/event.ts'
import { compileExpression } from '../../src/expressions/compile.ts'
import type { EventLog, Subscriber } from '../../src/log/event-log.ts'
import type { CompiledFlow } from '../../src/runtime/compiled-flow.ts'
import {
  parsePosition,
  type ReplayDependencies,
  type ReplayProgress,
  type ReplayRequest,
  replay,
} from '../../src/runtime/replay.ts'
import type { StateStore } from '../../src/state/state-store.ts'
import { benchOn, ENGINES, type EngineName } from '../support/engines.ts'
import { type FlowBench, TOPIC } from '../support/flow-bench.ts'
import type { VirtualClock } from '../support/virtual-clock.ts'

/** Runs a replay to its end, or to where the signal stops it, in virtual time. */
async function run(bench: Handed, flow: CompiledFlow, request: ReplayRequest, signal = new AbortController().signal) {
  const reports: ReplayProgress[] = []
  const { log, state, env, deadLetters, ledger, names, underWay } = bench
  let ended = false
  const going = (async () => {
    for await (const report of replay({ flow, log, state, env, deadLetters, ledger, names, underWay }, request, signal))
      reports.push(report)
  })().finally(() => {
    ended = true
  })
  going.catch(() => {})
  for (let step = 0; step < 400 && !ended; step++) await bench.clock.advance(250)
  if (!ended) throw new Error(`the replay hangs, its last report is ${JSON.stringify(reports.at(-1))}`)
  await going
  return reports
}

type Handed = Omit<ReplayDependencies, 'flow'> & { clock: VirtualClock }

function handed({ log, state, env, deadLetters, ledger, names, clock }: FlowBench): Handed {
  return { log, state, env, deadLetters, ledger, names, clock }
}

/** The bench's log, whose groups lose their partitions once, with the offsets of the last few events not committed. */
function rebalancing(bench: FlowBench, after: number): EventLog {
  const { log } = bench
  let lost = false
  const subscribe: EventLog['subscribe'] = async (topics, group, subscriber, signal, options) => {
    const losing = new AbortController()
    const first: Subscriber = {
      ...subscriber,
      take: async (partition, events) => {
        await subscriber.take(partition, events)
        if (!lost && bench.system.effects.length >= after) losing.abort()
      },
    }
    await log.subscribe(topics, group, first, AbortSignal.any([signal, losing.signal]), { ...options, maxInFlight: 5 })
    if (signal.aborted) return
    lost = true
    await log.resetGroup(topics[0]!, group, { 0: after - 5 })
    await log.subscribe(topics, group, subscriber, signal, options)
  }
  return { ...delegated(log), subscribe }
}

function delegated(log: EventLog): EventLog {
  return {
    createTopics: topics => log.createTopics(topics),
    append: (topic, events) => log.append(topic, events),
    subscribe: (topics, group, subscriber, signal, options) =>
      log.subscribe(topics, group, subscriber, signal, options),
    read: (topic, options) => log.read(topic, options),
    lag: (topic, group) => log.lag(topic, group),
    describe: topics => log.describe(topics),
    resetGroup: (topic, group, offsets) => log.resetGroup(topic, group, offsets),
    close: () => log.close(),
  }
}

async function filled(count: number, engine: EngineName): Promise<FlowBench> {
  const bench = await benchOn(engine)
  await bench.log.append(
    TOPIC,
    Array.from({ length: count }, (_, n) => bench.event(`r${n % 7}`, { n, id: `t${n % 7}` })),
  )
  return bench
}

const fast = { from: 'earliest', perSecond: 0 } as const

describe.each(ENGINES)('replay on the %s engine', engine => {
  it('runs a range again through the flow, shows progress, and leaves the live group alone', async () => {
    const bench = await filled(50, engine)
    const flow = bench.flow([bench.effect('safe')])
    const reports = await run(bench, flow, { ...fast, from: { offsets: { 0: 10 } }, to: { offsets: { 0: 30 } } })
    expect(bench.system.effects.map(({ args }) => args.n).sort((a, b) => Number(a) - Number(b))).toEqual(
      Array.from({ length: 20 }, (_, n) => n + 10),
    )
    expect(reports.at(-1)).toMatchObject({ total: 20, read: 20, done: 20, finished: true, resumed: false })
    expect(await bench.lag()).toBe(50)
  })

  it('does safe effects again, and others never, unless told; what was done is not done twice even then (P3)', async () => {
    const bench = await filled(3, engine)
    const flow = bench.flow([
      bench.effect('safe', { args: ({ data }) => ({ n: (data as { n: number }).n }) }),
      bench.effect('keyed'),
    ])
    const live = bench.start(flow)
    await bench.clock.advance(1000)
    await live.stop()
    expect(bench.system.effects).toHaveLength(6)
    await run(bench, flow, fast)
    expect(bench.system.effects).toHaveLength(9)
    await run(bench, flow, { ...fast, effects: 'all' })
    expect(bench.system.effects).toHaveLength(12)
    expect(bench.system.effects.filter(({ key }) => key.includes('/keyed/'))).toHaveLength(3)
  })

  it('does not wait for an effect whose outcome only a person can tell (P3)', async () => {
    const bench = await filled(2, engine)
    bench.system.after = ({ args }) => {
      if (args.n === 1) throw new SyncError('retryable', 'TIMEOUT', 'no answer', { outcomeUnknown: true })
    }
    const flow = bench.flow([bench.effect('blind')])
    const live = bench.start(flow)
    await bench.clock.advance(1000)
    await live.stop()
    const letters = async () => (await bench.deadLetters.list('leads')).map(({ letter }) => letter.code)
    expect([bench.system.effects.length, await letters()]).toEqual([2, ['OUTCOME_UNKNOWN']])
    expect((await run(bench, flow, fast)).at(-1)).toMatchObject({ finished: true, done: 2 })
    const all = (await run(bench, flow, { ...fast, effects: 'all' })).at(-1)
    expect(all).toMatchObject({ finished: true, done: 1, dead: 1 })
    expect(bench.system.effects.length).toBe(2)
  })

  it('does not wait for an item whose outcome only a person can tell, of an event that went on without it (P3)', async () => {
    const bench = await benchOn(engine)
    await bench.log.append(TOPIC, [bench.event('a', { items: [{ n: 1 }, { n: 2 }] })])
    bench.system.after = ({ args }) => {
      if (args.n === 1) throw new SyncError('retryable', 'TIMEOUT', 'no answer', { outcomeUnknown: true })
    }
    const blind = bench.effect('blind', { args: scope => scope.item as Fields })
    const flow = bench.flow([
      {
        kind: 'each',
        id: 'each',
        verb: 'each',
        over: compileExpression('data.items'),
        item: 'item',
        concurrency: 1,
        onFailure: 'next',
        steps: [blind],
      },
    ])
    const live = bench.start(flow)
    await bench.clock.advance(60_000)
    await live.stop()
    expect([bench.system.effects.length, await bench.lag()]).toEqual([2, 0])
    expect((await run(bench, flow, { ...fast, effects: 'all' })).at(-1)).toMatchObject({ finished: true })
    expect(bench.system.effects.length).toBe(2)
  })

  it('writes nothing in a dry run, and tells what it would write', async () => {
    const bench = await filled(4, engine)
    const flow = bench.flow([bench.effect('safe'), bench.effect('blind')])
    const reports = await run(bench, flow, { ...fast, dryRun: true })
    expect(bench.system.effects).toEqual([])
    const plans = reports.flatMap(report => report.plans)
    expect(plans.map(({ step }) => step)).toEqual(['safe', 'safe', 'safe', 'safe'])
    expect(plans[0]).toMatchObject({ operation: 'update', target: 'thing/t0', after: { n: 0 } })
    const all = await run(bench, flow, { ...fast, dryRun: true, effects: 'all' })
    expect(all.flatMap(report => report.plans)).toHaveLength(8)
    expect(bench.system.effects).toEqual([])
  })

  it('takes only the events that the expression names', async () => {
    const bench = await filled(20, engine)
    const flow = bench.flow([bench.effect('safe')])
    const reports = await run(bench, flow, { ...fast, where: compileExpression('data.n >= 15.0') })
    expect(bench.system.effects).toHaveLength(5)
    expect(reports.at(-1)).toMatchObject({ total: 20, read: 20, matched: 5 })
  })

  it('goes on where it was stopped, and its progress never goes back', async () => {
    const bench = await filled(60, engine)
    const flow = bench.flow([bench.effect('safe', { args: ({ data }) => ({ n: (data as { n: number }).n }) })], {
      concurrency: 1,
    })
    const stop = new AbortController()
    bench.system.after = item => {
      if (item.args.n === 25) stop.abort()
    }
    const first = await run(bench, flow, fast, stop.signal)
    expect(first.at(-1)!.finished).toBe(false)
    bench.system.after = () => {}
    const second = await run(bench, flow, fast)
    expect(second[0]).toMatchObject({ resumed: true })
    expect(second[0]!.read).toBeGreaterThanOrEqual(first.at(-1)!.read - 1)
    expect(second.at(-1)).toMatchObject({ read: 60, finished: true })
    const times = new Map<unknown, number>()
    for (const { args } of bench.system.effects) times.set(args.n, (times.get(args.n) ?? 0) + 1)
    expect(times.size).toBe(60)
    // The events in flight at the stop may come again; the others do not.
    expect(bench.system.effects.length).toBeLessThanOrEqual(62)
  })

  it('keeps to its rate', async () => {
    const bench = await filled(100, engine)
    const flow = bench.flow([bench.effect('safe')])
    const began = bench.clock.now()
    await run(bench, flow, { from: 'earliest', perSecond: 20 })
    expect(bench.clock.now() - began).toBeGreaterThanOrEqual(4000)
  })

  it('never lets a replayed event overwrite what a newer one wrote (P4)', async () => {
    const bench = await benchOn(engine)
    const flow = bench.flow([bench.effect('safe')])
    await bench.log.append(TOPIC, [bench.event('a', { id: 't1', n: 'old' })])
    const live = bench.start(flow)
    await bench.clock.advance(5000)
    await bench.log.append(TOPIC, [bench.event('a', { id: 't1', n: 'new' })])
    await bench.clock.advance(5000)
    await live.stop()
    await run(bench, flow, { from: 'earliest', to: { offsets: { 0: 1 } }, perSecond: 0 })
    expect(bench.system.effects.map(({ args }) => args.n)).toEqual(['old', 'new'])
  })

  it('ends where offsets in the middle of the range have no event any more', async () => {
    const bench = await benchOn(engine)
    await bench.log.createTopics([{ name: TOPIC, compacted: true }])
    await bench.log.append(
      TOPIC,
      ['a', 'b', 'c', 'b'].map((key, n) => bench.event(key, { n, id: key })),
    )
    const reports = await run(bench, bench.flow([bench.effect('safe')]), fast)
    expect(bench.system.effects.map(({ args }) => args.n)).toEqual([0, 2, 3])
    expect(reports.at(-1)).toMatchObject({ total: 4, read: 4, found: 3, matched: 3, done: 3, finished: true })
  })

  it('ends where retention removed the rest of the range after a stop', async () => {
    const bench = await filled(60, engine)
    const flow = bench.flow([bench.effect('safe')], { concurrency: 1 })
    const stop = new AbortController()
    bench.system.after = item => {
      if (item.args.n === 25) stop.abort()
    }
    await run(bench, flow, fast, stop.signal)
    const before = bench.system.effects.length
    await bench.log.createTopics([{ name: TOPIC, retentionMs: 1000 }])
    // The embedded engine looks once a minute.
    await bench.clock.advance(130_000)
    const later = bench.event('r1', { n: 99, id: 't1' })
    await bench.log.append(TOPIC, [later])
    const reports = await run(bench, flow, fast)
    expect(reports.at(-1)).toMatchObject({ total: 60, read: 60, found: 0, finished: true, resumed: true })
    expect(bench.system.effects).toHaveLength(before)
  })

  it('is not ended early by events that come twice', async () => {
    const bench = await filled(40, engine)
    const flow = bench.flow([bench.effect('safe')])
    const reports = await run({ ...handed(bench), log: rebalancing(bench, 15) }, flow, fast)
    const seen = new Set(bench.system.effects.map(({ args }) => args.n))
    expect(seen.size).toBe(40)
    expect(reports.at(-1)).toMatchObject({ total: 40, read: 40, finished: true })
    expect(reports.map(({ read }) => read)).toEqual(reports.map(({ read }) => read).sort((a, b) => a - b))
    // Some did come twice, or this would show nothing.
    expect(reports.at(-1)!.found).toBeGreaterThan(40)
  })

  it('runs nothing that came in after it began, and leaves no group behind', async () => {
    const bench = await filled(10, engine)
    const flow = bench.flow([bench.effect('safe')])
    let added = false
    bench.system.before = () => {
      if (added) return
      added = true
      void bench.log.append(
        TOPIC,
        Array.from({ length: 10 }, (_, n) => bench.event(`r${n}`, { n: 100 + n, id: `t${n}` })),
      )
    }
    await run(bench, flow, fast)
    expect(added).toBe(true)
    expect(Math.max(...bench.system.effects.map(({ args }) => Number(args.n)))).toBe(9)
    const [info] = await bench.log.describe([TOPIC])
    expect(info!.groups).toEqual([])
  })

  it('has nothing to do in an empty range, and says so at once', async () => {
    const bench = await filled(5, engine)
    const reports = await run(bench, bench.flow([bench.effect('safe')]), { ...fast, from: 'now' })
    expect(reports.at(-1)).toMatchObject({ total: 0, read: 0, finished: true })
    expect(bench.system.effects).toEqual([])
  })

  it('does nothing again when it was killed while it cleared away after itself', async () => {
    const bench = await filled(10, engine)
    const flow = bench.flow([bench.effect('safe')])
    let writes = 0
    const state: StateStore = {
      get: keys => bench.state.get(keys),
      scan: prefix => bench.state.scan(prefix),
      close: () => bench.state.close(),
      commit: async commits => {
        const ofReplay = commits.some(({ key }) => key.includes(':replay:'))
        // At the start, when all is done, and the last, which forgets it.
        if (ofReplay && ++writes === 3) throw new Error('killed')
        return bench.state.commit(commits)
      },
    }
    await expect(run({ ...handed(bench), state }, flow, fast)).rejects.toThrow('killed')
    const reports = await run(bench, flow, fast)
    expect(reports.at(-1)).toMatchObject({ total: 10, read: 10, finished: true })
    expect(bench.system.effects).toHaveLength(10)
  })

  it('is not begun a second time while it is under way', async () => {
    const bench = await filled(100, engine)
    const flow = bench.flow([bench.effect('safe')])
    const underWay = new Set<string>()
    const slow = { from: 'earliest', perSecond: 20 } as const
    const first = run({ ...handed(bench), underWay }, flow, slow)
    await bench.clock.advance(1000)
    await expect(run({ ...handed(bench), underWay }, flow, slow)).rejects.toMatchObject({ code: 'REPLAY_UNDER_WAY' })
    await first
    expect(underWay.size).toBe(0)
    expect(bench.system.effects).toHaveLength(100)
  })

  it('stops when whoever asked for it leaves', async () => {
    const bench = await filled(100, engine)
    const flow = bench.flow([bench.effect('safe')])
    const { log, state, env, deadLetters, ledger, names } = bench
    const deps = { flow, log, state, env, deadLetters, ledger, names }
    const leaving = (async () => {
      for await (const { read } of replay(deps, { from: 'earliest', perSecond: 20 }, new AbortController().signal))
        if (read > 10) break
    })()
    await bench.clock.advance(2000)
    await leaving
    const before = bench.system.effects.length
    await bench.clock.advance(10_000)
    expect(bench.system.effects).toHaveLength(before)
    // Nothing of it waits any more; the embedded engine has a timer of its own, which is longer.
    expect(bench.clock.nextTimerIn ?? 60_000).toBeGreaterThan(10_000)
  })

  it('does not come in bursts at a slow rate', async () => {
    const bench = await filled(60, engine)
    const flow = bench.flow([bench.effect('safe')])
    const going = run(bench, flow, { from: 'earliest', perSecond: 20 })
    await bench.clock.advance(1000)
    expect(bench.system.effects.length).toBeGreaterThan(10)
    expect(bench.system.effects.length).toBeLessThan(30)
    await going
  })
})

describe('positions', () => {
  it.each([
    ['earliest', 'earliest'],
    ['now', 'now'],
    ['0:1500', { offsets: { 0: 1500 } }],
    ['3:7,4:9', { offsets: { 3: 7, 4: 9 } }],
    ['2026-11-01T00:00:00Z', { time: Date.parse('2026-11-01T00:00:00Z') }],
  ])('reads the position %s', (text, position) => {
    expect(parsePosition(text)).toEqual(position)
  })

  it('refuses a position that is none, and says what would be one', () => {
    expect(() => parsePosition('yesterday')).toThrow(/partition:offset/)
  })
})
