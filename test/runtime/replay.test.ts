import { describe, expect, it } from 'vitest'
import { compileExpression } from '../../src/expressions/compile.ts'
import type { CompiledFlow } from '../../src/runtime/flow-runner.ts'
import { parsePosition, type ReplayProgress, type ReplayRequest, replay } from '../../src/runtime/replay.ts'
import { FlowBench, TOPIC } from '../support/flow-bench.ts'

/** Runs a replay to its end, or to where the signal stops it, in virtual time. */
async function run(
  bench: FlowBench,
  flow: CompiledFlow,
  request: ReplayRequest,
  signal = new AbortController().signal,
) {
  const reports: ReplayProgress[] = []
  const { log, state, env, deadLetters, ledger, names } = bench
  let ended = false
  const going = (async () => {
    for await (const report of replay({ flow, log, state, env, deadLetters, ledger, names }, request, signal))
      reports.push(report)
  })().finally(() => {
    ended = true
  })
  for (let step = 0; step < 400 && !ended; step++) await bench.clock.advance(250)
  await going
  return reports
}

async function filled(count: number): Promise<FlowBench> {
  const bench = new FlowBench()
  await bench.log.append(
    TOPIC,
    Array.from({ length: count }, (_, n) => bench.event(`r${n % 7}`, { n, id: `t${n % 7}` })),
  )
  return bench
}

const fast = { from: 'earliest', perSecond: 0 } as const

describe('replay', () => {
  it('runs a range again through the flow, shows progress, and leaves the live group alone', async () => {
    const bench = await filled(50)
    const flow = bench.flow([bench.effect('safe')])
    const reports = await run(bench, flow, { ...fast, from: { offsets: { 0: 10 } }, to: { offsets: { 0: 30 } } })
    expect(bench.system.effects.map(({ args }) => args.n).sort((a, b) => Number(a) - Number(b))).toEqual(
      Array.from({ length: 20 }, (_, n) => n + 10),
    )
    expect(reports.at(-1)).toMatchObject({ total: 20, read: 20, done: 20, finished: true, resumed: false })
    expect(await bench.lag()).toBe(50)
  })

  it('does safe effects again, and others never, unless told; what was done is not done twice even then (P3)', async () => {
    const bench = await filled(3)
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

  it('writes nothing in a dry run, and tells what it would write', async () => {
    const bench = await filled(4)
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
    const bench = await filled(20)
    const flow = bench.flow([bench.effect('safe')])
    const reports = await run(bench, flow, { ...fast, where: compileExpression('data.n >= 15.0') })
    expect(bench.system.effects).toHaveLength(5)
    expect(reports.at(-1)).toMatchObject({ total: 20, read: 20, matched: 5 })
  })

  it('goes on where it was stopped, and its progress never goes back', async () => {
    const bench = await filled(60)
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
    const bench = await filled(100)
    const flow = bench.flow([bench.effect('safe')])
    const began = bench.clock.now()
    await run(bench, flow, { from: 'earliest', perSecond: 20 })
    expect(bench.clock.now() - began).toBeGreaterThanOrEqual(4000)
  })

  it('never lets a replayed event overwrite what a newer one wrote (P4)', async () => {
    const bench = new FlowBench()
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
