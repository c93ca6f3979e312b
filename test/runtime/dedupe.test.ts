import { describe, expect, it } from 'vitest'
import { SyncError } from '../../src/errors.ts'
import { compileExpression } from '../../src/expressions/compile.ts'
import { compileTree } from '../../src/expressions/tree.ts'
import dedupe from '../../src/processors/dedupe.ts'
import type { Step } from '../../src/runtime/step.ts'
import { FlowBench, TOPIC } from '../support/flow-bench.ts'

const DAY = 86_400_000

function deduping(within: string) {
  const bench = new FlowBench()
  const step: Step = {
    kind: 'processor',
    id: 'dedupe',
    verb: 'dedupe',
    remembers: true,
    processor: dedupe.create(
      { by: 'data.email', within },
      { name: 'leads.dedupe', flow: 'leads', env: bench.env, compile: compileExpression, compileTree },
    ),
  }
  const flow = bench.start(bench.flow([step, bench.effect('blind')]))
  let sent = 0
  return {
    bench,
    flow,
    done: () => bench.system.effects.map(({ args }) => args.n),
    async send(email: string) {
      await bench.log.append(TOPIC, [bench.event(`r${sent}`, { email, n: ++sent })])
      await bench.clock.advance(1000)
    },
  }
}

describe('events that mean the same', () => {
  it('are one within the time given, also where that is longer than the flow remembers what it did (P3)', async () => {
    const { bench, flow, done, send } = deduping('90d')
    await send('ada')
    await send('ada')
    await bench.clock.advance(60 * DAY)
    await send('ada')
    expect(done()).toEqual([1])
    await bench.clock.advance(31 * DAY)
    await send('ada')
    expect(done()).toEqual([1, 4])
    await flow.stop()
  })

  it('wait for the one that is not done, and take over where it is given up', async () => {
    const { bench, flow, done, send } = deduping('1d')
    let answer: 'retryable' | 'rejected' = 'retryable'
    bench.system.before = ({ args }) => {
      if (args.n === 1) throw new SyncError(answer, 'HTTP_503', 'busy')
    }
    await send('ada')
    await send('ada')
    await bench.clock.advance(60_000)
    expect(done()).toEqual([])
    answer = 'rejected'
    await bench.clock.advance(3 * 3_600_000)
    expect(done()).toEqual([2])
    await flow.stop()
  })
})
