import { describe, expect, it } from 'vitest'
import { SyncError } from '../../src/errors.ts'
import type { Step } from '../../src/runtime/step.ts'
import { FlowBench, TOPIC } from '../support/flow-bench.ts'

const MINUTE = 60_000

function failing(times: number, error: () => SyncError): () => void {
  let left = times
  return () => {
    if (left-- > 0) throw error()
  }
}

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve!: () => void
  const promise = new Promise<void>(done => {
    resolve = done
  })
  return { promise, resolve }
}

const away = () => new SyncError('retryable', 'CONNECTION_FAILED', 'the system is away')
const refused = () => new SyncError('rejected', 'HTTP_422', 'not like this')
const lost = () => new SyncError('retryable', 'CONNECTION_LOST', 'no answer', { outcomeUnknown: true })

describe('a flow', () => {
  it('runs events of a record in order and other records beside them (P4)', async () => {
    const bench = new FlowBench()
    const gate = deferred()
    bench.system.before = item => (item.args.wait ? gate.promise : undefined)
    const flow = bench.start(bench.flow([bench.effect('safe')]))
    await bench.log.append(TOPIC, [
      bench.event('a', { n: 1, wait: true }),
      bench.event('a', { n: 2 }),
      bench.event('b', { n: 3 }),
    ])
    await bench.clock.advance(100)
    expect(bench.system.effects.map(({ args }) => args.n)).toEqual([3])
    gate.resolve()
    await bench.clock.advance(2000)
    expect(bench.system.effects.map(({ args }) => args.n)).toEqual([3, 1, 2])
    expect(await bench.lag()).toBe(0)
    await flow.stop()
  })

  it('does the effect of a redelivered event once (P3)', async () => {
    const bench = new FlowBench()
    const event = bench.event('a', { n: 1 })
    const flow = bench.start(bench.flow([bench.effect('safe')]))
    await bench.log.append(TOPIC, [event, event])
    await bench.clock.advance(1000)
    await bench.log.append(TOPIC, [event])
    await bench.clock.advance(1000)
    expect(bench.system.effects).toHaveLength(1)
    expect(flow.runner.counters.skips.get('redelivered')).toBe(2)
    await flow.stop()
  })

  it('retries what may pass later, in place', async () => {
    const bench = new FlowBench()
    bench.system.before = failing(3, away)
    const flow = bench.start(bench.flow([bench.effect('safe')]))
    await bench.log.append(TOPIC, [bench.event('a', { n: 1 })])
    await bench.clock.advance(10_000)
    expect(bench.system.effects).toHaveLength(1)
    expect(flow.runner.counters.retried).toBe(3)
    await flow.stop()
  })

  it('parks a record that keeps failing, with its later events behind it, and goes on in order (P4)', async () => {
    const bench = new FlowBench()
    let healthy = false
    bench.system.before = item => {
      if (!healthy && item.args.record === 'a') throw away()
    }
    const flow = bench.start(bench.flow([bench.effect('safe')]))
    await bench.log.append(TOPIC, [bench.event('a', { record: 'a', n: 1 }), bench.event('b', { record: 'b', n: 2 })])
    await bench.clock.advance(40_000)
    await bench.log.append(TOPIC, [bench.event('a', { record: 'a', n: 3 })])
    await bench.clock.advance(5000)
    expect(flow.runner.parked.size).toBe(2)
    // Parked events count as finished for the offset: nobody else waits for them.
    expect(await bench.lag()).toBe(0)
    healthy = true
    await bench.clock.advance(2 * MINUTE)
    expect(bench.system.effects.map(({ args }) => args.n)).toEqual([2, 1, 3])
    expect(flow.runner.parked.size).toBe(0)
    await flow.stop()
  })

  it('keeps parked events over a restart, and their order', async () => {
    const bench = new FlowBench()
    bench.system.before = () => {
      throw away()
    }
    const first = bench.start(bench.flow([bench.effect('safe')]))
    await bench.log.append(TOPIC, [bench.event('a', { n: 1 })])
    await bench.clock.advance(40_000)
    await bench.log.append(TOPIC, [bench.event('a', { n: 2 })])
    await bench.clock.advance(1000)
    await first.stop()
    bench.system.before = () => {}
    const second = bench.start(bench.flow([bench.effect('safe')]))
    await bench.log.append(TOPIC, [bench.event('a', { n: 3 })])
    await bench.clock.advance(2 * MINUTE)
    expect(bench.system.effects.map(({ args }) => args.n)).toEqual([1, 2, 3])
    await second.stop()
  })

  it('dead-letters a parked event after a day, and lets the next one go on', async () => {
    const bench = new FlowBench()
    bench.system.before = item => {
      if (item.args.n === 1) throw away()
    }
    const flow = bench.start(bench.flow([bench.effect('safe')]))
    await bench.log.append(TOPIC, [bench.event('a', { n: 1 }), bench.event('a', { n: 2 })])
    await bench.clock.advance(40 * 60 * MINUTE)
    const letters = await bench.deadLetters.list('leads')
    expect(letters.map(({ letter }) => [letter.code, letter.event.data.n])).toEqual([['CONNECTION_FAILED', 1]])
    expect(bench.system.effects.map(({ args }) => args.n)).toEqual([2])
    await flow.stop()
  })

  it('dead-letters at once what will never pass, with step, code and both bodies, without secrets (P2, P9)', async () => {
    const bench = new FlowBench()
    bench.system.before = () => {
      throw new SyncError('rejected', 'HTTP_422', 'token canary-secret-value refused')
    }
    const transform: Step = {
      kind: 'processor',
      id: 'shape',
      verb: 'transform',
      processor: { process: () => ({ names: { email: 'ada@example.com' } }) },
    }
    const flow = bench.start(bench.flow([transform, bench.effect('safe')]))
    await bench.log.append(TOPIC, [bench.event('a', { n: 1, note: 'canary-secret-value' })])
    await bench.clock.advance(1000)
    const [found] = await bench.deadLetters.list('leads')
    expect(found?.letter).toMatchObject({
      step: 'safe',
      code: 'HTTP_422',
      message: 'token [redacted] refused',
      attempts: 1,
      event: { data: { n: 1, note: '[redacted]' } },
      names: { email: 'ada@example.com' },
    })
    expect(await bench.lag()).toBe(0)
    await flow.stop()
  })

  it('redrives a dead letter from where it failed, with the original event (P3)', async () => {
    const bench = new FlowBench()
    bench.system.before = item => {
      if (item.action === 'keyed' && bench.clock.now() < Date.parse('2026-11-24T11:00:00Z')) throw refused()
    }
    const steps = [bench.effect('lookup'), bench.effect('keyed')]
    const flow = bench.start(bench.flow(steps))
    await bench.log.append(TOPIC, [bench.event('a', { n: 1, note: 'canary-secret-value' })])
    await bench.clock.advance(1000)
    await bench.clock.advance(2 * 60 * MINUTE)
    const [found] = await bench.deadLetters.list('leads')
    await bench.deadLetters.redrive(found!.letter)
    await bench.clock.advance(1000)
    expect(bench.system.effects.map(({ key, args }) => [key.split('/')[1], args.note])).toEqual([
      ['lookup', 'canary-secret-value'],
      ['keyed', 'canary-secret-value'],
    ])
    expect((await bench.deadLetters.list('leads'))[0]?.resolution).toBe('redriven')
    await flow.stop()
  })

  it('reads again what a redriven event saw, and does again nothing that it did (P3)', async () => {
    const bench = new FlowBench()
    const amounts = ['missing', 'there']
    const seen: unknown[] = []
    const read = bench.effect('read', { as: 'deal', args: () => ({ id: amounts.shift() }) })
    const check: Step = {
      kind: 'processor',
      id: 'check',
      verb: 'validate',
      processor: {
        process: ({ deal }) => {
          seen.push(deal)
          if (seen.length === 1) throw refused()
          return {}
        },
      },
    }
    const flow = bench.start(bench.flow([bench.effect('lookup'), read, check, bench.effect('keyed')]))
    await bench.log.append(TOPIC, [bench.event('a', { n: 1 })])
    await bench.clock.advance(1000)
    const [found] = await bench.deadLetters.list('leads')
    await bench.deadLetters.redrive(found!.letter)
    await bench.clock.advance(1000)
    expect(seen).toEqual([{ found: 'missing' }, { found: 'there' }])
    expect(bench.system.effects.map(({ key }) => key.split('/')[1])).toEqual(['lookup', 'keyed'])
    await flow.stop()
  })

  it('stops on a fatal error and commits nothing of it', async () => {
    const bench = new FlowBench()
    bench.system.before = () => {
      throw new SyncError('fatal', 'HTTP_401', 'key expired')
    }
    const flow = bench.start(bench.flow([bench.effect('safe')]))
    await bench.log.append(TOPIC, [bench.event('a', { n: 1 })])
    await bench.clock.advance(1000)
    expect(await flow.ended).toMatchObject({ code: 'HTTP_401' })
    expect(await bench.lag()).toBe(1)
    bench.system.before = () => {}
    const again = bench.start(bench.flow([bench.effect('safe')]))
    await bench.clock.advance(1000)
    expect(bench.system.effects).toHaveLength(1)
    await again.stop()
  })

  it('stops when too many of the last events died, instead of emptying the topic into dead letters', async () => {
    const bench = new FlowBench()
    bench.system.before = () => {
      throw refused()
    }
    const flow = bench.start(bench.flow([bench.effect('safe')], { concurrency: 1 }))
    await bench.log.append(
      TOPIC,
      Array.from({ length: 200 }, (_, n) => bench.event(`r${n}`, { n })),
    )
    await bench.clock.advance(1000)
    expect(await flow.ended).toMatchObject({ code: 'TOO_MANY_DEAD_LETTERS' })
    expect(await bench.deadLetters.list('leads')).toHaveLength(21)
    expect(await bench.lag()).toBe(200 - 21)
  })

  it('holds a blind effect whose outcome is not known, and repeats it only when told (P3)', async () => {
    const bench = new FlowBench()
    bench.system.after = failing(1, lost)
    const flow = bench.start(bench.flow([bench.effect('blind')]))
    await bench.log.append(TOPIC, [bench.event('a', { n: 1 })])
    await bench.clock.advance(60_000)
    expect(bench.system.effects).toHaveLength(1)
    const [found] = await bench.deadLetters.list('leads')
    expect(found?.letter.code).toBe('OUTCOME_UNKNOWN')
    await bench.deadLetters.redrive(found!.letter)
    await bench.clock.advance(1000)
    expect(bench.system.effects).toHaveLength(2)
    await flow.stop()
  })

  it('tells a keyed effect that an earlier try may have landed', async () => {
    const bench = new FlowBench()
    const unknown: boolean[] = []
    bench.system.before = item => {
      unknown.push(item.outcomeUnknown)
    }
    bench.system.after = failing(1, lost)
    const flow = bench.start(bench.flow([bench.effect('keyed')]))
    await bench.log.append(TOPIC, [bench.event('a', { n: 1 })])
    await bench.clock.advance(10_000)
    expect(unknown).toEqual([false, true])
    await flow.stop()
  })

  it('still tells it when a later try surely did nothing: the first one may have landed all the same (P3)', async () => {
    const bench = new FlowBench()
    const unknown: boolean[] = []
    bench.system.before = item => {
      unknown.push(item.outcomeUnknown)
      if (unknown.length === 2) throw away()
    }
    bench.system.after = failing(1, lost)
    const flow = bench.start(bench.flow([bench.effect('lookup')]))
    await bench.log.append(TOPIC, [bench.event('a', { n: 1 })])
    await bench.clock.advance(10_000)
    expect(unknown).toEqual([false, true, true])
    await flow.stop()
  })

  it('does an effect once for all events that share its key (P3)', async () => {
    const bench = new FlowBench()
    const key = {
      source: 'data.deal',
      names: ['data'],
      evaluate: (scope: Record<string, unknown>) => (scope.data as { deal: string }).deal,
    }
    const flow = bench.start(bench.flow([bench.effect('keyed', { key })]))
    await bench.log.append(TOPIC, [bench.event('a', { deal: 'd1', n: 1 }), bench.event('b', { deal: 'd1', n: 2 })])
    await bench.clock.advance(5000)
    await bench.log.append(TOPIC, [bench.event('a', { deal: 'd1', n: 3 })])
    await bench.clock.advance(5000)
    expect(bench.system.effects).toHaveLength(1)
    await flow.stop()
  })

  it('never lets a write of an older event overwrite one of a newer (P4)', async () => {
    const bench = new FlowBench()
    const flow = bench.start(bench.flow([bench.effect('safe')]))
    await bench.log.append(TOPIC, [bench.event('x', { id: 't1', n: 'new' }, { time: '2026-11-24T10:00:05.000Z' })])
    await bench.clock.advance(1000)
    await bench.log.append(TOPIC, [
      bench.event('y', { id: 't1', n: 'old' }, { time: '2026-11-24T10:00:01.000Z' }),
      bench.event('z', { id: 't1', n: 'same' }, { time: '2026-11-24T10:00:05.000Z' }),
    ])
    await bench.clock.advance(1000)
    expect(bench.system.effects.map(({ args }) => args.n)).toEqual(['new', 'same'])
    await flow.stop()
  })

  it('skips the event that its own write caused, even when that comes before the answer; other flows see it (P6)', async () => {
    const bench = new FlowBench()
    const echo = (time: string) =>
      bench.event(
        't1',
        { id: 't1', n: 7 },
        { time, type: 'thing.updated', subject: 'thing/t1', source: '/fake', changed: ['n'] },
      )
    const own = {
      topics: new Map([
        ['test.form.received', undefined],
        ['test.fake.thing', undefined],
      ]),
      echoSystems: new Map([['test.fake.thing', 'fake']]),
    }
    const seen: string[] = []
    const note: Step = {
      kind: 'processor',
      id: 'note',
      verb: 'note',
      processor: { process: (_, { event }) => (seen.push(event.type) ? {} : {}) },
    }
    // Inside the call: the flow meets the echo while the answer is still to come.
    bench.system.after = async (_, version) => {
      await bench.log.append('test.fake.thing', [echo(version)])
      await gate.promise
    }
    const gate = deferred()
    const flow = bench.start(bench.flow([bench.effect('safe', { system: bench.running({ echoes: true }) })], own))
    const other = bench.start(
      bench.flow([note], {
        ...own,
        name: 'other',
        identity: 'other',
        group: 'test.flow.other',
        redriveTopic: 'test.redrive.other',
      }),
    )
    await bench.log.append(TOPIC, [bench.event('a', { id: 't1', n: 7 })])
    await bench.clock.advance(1000)
    expect(flow.runner.counters.skips.get('own write')).toBe(1)
    gate.resolve()
    await bench.clock.advance(1000)
    expect(bench.system.effects).toHaveLength(1)
    expect(seen).toContain('thing.updated')
    await flow.stop()
    await other.stop()
  })

  it('ends a loop of flows that answer each other after eight hops (P6)', async () => {
    const bench = new FlowBench()
    let version = 0
    const ping = (flow: string) => {
      const system = bench.running({ echoes: true })
      return bench.flow([bench.effect('safe', { system, args: () => ({ id: 't1', n: ++version }) })], {
        name: flow,
        identity: flow,
        group: `test.flow.${flow}`,
        redriveTopic: `test.redrive.${flow}`,
        topics: new Map([['test.fake.thing', undefined]]),
        echoSystems: new Map([['test.fake.thing', 'fake']]),
      })
    }
    // The system answers each write with its event, as Twenty does.
    bench.system.after = (item, time) => {
      return bench.log.append('test.fake.thing', [
        bench.event(
          't1',
          { id: 't1', n: item.args.n },
          { time, type: 'thing.updated', subject: 'thing/t1', source: '/fake', changed: ['n'] },
        ),
      ])
    }
    const flows = [bench.start(ping('a')), bench.start(ping('b'))]
    await bench.log.append('test.fake.thing', [
      bench.event(
        't1',
        { id: 't1', n: 0 },
        { type: 'thing.updated', subject: 'thing/t1', source: '/fake', changed: ['n'] },
      ),
    ])
    await bench.clock.advance(60_000)
    const letters = [...(await bench.deadLetters.list('a')), ...(await bench.deadLetters.list('b'))]
    expect(letters.map(({ letter }) => letter.code)).toContain('LOOP')
    expect(bench.system.effects.length).toBeLessThan(25)
    for (const flow of flows) await flow.stop()
  })

  it('drains on stop: what was begun is finished, the rest comes again', async () => {
    const bench = new FlowBench()
    const gate = deferred()
    bench.system.before = item => (item.args.n === 1 ? gate.promise : undefined)
    const flow = bench.start(bench.flow([bench.effect('safe')], { concurrency: 1 }))
    await bench.log.append(TOPIC, [bench.event('a', { n: 1 }), bench.event('b', { n: 2 })])
    await bench.clock.advance(10)
    const stopped = flow.stop()
    await bench.clock.advance(10)
    gate.resolve()
    await bench.clock.advance(10)
    expect(await stopped).toBeUndefined()
    expect(bench.system.effects.map(({ args }) => args.n)).toEqual([1])
    expect(await bench.lag()).toBe(1)
  })

  it('drains at once where an event only waits for a read', async () => {
    const bench = new FlowBench()
    bench.system.plan = () => new Promise(() => {})
    const flow = bench.start(bench.flow([bench.effect('safe')]))
    await bench.log.append(TOPIC, [bench.event('a')])
    await bench.clock.advance(10)
    const before = bench.clock.now()
    expect(await flow.stop()).toBeUndefined()
    expect(bench.clock.now()).toBe(before)
    expect(await bench.lag()).toBe(1)
  })

  it('drains at once where an event only waits for a name that another one holds', async () => {
    const bench = new FlowBench()
    bench.system.claimsOf = () => ['thing/x']
    bench.system.before = ({ key }) => (key.startsWith('first/') ? new Promise(() => {}) : undefined)
    const system = bench.running()
    const flowOf = (name: string) =>
      bench.start(bench.flow([bench.effect('safe', { system })], { name, identity: name, group: `test.flow.${name}` }))
    flowOf('first')
    await bench.log.append(TOPIC, [bench.event('a')])
    await bench.clock.advance(10)
    const second = flowOf('second')
    await bench.clock.advance(10)
    const before = bench.clock.now()
    expect(await second.stop()).toBeUndefined()
    expect(bench.clock.now()).toBe(before)
    expect(bench.system.effects).toEqual([])
  })
})
