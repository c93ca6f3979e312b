import { describe, expect, it } from 'vitest'
import { SyncError } from '../../src/errors.ts'
import { compileExpression } from '../../src/expressions/compile.ts'
import { compileTree } from '../../src/expressions/tree.ts'
import crossing from '../../src/processors/crossing.ts'
import type { Step } from '../../src/runtime/step.ts'
import { FlowBench, TOPIC } from '../support/flow-bench.ts'

function watching({ env }: FlowBench): Step {
  return {
    kind: 'processor',
    id: 'fell',
    verb: 'crossing',
    as: 'fell',
    remembers: true,
    processor: crossing.create(
      { value: 'data.usage', below: 100, by: 'data.company' },
      { name: 'leads.fell', flow: 'leads', env, compile: compileExpression, compileTree },
    ),
  }
}

function bench() {
  const made = new FlowBench()
  const steps = [watching(made), made.effect('blind', { when: compileExpression('fell') })]
  const start = Date.parse('2026-11-24T09:00:00.000Z')
  let sent = 0
  const usage = (value: number, minute: number, company = 'a') =>
    made.event(
      `reading-${++sent}`,
      { usage: value, company },
      { time: new Date(start + minute * 60_000).toISOString() },
    )
  return {
    made,
    usage,
    flow: made.start(made.flow(steps)),
    told: () => made.system.effects.map(({ args }) => args.usage),
  }
}

describe('a flow that watches a line', () => {
  it('acts once where two items of one event have the same value to tell by, also when they are tried again (P3)', async () => {
    const made = new FlowBench()
    made.system.pages = [[{ id: '1' }, { id: '2' }], [{ id: '3' }]]
    let away = true
    made.system.before = () => {
      if (away) throw new SyncError('retryable', 'CONNECTION_FAILED', 'away')
    }
    const step = made.effect('safe', { when: compileExpression('fell'), args: scope => scope.person as { id: string } })
    const flow = made.start(made.flow([made.each([watching(made), step], { concurrency: 1 })]))
    await made.log.append(TOPIC, [made.event('a', { usage: 90, company: 'a' })])
    await made.clock.advance(100)
    away = false
    await made.clock.advance(30_000)
    expect(made.system.effects.map(({ args }) => args.id)).toEqual(['1'])
    await flow.stop()
  })

  it('keeps the answer of a batch that does not pass, which its halves would not get again (P3)', async () => {
    const made = new FlowBench()
    made.system.pages = [[{ id: '1' }, { id: '2' }]]
    made.system.before = () => {
      throw new SyncError('rejected', 'HTTP_422', 'refused')
    }
    const step = made.effect('safe', { when: compileExpression('fell'), args: ({ person }) => ({ person }) })
    const flow = made.start(made.flow([made.each([watching(made), step], { batch: 2 })]))
    await made.log.append(TOPIC, [made.event('a', { usage: 90, company: 'a' })])
    await made.clock.advance(1000)
    made.system.before = () => {}
    for (const { letter } of await made.deadLetters.list('leads')) await made.deadLetters.redrive(letter)
    await made.clock.advance(1000)
    expect(made.system.effects.map(({ args }) => args.person)).toEqual([[{ id: '1' }, { id: '2' }]])
    await flow.stop()
  })

  it('acts once per crossing, per company, also when the same event comes again (P3)', async () => {
    const { made, usage, flow, told } = bench()
    const events = [usage(150, 0), usage(90, 1), usage(80, 2), usage(120, 3), usage(70, 4), usage(60, 5, 'b')]
    for (const event of events) {
      await made.log.append(TOPIC, [event])
      await made.clock.advance(10)
    }
    expect(told()).toEqual([90, 70, 60])
    await made.log.append(TOPIC, events)
    await made.clock.advance(1000)
    expect(told()).toEqual([90, 70, 60])
    await flow.stop()
  })

  it('is not set off by an event that is older than what was judged', async () => {
    const { made, usage, flow, told } = bench()
    await made.log.append(TOPIC, [usage(150, 10)])
    await made.clock.advance(10)
    await made.log.append(TOPIC, [usage(50, 5)])
    await made.clock.advance(10)
    expect(told()).toEqual([])
    await made.log.append(TOPIC, [usage(50, 11)])
    await made.clock.advance(10)
    expect(told()).toEqual([50])
    await flow.stop()
  })

  it('keeps its answer for the event that crossed, although a later event moved the memory on while it failed (P3)', async () => {
    const { made, usage, flow, told } = bench()
    let away = true
    made.system.before = () => {
      if (away) throw new SyncError('retryable', 'CONNECTION_FAILED', 'away')
    }
    await made.log.append(TOPIC, [usage(90, 1)])
    await made.clock.advance(100)
    await made.log.append(TOPIC, [usage(80, 2)])
    await made.clock.advance(100_000)
    expect(told()).toEqual([])
    away = false
    await made.clock.advance(600_000)
    expect(told()).toEqual([90])
    await flow.stop()
  })
})
