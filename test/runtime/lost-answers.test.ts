import { describe, expect, it } from 'vitest'
import { SyncError } from '../../src/errors.ts'
import { compileExpression } from '../../src/expressions/compile.ts'
import { memoryLog } from '../../src/log/memory.ts'
import { Claims } from '../../src/runtime/claims.ts'
import { replay } from '../../src/runtime/replay.ts'
import { localCoordinator } from '../../src/state/local-coordinator.ts'
import { memoryState } from '../../src/state/memory.ts'
import type { StateStore, Write } from '../../src/state/state-store.ts'
import { FlowBench, TOPIC } from '../support/flow-bench.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const HOUR = 3_600_000
const refused = () => new SyncError('rejected', 'HTTP_422', 'not like this')
const stateAway = () => new SyncError('retryable', 'STATE_UNAVAILABLE', 'no answer from the state')

type Fault = 'lost' | 'failed' | undefined

/** A flow whose state fails the commits that `fault` names: `lost` ones are done and not answered. */
function benchWith(fault: (writes: readonly Write[]) => Fault): FlowBench {
  const clock = new VirtualClock()
  const inner = memoryState({ clock })
  const state: StateStore = {
    get: keys => inner.get(keys),
    scan: prefix => inner.scan(prefix),
    close: () => inner.close(),
    async commit(writes) {
      const kind = fault(writes)
      if (kind === 'failed') throw stateAway()
      const versions = await inner.commit(writes)
      if (kind === 'lost') throw stateAway()
      return versions
    },
  }
  return new FlowBench({ log: memoryLog({ clock }), state }, clock)
}

function once(matches: (write: Write) => boolean, kind: Fault): (writes: readonly Write[]) => Fault {
  let left = 1
  return writes => (writes.some(matches) && left-- > 0 ? kind : undefined)
}

const statusOf = (write: Write) => (write.value as { status?: string } | undefined)?.status

describe('a state that loses an answer', () => {
  it('of a dead letter’s commit: one event, one letter, and the record goes on (P2)', async () => {
    const bench = benchWith(once(write => statusOf(write) === 'dead', 'lost'))
    bench.system.before = item => {
      if (item.args.n === 1) throw refused()
    }
    const flow = bench.start(bench.flow([bench.effect('safe')]))
    await bench.log.append(TOPIC, [bench.event('a', { n: 1 }), bench.event('a', { n: 2 })])
    await bench.clock.advance(600_000)
    expect(await bench.deadLetters.list('leads')).toHaveLength(1)
    expect(bench.system.effects.map(({ args }) => args.n)).toEqual([2])
    expect(await bench.lag()).toBe(0)
    await flow.stop()
  })

  it('of the commit after a call: the effect is not left open for others with its key (P3)', async () => {
    const done = (write: Write) => write.key.includes(':effect:') && !(write.value as { open?: true } | undefined)?.open
    const bench = benchWith(once(done, 'failed'))
    const flow = bench.start(bench.flow([bench.effect('keyed', { key: compileExpression("'one key'") })]))
    await bench.log.append(TOPIC, [bench.event('a', { id: 'x' })])
    await bench.clock.advance(20_000)
    await bench.log.append(TOPIC, [bench.event('b', { id: 'x' })])
    await bench.clock.advance(26 * HOUR)
    expect(await bench.deadLetters.list('leads')).toEqual([])
    expect(bench.system.effects).toHaveLength(1)
    await flow.stop()
  })
})

describe('a coordinator that does not answer', () => {
  it('leaves no name taken for ever', async () => {
    const clock = new VirtualClock()
    const inner = localCoordinator({ clock })
    let away = true
    const coordinator = {
      ...inner,
      acquire: (...args: Parameters<typeof inner.acquire>) =>
        away ? Promise.reject(stateAway()) : inner.acquire(...args),
    }
    const claims = new Claims({ coordinator, clock, random: () => 0.5, owner: 'one', shared: true })
    await expect(claims.tryHold(['person/ada'])).rejects.toThrow(/no answer/)
    away = false
    expect(await claims.tryHold(['person/ada'])).toBeDefined()
  })

  it('makes a holder give up a name that it may no longer have (P3)', async () => {
    const clock = new VirtualClock()
    const inner = localCoordinator({ clock })
    const coordinator = {
      acquire: async (...args: Parameters<typeof inner.acquire>) => {
        const lease = await inner.acquire(...args)
        return (
          lease && {
            ...lease,
            name: lease.name,
            epoch: lease.epoch,
            renew: () => Promise.reject(stateAway()),
            release: () => lease.release(),
          }
        )
      },
    } as typeof inner
    const claims = new Claims({ coordinator, clock, random: () => 0.5, owner: 'one', shared: true })
    const held = (await claims.tryHold(['person/ada']))!
    expect(held.lost).toBe(false)
    await clock.advance(20_000)
    expect(held.lost).toBe(true)
  })
})

describe('what else a second look at an event may meet', () => {
  it('an echo that waited in a parked lane is still the flow’s own write (P6)', async () => {
    const bench = new FlowBench()
    let bad = true
    let version = ''
    bench.system.before = item => {
      if (item.args.second && bad) throw new SyncError('retryable', 'CONNECTION_FAILED', 'away')
    }
    bench.system.after = (item, written) => {
      if (!item.args.second) version = written
    }
    const system = bench.running({ echoes: true })
    const steps = [
      bench.effect('safe', { id: 'one', system }),
      bench.effect('keyed', { id: 'two', system, args: () => ({ second: true }) }),
    ]
    const topic = 'test.fake.thing'
    const flow = bench.start(
      bench.flow(steps, { topics: new Map([[topic, undefined]]), echoSystems: new Map([[topic, 'fake']]) }),
    )
    const changed = (time: string) =>
      bench.event(
        't1',
        { id: 't1', n: 1 },
        { time, type: 'thing.updated', subject: 'thing/t1', source: '/fake', changed: ['n'] },
      )
    await bench.log.append(topic, [changed('2026-11-24T09:00:00.000Z')])
    await bench.clock.advance(40_000)
    await bench.log.append(topic, [changed(version)])
    await bench.clock.advance(5000)
    expect(flow.runner.parked.size).toBe(2)
    bad = false
    await bench.clock.advance(300_000)
    expect(flow.runner.counters.skips.get('own write')).toBe(1)
    await flow.stop()
  })

  it('a blind effect that a replay did before the live flow is not done again (P3)', async () => {
    const bench = new FlowBench()
    const flow = bench.flow([bench.effect('blind')])
    await bench.log.append(TOPIC, [bench.event('a', { id: 'x' })])
    const { log, state, env, deadLetters, ledger, names } = bench
    const request = { from: 'earliest', perSecond: 0, effects: 'all' } as const
    const reports = (async () => {
      for await (const _ of replay(
        { flow, log, state, env, deadLetters, ledger, names },
        request,
        new AbortController().signal,
      ));
    })()
    await bench.clock.advance(5000)
    await reports
    const live = bench.start(flow)
    await bench.clock.advance(5000)
    expect(bench.system.effects).toHaveLength(1)
    await live.stop()
  })

  it('a newer write that was refused does not make an older one stale (P4)', async () => {
    const bench = new FlowBench()
    bench.system.before = item => {
      if (item.args.n === 'new') throw refused()
    }
    const flow = bench.start(bench.flow([bench.effect('safe')]))
    const at = (time: string, n: string) => bench.event(n, { id: 't1', n }, { time })
    await bench.log.append(TOPIC, [at('2026-11-24T10:00:05.000Z', 'new')])
    await bench.clock.advance(1000)
    await bench.log.append(TOPIC, [at('2026-11-24T10:00:01.000Z', 'old')])
    await bench.clock.advance(1000)
    expect(bench.system.effects.map(({ args }) => args.n)).toEqual(['old'])
    await flow.stop()
  })

  it('two items of one key in an `each` are refused (P3)', async () => {
    const bench = new FlowBench()
    const inner = bench.effect('blind', { args: scope => ({ item: scope.item }) })
    const each = {
      kind: 'each',
      id: 'each',
      verb: 'each',
      over: compileExpression('data.list'),
      item: 'item',
      key: compileExpression('item.sku'),
      concurrency: 2,
      onFailure: 'stop',
      steps: [inner],
    } as const
    const flow = bench.start(bench.flow([each]))
    await bench.log.append(TOPIC, [bench.event('a', { list: [{ sku: 'x' }, { sku: 'x' }] })])
    await bench.clock.advance(1000)
    expect((await bench.deadLetters.list('leads'))[0]?.letter.code).toBe('ITEM_KEY_TWICE')
    expect(bench.system.effects).toEqual([])
    await flow.stop()
  })
})
