import { describe, expect, it } from 'vitest'
import type { Engine } from '../../src/engine.ts'
import { SyncError } from '../../src/errors.ts'
import { compileExpression } from '../../src/expressions/compile.ts'
import type { Assembly } from '../../src/runtime/assemble.ts'
import type { CompiledFlow } from '../../src/runtime/compiled-flow.ts'
import { EventFinder } from '../../src/runtime/event-finder.ts'
import { Explainer } from '../../src/runtime/explain.ts'
import type { Step } from '../../src/runtime/step.ts'
import type { RecordQuery, WhyReport } from '../../src/runtime/sync-reports.ts'
import { FlowBench, TOPIC } from '../support/flow-bench.ts'

/** Deals of a connector `form` come in, and a flow acts in a system that nothing reads from. */
class WhyBench extends FlowBench {
  readonly flowOf: CompiledFlow

  constructor(steps: (bench: FlowBench) => readonly Step[]) {
    super()
    this.flowOf = this.flow(steps(this), { name: 'invoices' })
    this.system.answerOf = (_, delivery) =>
      delivery.status === 'delivered' && delivery.ref
        ? { ...delivery, ref: { object: 'thing', id: delivery.ref.id } }
        : delivery
  }

  async run(...ids: string[]): Promise<void> {
    await this.log.createTopics([{ name: TOPIC }, { name: this.flowOf.redriveTopic }])
    const events = ids.map(id => this.event(id, { id: `made-${id}` }, { subject: `deal/${id}`, type: 'deal.updated' }))
    await this.log.append(TOPIC, events)
    const running = this.start(this.flowOf)
    await this.clock.advance(60_000)
    await running.stop()
  }

  why(query: RecordQuery): Promise<WhyReport> {
    const { log, state, ledger, deadLetters } = this
    const assembly = {
      names: { source: () => TOPIC },
      flows: [{ compiled: this.flowOf }],
      connectors: new Map([['form', { objects: ['deal'] }]]),
      config: { systems: new Map([['fake', {}]]), connectors: new Map([['form', { name: 'form' }]]) },
    } as unknown as Assembly
    const finder = new EventFinder({ log, state, assembly, deadLetters })
    const report = () => Promise.reject(new Error('there are no syncs here'))
    const engine = { state } as Engine
    return new Explainer({ assembly, engine, ledger, finder, syncs: [], report }).why(query)
  }

  /** `step: what it wrote`, because of a deal. */
  async becauseOf(id: string): Promise<string[]> {
    const { effects } = await this.why({ system: 'form', object: 'deal', id })
    return effects.map(({ step, wrote, skipped, open }) => {
      return `${step}: ${skipped ?? (open ? 'open' : wrote ? `${wrote.object}/${wrote.id}` : 'done')}`
    })
  }
}

const MADE = { system: 'fake', object: 'thing', id: 'made-a' }

describe('what was written in a system that nothing reads from', () => {
  it.each(['safe', 'keyed', 'lookup', 'blind'] as const)(
    'is known by the answer, and so is the record it was done for: %s',
    async effect => {
      const bench = new WhyBench(bench => [bench.effect(effect, { id: 'make', verb: 'invoice' })])
      await bench.run('a', 'b')
      const { flows, writesKept } = await bench.why(MADE)
      expect(writesKept).toBe(false)
      expect(flows).toEqual([
        {
          flow: 'invoices',
          step: 'make',
          operation: 'invoice',
          event: expect.any(String),
          place: `${TOPIC}/0/0`,
          about: 'deal/a',
          fields: [],
          at: expect.any(String),
        },
      ])
      expect((await bench.why({ ...MADE, id: 'made-c' })).flows).toEqual([])
      expect((await bench.why({ ...MADE, object: 'other' })).flows).toEqual([])
    },
  )

  it('is told once where the ledger knows it too', async () => {
    const bench = new WhyBench(bench => [bench.effect('keyed', { system: bench.running({ echoes: true }) })])
    bench.system.answerOf = (_, delivery) => delivery
    await bench.run('a')
    expect((await bench.why(MADE)).flows).toMatchObject([{ flow: 'invoices', operation: 'update', about: 'deal/a' }])
  })
})

describe('what was done because of a record', () => {
  it('is each effect of its events, with what the answer named', async () => {
    const bench = new WhyBench(bench => [
      bench.effect('keyed', { id: 'invoice' }),
      bench.effect('blind', { id: 'tell', args: () => ({ text: 'hello' }) }),
    ])
    await bench.run('a', 'b', 'a')
    expect(await bench.becauseOf('a')).toEqual([
      'invoice: thing/made-a',
      'tell: done',
      'invoice: thing/made-a',
      'tell: done',
    ])
    expect(await bench.becauseOf('b')).toEqual(['invoice: thing/made-b', 'tell: done'])
    expect(await bench.becauseOf('c')).toEqual([])
    const { effects } = await bench.why({ system: 'form', object: 'deal', id: 'b' })
    expect(effects[0]).toMatchObject({ flow: 'invoices', system: 'fake', type: 'deal.updated', place: `${TOPIC}/0/1` })
  })

  it('is known of the items of an `each`, whatever their keys are, but for what may be done again', async () => {
    const bench = new WhyBench(bench => [
      bench.each(
        [
          bench.effect('keyed', {
            id: 'invoice',
            key: compileExpression("person.id + '/invoice/' + data.id"),
            args: ({ person }) => ({ id: `of-${(person as { id: string }).id}` }),
          }),
          bench.effect('safe', { id: 'note', args: ({ person }) => ({ id: (person as { id: string }).id }) }),
        ],
        { concurrency: 1 },
      ),
    ])
    bench.system.pages = [[{ id: 'p/1' }, { id: 'p2' }]]
    await bench.run('a')
    expect(await bench.becauseOf('a')).toEqual(['people/p%2F1/invoice: thing/of-p/1', 'people/p2/invoice: thing/of-p2'])
    expect((await bench.why({ ...MADE, id: 'of-p2' })).flows).toMatchObject([
      { about: 'deal/a', at: expect.any(String) },
    ])
  })

  it('says what another event had done before, and what may or may not have been done', async () => {
    const bench = new WhyBench(bench => [
      bench.effect('keyed', { id: 'invoice', key: compileExpression("'one'") }),
      bench.effect('blind', { id: 'tell' }),
    ])
    bench.system.after = ({ action }) => {
      if (action === 'blind') throw new SyncError('retryable', 'TIMEOUT', 'no answer', { outcomeUnknown: true })
    }
    await bench.run('a', 'b')
    expect(await bench.becauseOf('a')).toEqual(['invoice: thing/made-a', 'tell: open'])
    expect(await bench.becauseOf('b')).toEqual(['invoice: done before', 'tell: open'])
    // Whoever did it, not who found it done.
    expect((await bench.why(MADE)).flows).toMatchObject([{ about: 'deal/a' }])
  })
})
