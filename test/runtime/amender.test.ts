import { describe, expect, it } from 'vitest'
import { SyncError } from '../../src/errors.ts'
import type { Amendment } from '../../src/sinks/sink.ts'
import { FlowBench, TOPIC } from '../support/flow-bench.ts'

const THINGS = 'test.fake.thing'

/** A flow whose write to `t1` did more than planned; what comes back of it says so. */
async function written(amendment: Amendment | undefined = { action: 'safe', args: { id: 't1', amended: true } }) {
  const bench = new FlowBench()
  bench.system.amendment = amendment
  let version = ''
  bench.system.after = (_, made) => {
    version ||= made
  }
  const flow = bench.start(
    bench.flow([bench.effect('keyed', { system: bench.running({ echoes: true }) })], {
      topics: new Map([
        [TOPIC, undefined],
        [THINGS, undefined],
      ]),
      echoSystems: new Map([[THINGS, 'fake']]),
    }),
  )
  await bench.log.append(TOPIC, [bench.event('a', { id: 't1', n: 7 })])
  await bench.clock.advance(1000)
  const echo = () =>
    bench.event(
      't1',
      { id: 't1', n: 7 },
      { time: version, type: 'thing.updated', subject: 'thing/t1', source: '/fake', changed: ['n'] },
    )
  const amended = () => bench.system.effects.filter(({ args }) => args.amended)
  return { bench, flow, echo, amended }
}

describe('a write that did more than planned, as its echo shows (P7)', () => {
  it('is put right by the flow that made it; its steps do not run', async () => {
    const { bench, flow, echo, amended } = await written()
    await bench.log.append(THINGS, [echo()])
    await bench.clock.advance(1000)
    expect(amended()).toHaveLength(1)
    expect(bench.system.effects).toHaveLength(2)
    expect(flow.runner.counters.skips.get('own write')).toBe(1)
    expect(await bench.log.lag(THINGS, 'test.flow.leads')).toBe(0)
    await flow.stop()
  })

  it('is left alone where the system says that it did what it should', async () => {
    const { bench, flow, echo } = await written(undefined)
    bench.system.amendment = undefined
    await bench.log.append(THINGS, [echo()])
    await bench.clock.advance(1000)
    expect(bench.system.effects).toHaveLength(1)
    await flow.stop()
  })

  it('is put right also when the system is away for an hour, and later events of the record wait (P4)', async () => {
    const { bench, flow, echo, amended } = await written()
    let away = true
    bench.system.before = item => {
      if (away && item.args.amended) throw new SyncError('retryable', 'CONNECTION_FAILED', 'away')
    }
    await bench.log.append(THINGS, [echo()])
    await bench.clock.advance(40_000)
    expect(flow.runner.parked.size).toBe(1)
    await bench.log.append(THINGS, [{ ...echo(), time: '2026-11-24T12:00:00.000Z', data: { id: 't1', n: 8 } }])
    await bench.clock.advance(3_600_000)
    expect(bench.system.effects).toHaveLength(1)
    away = false
    await bench.clock.advance(3 * 3_600_000)
    expect(amended()).toHaveLength(1)
    expect(bench.system.effects.at(-1)?.args).toEqual({ id: 't1', n: 8 })
    expect(flow.runner.parked.size).toBe(0)
    await flow.stop()
  })

  it('becomes a dead letter where it cannot be put right (P2)', async () => {
    const { bench, flow, echo } = await written()
    bench.system.before = () => {
      throw new SyncError('rejected', 'HTTP_422', 'not like this')
    }
    await bench.log.append(THINGS, [echo()])
    await bench.clock.advance(1000)
    expect((await bench.deadLetters.list('leads')).map(({ letter }) => letter.code)).toEqual(['HTTP_422'])
    expect(await bench.log.lag(THINGS, 'test.flow.leads')).toBe(0)
    await flow.stop()
  })
})
