import { describe, expect, it } from 'vitest'
import { SyncError } from '../../src/errors.ts'
import { FlowBench, TOPIC } from '../support/flow-bench.ts'

const DAY = 86_400_000

function capped(caps: { perRecord?: number; perDay?: number }) {
  const bench = new FlowBench()
  const flow = bench.start(bench.flow([bench.effect('blind', { caps })]))
  return {
    bench,
    flow,
    done: () => bench.system.effects.map(({ args }) => args.n),
    async send(...events: [record: string, n: number][]) {
      await bench.log.append(
        TOPIC,
        events.map(([record, n]) => bench.event(record, { n })),
      )
      await bench.clock.advance(1000)
    },
    async held() {
      return (await bench.deadLetters.list('leads')).map(({ letter }) => letter)
    },
  }
}

describe('caps', () => {
  it('let a step act so often for a record, and hold what goes beyond for a person (P7)', async () => {
    const { flow, send, done, held } = capped({ perRecord: 1 })
    await send(['a', 1], ['a', 2], ['b', 3])
    await send(['a', 4])
    expect(done()).toEqual([1, 3])
    expect((await held()).map(({ code, event }) => [code, event.data.n])).toEqual([
      ['CAP_REACHED', 4],
      ['CAP_REACHED', 2],
    ])
    await flow.stop()
  })

  it('count over all records by the day, exactly also when many come at once (P7)', async () => {
    const { bench, flow, send, done, held } = capped({ perDay: 20 })
    await send(...Array.from({ length: 25 }, (_, n): [string, number] => [`r${n}`, n]))
    expect(done()).toHaveLength(20)
    expect(await held()).toHaveLength(5)
    await bench.clock.advance(DAY)
    await send(['x', 99])
    expect(done().at(-1)).toBe(99)
    await flow.stop()
  })

  it('hold as many as come, and the flow goes on: what is held for a person is no failure', async () => {
    const { bench, flow, send, done, held } = capped({ perRecord: 1 })
    await send(...Array.from({ length: 41 }, (_, n): [string, number] => ['a', n]))
    expect(await held()).toHaveLength(40)
    await send(['b', 99])
    expect(done()).toEqual([0, 99])
    await flow.stop()
    const paged = new FlowBench()
    paged.system.pages = [Array.from({ length: 41 }, (_, n) => ({ id: `p${n}` }))]
    const step = paged.effect('blind', { caps: { perRecord: 1 }, args: ({ person }) => person as { id: string } })
    const each = paged.start(paged.flow([paged.each([step])]))
    await paged.log.append(TOPIC, [bench.event('a')])
    await paged.clock.advance(1000)
    expect([await paged.lag(), (await paged.deadLetters.list('leads')).length]).toEqual([0, 40])
    await each.stop()
  })

  it('take a redrive for the approval, and do not count it', async () => {
    const { bench, flow, send, done, held } = capped({ perDay: 1 })
    await send(['a', 1], ['b', 2])
    await bench.deadLetters.redrive((await held())[0]!)
    await bench.clock.advance(1000)
    expect(done()).toEqual([1, 2])
    const [count] = await bench.state.get(['{flow/leads}:cap-day:blind:2026-11-24'])
    expect(count?.value).toBe(1)
    await flow.stop()
  })

  it('count an effect once, however often it was tried, and not at all when it surely was not done', async () => {
    const { bench, flow, send, done, held } = capped({ perRecord: 1 })
    let refusals = 2
    bench.system.before = ({ args }) => {
      if (args.n === 0) throw new SyncError('rejected', 'HTTP_422', 'refused')
      if (refusals-- > 0) throw new SyncError('retryable', 'HTTP_503', 'busy')
    }
    await send(['a', 0])
    await send(['a', 1])
    await bench.clock.advance(20_000)
    expect(done()).toEqual([1])
    expect((await held()).map(({ code }) => code)).toEqual(['HTTP_422'])
    await send(['a', 2])
    expect(done()).toEqual([1])
    await flow.stop()
  })
})
