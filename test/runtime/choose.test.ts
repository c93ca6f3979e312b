import { describe, expect, it } from 'vitest'
import { compileExpression } from '../../src/expressions/compile.ts'
import type { ChooseStep, Step } from '../../src/runtime/step.ts'
import { FlowBench, TOPIC } from '../support/flow-bench.ts'

function choose(...branches: [when: string | undefined, ...steps: Step[]][]): ChooseStep {
  return {
    kind: 'choose',
    id: 'choose',
    verb: 'choose',
    branches: branches.map(([when, ...steps]) => ({ ...(when && { when: compileExpression(when) }), steps })),
  }
}

const skip: Step = { kind: 'processor', id: 'skip', verb: 'filter', processor: { process: () => ({ skip: 'no' }) } }

async function effectsOf(bench: FlowBench, steps: Step[], scores: number[]) {
  const flow = bench.start(bench.flow(steps))
  await bench.log.append(
    TOPIC,
    scores.map(score => bench.event(`r${score}`, { score })),
  )
  await bench.clock.advance(1000)
  await flow.stop()
  return bench.system.effects.map(({ key, args }) => [key.split('/')[1], args.score ?? args.via])
}

describe('`choose`', () => {
  it('runs the first branch that holds, or else the one without a condition', async () => {
    const bench = new FlowBench()
    const step = choose(
      ['data.score >= 80.0', bench.effect('keyed', { id: 'hot' })],
      ['data.score >= 50.0', bench.effect('keyed', { id: 'warm' })],
      [undefined, bench.effect('keyed', { id: 'cold' })],
    )
    expect(await effectsOf(bench, [step], [90, 60, 10])).toEqual([
      ['hot', 90],
      ['warm', 60],
      ['cold', 10],
    ])
  })

  it('runs none where none holds, and the flow goes on', async () => {
    const bench = new FlowBench()
    const step = choose(['data.score >= 80.0', bench.effect('keyed', { id: 'hot' })])
    expect(await effectsOf(bench, [step, bench.effect('keyed', { id: 'after' })], [90, 10])).toEqual([
      ['hot', 90],
      ['after', 10],
      ['after', 90],
    ])
  })

  it('keeps what a branch defines inside, and ends the event where the branch does', async () => {
    const bench = new FlowBench()
    const name: Step = {
      kind: 'processor',
      id: 'name',
      verb: 'transform',
      processor: { process: () => ({ names: { via: 'branch' } }) },
    }
    const args = (scope: Record<string, unknown>) => ({ via: scope.via ?? 'none' })
    const inner = choose(['data.score > 50.0', name, bench.effect('keyed', { id: 'inner', args })], [undefined, skip])
    expect(await effectsOf(bench, [inner, bench.effect('keyed', { id: 'outer', args })], [90, 10])).toEqual([
      ['inner', 'branch'],
      ['outer', 'none'],
    ])
  })

  it('names itself where its condition fails', async () => {
    const bench = new FlowBench()
    await effectsOf(bench, [choose(['data.other > 1.0', skip])], [1])
    expect((await bench.deadLetters.list('leads'))[0]?.letter).toMatchObject({ step: 'choose', code: 'MISSING_FIELD' })
  })
})
