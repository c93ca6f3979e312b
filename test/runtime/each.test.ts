import { describe, expect, it } from 'vitest'
import { SyncError } from '../../src/errors.ts'
import { compileExpression } from '../../src/expressions/compile.ts'
import type { EachStep, Step } from '../../src/runtime/step.ts'
import { FlowBench, TOPIC } from '../support/flow-bench.ts'

const refused = () => new SyncError('rejected', 'HTTP_422', 'not like this')

function each(steps: readonly Step[], over: Partial<EachStep> = {}): EachStep {
  return {
    kind: 'each',
    id: 'lines',
    verb: 'each',
    over: compileExpression('data.lines'),
    item: 'line',
    key: compileExpression('line.sku'),
    concurrency: 4,
    onFailure: 'stop',
    steps,
    ...over,
  }
}

describe('a failure inside `each`', () => {
  it('names its own step and item, whatever the items beside it are doing', async () => {
    const bench = new FlowBench()
    const args = (scope: Record<string, unknown>) => ({ sku: (scope.line as { sku: string }).sku })
    bench.system.before = async ({ action, args: { sku } }) => {
      await bench.clock.sleep(sku === 'x' && action === 'keyed' ? 500 : 100)
      if (sku === 'x' && action === 'keyed') throw refused()
    }
    const steps = [bench.effect('lookup', { args }), bench.effect('keyed', { args }), bench.effect('safe', { args })]
    const flow = bench.start(bench.flow([each(steps)]))
    await bench.log.append(TOPIC, [bench.event('a', { lines: [{ sku: 'w' }, { sku: 'x' }, { sku: 'y' }] })])
    await bench.clock.advance(10_000)
    const [found] = await bench.deadLetters.list('leads')
    expect(found?.letter).toMatchObject({ step: 'lines/x/keyed', code: 'HTTP_422', names: { line: { sku: 'x' } } })
    await flow.stop()
  })

  it('names the inner step when that is a processor, or throws no SyncError', async () => {
    const bench = new FlowBench()
    const shape: Step = {
      kind: 'processor',
      id: 'shape',
      verb: 'code',
      processor: {
        process: scope => {
          if ((scope.line as { sku: string }).sku === 'y') throw new Error('a bug')
          return { names: { shaped: true } }
        },
      },
    }
    const flow = bench.start(bench.flow([each([shape])]))
    await bench.log.append(TOPIC, [bench.event('a', { lines: [{ sku: 'x' }, { sku: 'y' }] })])
    await bench.clock.advance(60_000)
    const [found] = await bench.deadLetters.list('leads')
    expect(found?.letter).toMatchObject({ step: 'lines/y/shape', code: 'UNCLASSIFIED', names: { line: { sku: 'y' } } })
    await flow.stop()
  })

  it('has one letter although the event comes again and the flow does nothing else (P3)', async () => {
    const bench = new FlowBench()
    const process = () => {
      throw refused()
    }
    const check: Step = { kind: 'processor', id: 'check', verb: 'validate', processor: { process } }
    const flow = bench.start(bench.flow([each([check], { onFailure: 'next' })]))
    const event = bench.event('a', { lines: [{ sku: 'x' }] })
    for (let times = 0; times < 2; times++) {
      await bench.log.append(TOPIC, [event])
      await bench.clock.advance(60_000)
    }
    expect((await bench.deadLetters.list('leads')).map(({ letter }) => letter.attempts)).toEqual([1])
    await flow.stop()
  })

  it('ends the event after a day, although the items beside it pass at every try', async () => {
    const bench = new FlowBench()
    const args = (scope: Record<string, unknown>) => ({ sku: (scope.line as { sku: string }).sku })
    bench.system.before = ({ args: { sku } }) => {
      if (sku === 'x') throw new SyncError('retryable', 'HTTP_503', 'busy')
    }
    const flow = bench.start(bench.flow([each([bench.effect('safe', { args })])]))
    await bench.log.append(TOPIC, [bench.event('a', { lines: [{ sku: 'w' }, { sku: 'x' }] })])
    await bench.clock.advance(40 * 3_600_000)
    const [found] = await bench.deadLetters.list('leads')
    expect(found?.letter).toMatchObject({ code: 'HTTP_503', firstAt: '2026-11-24T10:00:00.000Z' })
    expect(bench.system.effects).toHaveLength(1)
    await flow.stop()
  })

  it('of the list itself names the `each`', async () => {
    const bench = new FlowBench()
    const flow = bench.start(bench.flow([each([bench.effect('safe')])]))
    await bench.log.append(TOPIC, [bench.event('a', { lines: 7 })])
    await bench.clock.advance(1000)
    expect((await bench.deadLetters.list('leads'))[0]?.letter).toMatchObject({ step: 'lines', code: 'NOT_A_LIST' })
    await flow.stop()
  })
})
