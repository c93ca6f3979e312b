import { describe, expect, it } from 'vitest'
import { SyncError } from '../../src/errors.ts'
import { compileExpression } from '../../src/expressions/compile.ts'
import { compileTree } from '../../src/expressions/tree.ts'
import crossing from '../../src/processors/crossing.ts'
import type { Step } from '../../src/runtime/step.ts'
import { FlowBench, TOPIC } from '../support/flow-bench.ts'

function bench() {
  const made = new FlowBench()
  const fell: Step = {
    kind: 'processor',
    id: 'fell',
    verb: 'crossing',
    as: 'fell',
    remembers: true,
    processor: crossing.create(
      { value: 'data.usage', below: 100, by: 'data.company' },
      { name: 'leads.fell', flow: 'leads', env: made.env, compile: compileExpression, compileTree },
    ),
  }
  const steps = [fell, made.effect('blind', { when: compileExpression('fell') })]
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
