import { describe, expect, it } from 'vitest'
import { SyncError } from '../../src/errors.ts'
import type { ChangeEvent } from '../../src/event.ts'
import { compileExpression } from '../../src/expressions/compile.ts'
import { memoryLog } from '../../src/log/memory.ts'
import { type CollectSettings, collectSettings } from '../../src/runtime/collector.ts'
import { memoryState } from '../../src/state/memory.ts'
import type { StateStore } from '../../src/state/state-store.ts'
import { benchOn, ENGINES } from '../support/engines.ts'
import { FlowBench, TOPIC } from '../support/flow-bench.ts'
import { HandedLog } from '../support/handed-log.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { withMethod } from '../support/with-method.ts'

const MINUTE = 60_000
const EVERY: CollectSettings = collectSettings({ everyMs: 15 * MINUTE, max: 500 })
const done = ({ system }: FlowBench) => system.effects.map(({ args }) => args.n)
const collecting = (bench: FlowBench, collect = EVERY) =>
  bench.start(bench.flow([{ ...bench.effect('keyed'), system: bench.running({ batch: 60 }) }], { collect }))

async function leftBehind(state: StateStore): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of state.scan('{flow/leads}:collected:')) keys.push(key)
  return keys
}

describe.each(ENGINES)('a flow that collects, on the %s engine', engine => {
  it('makes one batch of 50 of a thousand edits of 50 records: of each the latest, once, when the window ends', async () => {
    const bench = await benchOn(engine)
    const flow = collecting(bench)
    for (let page = 0; page < 10; page++) {
      const edits = Array.from({ length: 100 }, (_, at) => bench.event(`r${at % 50}`, { n: 100 * page + at }))
      await bench.log.append(TOPIC, edits)
      await bench.clock.advance(MINUTE)
    }
    expect(done(bench)).toEqual([])
    expect(await bench.lag()).toBe(0)
    expect(flow.runner.waiting).toMatchObject({ records: 50 })
    await bench.clock.advance(6 * MINUTE)
    expect(bench.system.deliverCalls).toEqual([50])
    expect(done(bench)).toEqual(Array.from({ length: 50 }, (_, at) => 950 + at))
    expect(flow.runner.counters.done).toBe(50)
    expect(Object.fromEntries(flow.runner.counters.skips)).toEqual({ 'collected: a later event came': 950 })
    expect(await leftBehind(bench.state)).toEqual([])
    await flow.stop()
  })

  it('keeps what waits, and the time of its window, over a restart; what was taken in is known when it comes again (P2, P3)', async () => {
    const bench = await benchOn(engine)
    const before = collecting(bench)
    const events = [1, 2, 3].map(n => bench.event('a', { n }))
    await bench.log.append(TOPIC, [...events, bench.event('b', { n: 4 })])
    await bench.clock.advance(10 * MINUTE)
    await before.stop()
    // As after a crash that came before the offsets were committed.
    await bench.log.resetGroup(TOPIC, 'test.flow.leads', { 0: 0 })
    const after = collecting(bench)
    await bench.clock.advance(4 * MINUTE)
    expect(done(bench)).toEqual([])
    await bench.clock.advance(2 * MINUTE)
    expect(done(bench)).toEqual([3, 4])
    await after.stop()
    await bench.log.resetGroup(TOPIC, 'test.flow.leads', { 0: 0 })
    const again = collecting(bench)
    await bench.clock.advance(30 * MINUTE)
    expect(done(bench)).toEqual([3, 4])
    expect(await bench.lag()).toBe(0)
    await again.stop()
  })

  it('starts what waits when the config collects no more (P2)', async () => {
    const bench = await benchOn(engine)
    const before = collecting(bench)
    await bench.log.append(TOPIC, [bench.event('a', { n: 1 }), bench.event('a', { n: 2 })])
    await bench.clock.advance(MINUTE)
    await before.stop()
    const after = bench.start(bench.flow([bench.effect('keyed')]))
    await bench.log.append(TOPIC, [bench.event('a', { n: 3 })])
    await bench.clock.advance(MINUTE)
    expect(done(bench)).toEqual([2, 3])
    expect(await leftBehind(bench.state)).toEqual([])
    await after.stop()
  })
})

it('is one batch also where each record’s commits take a time of their own (P8)', async () => {
  const clock = new VirtualClock()
  const state = memoryState({ clock })
  let commits = 0
  const slow = withMethod(state, {
    commit: async writes => {
      await clock.sleep((++commits * 37) % 100)
      return state.commit(writes)
    },
  })
  const bench = new FlowBench({ log: memoryLog({ clock }), state: slow }, clock)
  const flow = collecting(bench)
  await bench.log.append(
    TOPIC,
    Array.from({ length: 100 }, (_, n) => bench.event(`r${n % 50}`, { n })),
  )
  await clock.advance(16 * MINUTE)
  expect(bench.system.deliverCalls).toEqual([50])
  await flow.stop()
})

describe('a window', () => {
  it('ends at once when as many records wait as it may hold', async () => {
    const bench = new FlowBench()
    const flow = collecting(bench, collectSettings({ everyMs: 15 * MINUTE, max: 3 }))
    await bench.log.append(
      TOPIC,
      ['a', 'a', 'b', 'b', 'c', 'c', 'd'].map((record, n) => bench.event(record, { n })),
    )
    await bench.clock.advance(MINUTE)
    expect(bench.system.deliverCalls).toEqual([3])
    expect(done(bench)).toEqual([1, 3, 5])
    await bench.clock.advance(15 * MINUTE)
    expect(done(bench)).toEqual([1, 3, 5, 6])
    await flow.stop()
  })

  it('ends when the clock of a time zone says so', async () => {
    const bench = new FlowBench()
    const flow = collecting(bench, collectSettings({ cron: '30 11 * * *', timeZone: 'Europe/Berlin', max: 500 }))
    await bench.log.append(TOPIC, [bench.event('a', { n: 1 })])
    await bench.clock.advance(29 * MINUTE)
    expect(done(bench)).toEqual([])
    await bench.clock.advance(2 * MINUTE)
    expect(done(bench)).toEqual([1])
    await flow.stop()
  })

  it('gathers what `by` gives, and by record where it gives nothing', async () => {
    const bench = new FlowBench()
    const flow = collecting(bench, { ...EVERY, by: compileExpression('data.company') })
    const of = (record: string, n: number, company?: string) => bench.event(record, { n, ...(company && { company }) })
    await bench.log.append(TOPIC, [of('a', 1, 'x'), of('b', 2, 'x'), of('c', 3), of('d', 4), of('c', 5)])
    await bench.clock.advance(20 * MINUTE)
    expect(done(bench).sort()).toEqual([2, 4, 5])
    await flow.stop()
  })

  it('keeps the newest by the source’s time, with all fields that changed', async () => {
    const bench = new FlowBench()
    const seen: ChangeEvent[] = []
    const look = {
      kind: 'processor' as const,
      id: 'look',
      verb: 'code',
      processor: {
        process: (_: unknown, { event }: { event: ChangeEvent }) => {
          seen.push(event)
          return {}
        },
      },
    }
    const flow = bench.start(bench.flow([look, bench.effect('keyed')], { collect: EVERY }))
    const at = (record: string, n: number, minute: number, changed?: string[]) =>
      bench.event(record, { n }, { time: `2026-11-24T09:0${minute}:00.000Z`, ...(changed && { changed }) })
    await bench.log.append(TOPIC, [
      at('a', 1, 1, ['email']),
      at('a', 2, 3, ['name']),
      at('a', 3, 2, ['phone']),
      at('b', 4, 1, ['email']),
      at('b', 5, 2),
    ])
    await bench.clock.advance(20 * MINUTE)
    expect(seen.map(({ data, changed }) => [data.n, changed])).toEqual([
      [2, ['email', 'name', 'phone']],
      [5, undefined],
    ])
    await flow.stop()
  })
})

describe('a record that is being worked on when its next window begins', () => {
  it('is worked on again after that, in order, and never by two at once (P4)', async () => {
    const bench = new FlowBench()
    const flow = collecting(bench)
    let running = 0
    bench.system.before = async () => {
      expect(++running).toBe(1)
      await bench.clock.sleep(20 * MINUTE)
      running--
    }
    await bench.log.append(TOPIC, [bench.event('a', { n: 1 })])
    await bench.clock.advance(16 * MINUTE)
    await bench.log.append(TOPIC, [bench.event('a', { n: 2 })])
    await bench.clock.advance(MINUTE)
    await bench.log.append(TOPIC, [bench.event('a', { n: 3 })])
    await bench.clock.advance(90 * MINUTE)
    expect(done(bench)).toEqual([1, 3])
    expect(await leftBehind(bench.state)).toEqual([])
    await flow.stop()
  })

  it('waits behind a parked event of its own, and the window is not held up (P4)', async () => {
    const bench = new FlowBench()
    const flow = collecting(bench)
    let away = true
    bench.system.before = ({ args }) => {
      if (away && args.n === 1) throw new SyncError('retryable', 'CONNECTION_FAILED', 'away')
    }
    await bench.log.append(TOPIC, [bench.event('a', { n: 1 }), bench.event('b', { n: 2 })])
    await bench.clock.advance(16 * MINUTE)
    expect(done(bench)).toEqual([2])
    expect(await leftBehind(bench.state)).toEqual([])
    expect(flow.runner.parked.size).toBe(1)
    await bench.log.append(TOPIC, [bench.event('a', { n: 3 })])
    await bench.clock.advance(16 * MINUTE)
    expect(flow.runner.parked.size).toBe(2)
    away = false
    await bench.clock.advance(60 * MINUTE)
    expect(done(bench)).toEqual([2, 1, 3])
    await flow.stop()
  })

  it('is a dead letter of its own when it is refused; sent back, it does not wait', async () => {
    const bench = new FlowBench()
    const flow = collecting(bench)
    let refused = true
    bench.system.before = () => {
      if (refused) throw new SyncError('rejected', 'HTTP_422', 'no')
    }
    await bench.log.append(TOPIC, [bench.event('a', { n: 1 })])
    await bench.clock.advance(16 * MINUTE)
    const [found] = await bench.deadLetters.list('leads')
    expect(await leftBehind(bench.state)).toEqual([])
    refused = false
    await bench.deadLetters.redrive(found!.letter)
    await bench.clock.advance(1000)
    expect(done(bench)).toEqual([1])
    await flow.stop()
  })
})

describe('the echo of a write of the flow’s own', () => {
  it('does not take the place of a genuine edit that waits (P6)', async () => {
    const bench = new FlowBench()
    const write = { ...bench.effect('safe'), system: bench.running({ echoes: true }) }
    const flow = bench.start(bench.flow([write], { collect: EVERY, echoSystems: new Map([[TOPIC, 'fake']]) }))
    const record = (n: number, over = {}) =>
      bench.event('a', { id: 'a', n }, { type: 'thing.updated', subject: 'thing/a', ...over })
    let version = ''
    bench.system.after = (_, made) => {
      version = made
    }
    await bench.log.append(TOPIC, [record(1)])
    await bench.clock.advance(16 * MINUTE)
    expect(done(bench)).toEqual([1])
    await bench.log.append(TOPIC, [record(2, { changed: ['n'] }), record(1, { time: version, changed: ['n'] })])
    await bench.clock.advance(16 * MINUTE)
    expect(done(bench)).toEqual([1, 2])
    expect(Object.fromEntries(flow.runner.counters.skips)).toEqual({ 'own write': 1 })
    await flow.stop()
  })
})

describe('a partition that changes hands', () => {
  it('goes on with what was started, and lets wait what was not (P2, P3)', async () => {
    const clock = new VirtualClock()
    const state = memoryState({ clock })
    const handed = async () => {
      const log = new HandedLog(clock)
      const bench = new FlowBench({ log: log.log, state }, clock)
      const flow = collecting(bench)
      await clock.advance(0)
      await log.assign(TOPIC)
      return { log, bench, flow }
    }
    const one = await handed()
    one.bench.system.before = () => clock.sleep(10 * MINUTE)
    const first = one.log.logged(TOPIC, one.bench.event('a', { n: 1 }))
    await one.log.give(first)
    await clock.advance(16 * MINUTE)
    const second = one.log.logged(TOPIC, one.bench.event('a', { n: 2 }))
    await one.log.give(second)
    // It is lost in the middle of a call, and its drain takes too long.
    const revoked = one.log.revoke(TOPIC)
    await clock.advance(6000)
    await revoked
    const two = await handed()
    await clock.advance(1000)
    // Its outcome is not known: the same key again.
    expect(two.bench.system.effects.map(({ args }) => args.n)).toEqual([1])
    await two.log.give(second)
    await clock.advance(16 * MINUTE)
    expect(two.bench.system.effects.map(({ args }) => args.n)).toEqual([1, 2])
    expect(await leftBehind(state)).toEqual([])
    await two.flow.stop()
    await one.flow.stop()
  })
})

describe('an event that comes again', () => {
  it('does not run when a later one ran in its place, although that one is no longer among what waits (P3, P4)', async () => {
    const clock = new VirtualClock()
    const log = new HandedLog(clock)
    const bench = new FlowBench({ log: log.log, state: memoryState({ clock }) }, clock)
    const flow = collecting(bench)
    await clock.advance(0)
    await log.assign(TOPIC)
    const [first, second] = [1, 2].map(n => log.logged(TOPIC, bench.event('a', { n })))
    await log.give(first!, second!)
    await clock.advance(16 * MINUTE)
    expect(done(bench)).toEqual([2])
    await log.revoke(TOPIC)
    await log.assign(TOPIC)
    await log.give(first!)
    await clock.advance(16 * MINUTE)
    expect(done(bench)).toEqual([2])
    // A topic that was made anew counts from the beginning; what is in it is new.
    await log.give({ ...first!, appendedAt: clock.now(), event: bench.event('a', { n: 3 }) })
    await clock.advance(16 * MINUTE)
    expect(done(bench)).toEqual([2, 3])
    await flow.stop()
  })
})

describe('a commit whose answer is lost', () => {
  for (const which of ['collected:', 'collected-to:'])
    it(`of ${which} loses nothing and does nothing twice (P2, P3)`, async () => {
      const clock = new VirtualClock()
      const inner = memoryState({ clock })
      let left = 0
      const state: StateStore = {
        get: keys => inner.get(keys),
        scan: prefix => inner.scan(prefix),
        close: () => inner.close(),
        async commit(writes) {
          const versions = await inner.commit(writes)
          const hit = writes.some(({ key }) => key.includes(`:${which}`)) && left-- > 0
          if (hit) throw new SyncError('retryable', 'STATE_UNAVAILABLE', 'no answer from the state')
          return versions
        },
      }
      const bench = new FlowBench({ log: memoryLog({ clock }), state }, clock)
      const flow = collecting(bench)
      // Once while they are taken in, once while they start, once while they go.
      left = 1
      await bench.log.append(
        TOPIC,
        ['a', 'b', 'a'].map((record, n) => bench.event(record, { n })),
      )
      await clock.advance(10 * MINUTE)
      expect(left).toBeLessThan(1)
      left = 2
      await clock.advance(30 * MINUTE)
      expect(left).toBeLessThan(1)
      expect(done(bench)).toEqual([1, 2])
      expect(await leftBehind(inner)).toEqual([])
      await flow.stop()
    })
})
