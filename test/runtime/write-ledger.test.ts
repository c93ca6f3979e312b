import { describe, expect, it } from 'vitest'
import { SyncError } from '../../src/errors.ts'
import type { ChangeEvent } from '../../src/event.ts'
import { FlowBench, TOPIC } from '../support/flow-bench.ts'

const THINGS = 'test.fake.thing'
const LINKS = 'test.fake.link'

/** A flow that writes what it is told to, and reads what comes back of it. */
function echoing() {
  const bench = new FlowBench()
  const system = bench.running({ echoes: true })
  const flow = bench.start(
    bench.flow([bench.effect('lookup', { system })], {
      topics: new Map([
        [TOPIC, undefined],
        [THINGS, undefined],
        [LINKS, undefined],
      ]),
      echoSystems: new Map([
        [THINGS, 'fake'],
        [LINKS, 'fake'],
      ]),
    }),
  )
  const ownWrites = () => flow.runner.counters.skips.get('own write') ?? 0
  const changed = (action: string, object: string, id: string, over: Partial<ChangeEvent>): ChangeEvent =>
    bench.event(id, { id, n: 7 }, { type: `${object}.${action}`, subject: `${object}/${id}`, source: '/fake', ...over })
  const append = async (topic: string, event: ChangeEvent) => {
    await bench.log.append(topic, [event])
    await bench.clock.advance(1000)
  }
  return { bench, flow, ownWrites, changed, append }
}

describe('what a flow’s own write caused (P6)', () => {
  it('is known where a create turned out to be an update of another record', async () => {
    const { bench, flow, ownWrites, changed, append } = echoing()
    const version = '2026-11-24T11:00:00.123Z'
    bench.system.answerOf = (item, delivery) =>
      item.args.id === 'planned'
        ? { status: 'delivered', operation: 'update', ref: { object: 'thing', id: 'there', version } }
        : delivery
    await append(TOPIC, bench.event('a', { id: 'planned', n: 7 }))
    await append(THINGS, changed('updated', 'thing', 'there', { time: version, changed: ['n'] }))
    expect(ownWrites()).toBe(1)
    // Somebody's edit a millisecond later is no echo.
    await append(THINGS, changed('updated', 'thing', 'there', { time: '2026-11-24T11:00:00.124Z', changed: ['n'] }))
    expect(ownWrites()).toBe(1)
    await flow.stop()
  })

  it('is known of records that are made along with the one, even before the answer', async () => {
    const { bench, flow, ownWrites, changed, append } = echoing()
    bench.system.alsoOf = item => (item.args.id === 'note' ? [{ object: 'link', id: 'l1' }] : undefined)
    bench.system.after = item => (item.args.id === 'note' ? bench.clock.sleep(5000) : undefined)
    await append(TOPIC, bench.event('a', { id: 'note', n: 7 }))
    await append(LINKS, changed('created', 'link', 'l1', {}))
    expect(ownWrites()).toBe(1)
    await append(LINKS, changed('created', 'link', 'l2', {}))
    expect(ownWrites()).toBe(1)
    await bench.clock.advance(10_000)
    await flow.stop()
  })

  it('is not what a person did: the write left the record as it was', async () => {
    const { bench, flow, ownWrites, changed, append } = echoing()
    const time = '2026-11-24T10:30:00.000Z'
    bench.system.answerOf = () => ({
      status: 'delivered',
      operation: 'none',
      ref: { object: 'thing', id: 't1', version: time },
    })
    await append(TOPIC, bench.event('a', { id: 't1', n: 7 }))
    await append(THINGS, changed('updated', 'thing', 't1', { time, changed: ['n'] }))
    expect(ownWrites()).toBe(0)
    await flow.stop()
  })

  it('is not what a person did: the write was refused or skipped', async () => {
    for (const outcome of ['refused', 'skipped']) {
      const { bench, flow, ownWrites, changed, append } = echoing()
      bench.system.answerOf = ({ key }, delivery) => {
        if (bench.system.effects[0]?.key !== key) return delivery
        if (outcome === 'skipped') return { status: 'skipped', reason: 'gone' }
        return { status: 'failed', error: new SyncError('rejected', 'HTTP_422', 'not like this') }
      }
      await append(TOPIC, bench.event('a', { id: 't1', n: 7 }))
      await append(THINGS, changed('updated', 'thing', 't1', { time: '2026-11-24T11:00:00.000Z', changed: ['n'] }))
      expect(ownWrites()).toBe(0)
      await flow.stop()
    }
  })

  it('may be what an earlier try did, whose answer was lost', async () => {
    const { bench, flow, ownWrites, changed, append } = echoing()
    let tries = 0
    bench.system.answerOf = (_, delivery) => {
      tries++
      if (tries === 1)
        return { status: 'failed', error: new SyncError('retryable', 'LOST', 'no answer', { outcomeUnknown: true }) }
      if (tries === 2) return { status: 'failed', error: new SyncError('rejected', 'HTTP_422', 'not like this') }
      return delivery
    }
    await append(TOPIC, bench.event('a', { id: 't1', n: 7 }))
    await bench.clock.advance(30_000)
    expect(tries).toBe(2)
    await append(THINGS, changed('updated', 'thing', 't1', { changed: ['n'] }))
    expect(ownWrites()).toBe(1)
    await flow.stop()
  })
})
