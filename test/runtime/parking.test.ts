import { describe, expect, it } from 'vitest'
import { SyncError } from '../../src/errors.ts'
import type { LoggedEvent } from '../../src/log/event-log.ts'
import { memoryLog } from '../../src/log/memory.ts'
import type { Step } from '../../src/runtime/step.ts'
import { memoryState } from '../../src/state/memory.ts'
import type { StateStore, Write } from '../../src/state/state-store.ts'
import { FlowBench, TOPIC } from '../support/flow-bench.ts'
import { HandedLog } from '../support/handed-log.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const REDRIVE = 'test.leads.redrive'
const away = () => new SyncError('retryable', 'CONNECTION_FAILED', 'the system is away')

/** A flow on a source and its redrive topic, whose partitions the test hands out. `bad` holds the events that fail. */
async function handed(state?: StateStore, clock = new VirtualClock()) {
  const log = new HandedLog(clock)
  const bench = new FlowBench({ log: log.log, state: state ?? memoryState({ clock }) }, clock)
  const bad = new Set<unknown>()
  bench.system.before = item => {
    if (bad.has(item.args.n)) throw away()
  }
  const flow = bench.start(bench.flow([bench.effect('safe')], { redriveTopic: REDRIVE }))
  await clock.advance(0)
  const event = (topic: string, n: string): LoggedEvent => log.logged(topic, bench.event('a', { n }))
  return { log, bench, bad, flow, clock, event, done: () => bench.system.effects.map(({ args }) => args.n) }
}

describe('a record parked through a source and its redrive topic', () => {
  it('goes on with the next owner’s event when the head’s partition leaves (P2)', async () => {
    const { log, bad, flow, clock, event, done } = await handed()
    await log.assign(TOPIC)
    await log.assign(REDRIVE)
    bad.add('s1')
    await log.give(event(TOPIC, 's1'))
    await clock.advance(40_000)
    await log.give(event(REDRIVE, 'r1'))
    await clock.advance(1000)
    expect(flow.runner.parked.size).toBe(2)
    const revoked = log.revoke(TOPIC)
    await clock.advance(1000)
    await revoked
    await clock.advance(1000)
    expect(done()).toEqual(['r1'])
    expect(flow.runner.parked.size).toBe(0)
    await flow.stop()
  })

  it('keeps the next try of an event when the partition of the one before it leaves (P2)', async () => {
    const { log, bad, flow, clock, event, done } = await handed()
    await log.assign(TOPIC)
    await log.assign(REDRIVE)
    bad.add('s1').add('r1')
    await log.give(event(TOPIC, 's1'))
    await clock.advance(40_000)
    await log.give(event(REDRIVE, 'r1'))
    bad.delete('s1')
    await clock.advance(2 * MINUTE)
    expect(done()).toEqual(['s1'])
    const revoked = log.revoke(TOPIC)
    await clock.advance(1000)
    await revoked
    bad.delete('r1')
    await clock.advance(10 * MINUTE)
    expect(done()).toEqual(['s1', 'r1'])
    await flow.stop()
  })

  it('comes back in the order in which it was parked, each event once, whichever partition is assigned first (P2, P4)', async () => {
    for (const order of [
      [TOPIC, REDRIVE],
      [REDRIVE, TOPIC],
    ]) {
      const clock = new VirtualClock()
      const state = memoryState({ clock })
      const before = await handed(state, clock)
      for (const topic of order) await before.log.assign(topic)
      for (const n of ['r0', 's1', 'r2', 's3']) before.bad.add(n)
      await before.log.give(before.event(REDRIVE, 'r0'))
      await clock.advance(40_000)
      for (const n of ['s1', 'r2', 's3']) {
        await before.log.give(before.event(n.startsWith('r') ? REDRIVE : TOPIC, n))
        await clock.advance(1000)
      }
      expect(before.flow.runner.parked.size).toBe(4)
      const stopped = before.flow.stop()
      await clock.advance(6000)
      await stopped
      const after = await handed(state, clock)
      for (const topic of order) await after.log.assign(topic)
      await clock.advance(10 * MINUTE)
      expect(after.done()).toEqual(['r0', 's1', 'r2', 's3'])
      expect(after.flow.runner.parked.size).toBe(0)
      await after.flow.stop()
    }
  })

  it('is not held up by an event whose list was still being written when its partition left (P2)', async () => {
    const clock = new VirtualClock()
    const inner = memoryState({ clock })
    let answer = () => {}
    const state: StateStore = {
      get: keys => inner.get(keys),
      scan: prefix => inner.scan(prefix),
      close: () => inner.close(),
      async commit(writes) {
        const versions = await inner.commit(writes)
        if (writes.some(({ key }) => key.includes(':parked:')))
          await new Promise<void>(resolve => {
            answer = resolve
          })
        return versions
      },
    }
    const { log, bad, flow, event, done } = await handed(state, clock)
    await log.assign(TOPIC)
    await log.assign(REDRIVE)
    bad.add('s1')
    await log.give(event(TOPIC, 's1'))
    await clock.advance(40_000)
    const revoked = log.revoke(TOPIC)
    await clock.advance(10_000)
    await revoked
    answer()
    await clock.advance(1000)
    await log.give(event(REDRIVE, 'r1'))
    await clock.advance(1000)
    expect(done()).toEqual(['r1'])
    await flow.stop()
  })

  for (const when of ['due', 'running'])
    it(`runs each event once when older ones come while the head is ${when} (P3, P4)`, async () => {
      const clock = new VirtualClock()
      const state = memoryState({ clock })
      const before = await handed(state, clock)
      await before.log.assign(TOPIC)
      await before.log.assign(REDRIVE)
      for (const n of ['s1', 's2', 'r3']) before.bad.add(n)
      await before.log.give(before.event(TOPIC, 's1'))
      await clock.advance(40_000)
      await before.log.give(before.event(TOPIC, 's2'))
      await clock.advance(10)
      await before.log.give(before.event(REDRIVE, 'r3'))
      await clock.advance(10)
      const stopped = before.flow.stop()
      await clock.advance(6000)
      await stopped
      const after = await handed(state, clock)
      let go = () => {}
      const gate = new Promise<void>(resolve => {
        go = resolve
      })
      if (when === 'running') after.bench.system.before = ({ args }) => (args.n === 'r3' ? gate : clock.sleep(1000))
      await after.log.assign(REDRIVE)
      // Its timer is due in this very moment.
      if (when === 'running') await clock.advance(10)
      await after.log.assign(TOPIC)
      await clock.advance(MINUTE)
      go()
      await clock.advance(MINUTE)
      expect(after.done()).toEqual(when === 'due' ? ['s1', 's2', 'r3'] : ['r3', 's1', 's2'])
      expect(after.flow.runner.counters.finished).toBe(3)
      await after.flow.stop()
    })
})

describe('a parked event that is delivered again', () => {
  it('keeps its tries and the time of the first one', async () => {
    const { log, bench, bad, flow, clock, event } = await handed()
    await log.assign(TOPIC)
    bad.add('s1')
    const s1 = event(TOPIC, 's1')
    await log.give(s1)
    const firstAt = clock.now()
    await clock.advance(20 * HOUR)
    for (let rebalance = 0; rebalance < 2; rebalance++) {
      const revoked = log.revoke(TOPIC)
      await clock.advance(6000)
      await revoked
      await log.assign(TOPIC)
      await log.give(s1)
      await clock.advance(1000)
    }
    expect(flow.runner.parked.size).toBe(1)
    await clock.advance(13 * HOUR)
    const [found] = await bench.deadLetters.list('leads')
    expect(found?.letter.firstAt).toBe(new Date(firstAt).toISOString())
    expect(found?.letter.attempts).toBeGreaterThan(4)
    await flow.stop()
  })
})

describe('a commit of the parked list whose answer is lost', () => {
  type When = 'park' | 'join' | 'remove'
  const matches: Record<When, (write: Write) => boolean> = {
    park: write => (write.value as { attempt?: number } | undefined)?.attempt === 1,
    join: write => (write.value as { attempt?: number } | undefined)?.attempt === 0,
    remove: write => write.value === undefined,
  }

  for (const when of ['park', 'join', 'remove'] as const) {
    it(`at ${when}: each event once and in order, nothing left behind (P2, P3, P4)`, async () => {
      const clock = new VirtualClock()
      const inner = memoryState({ clock })
      let left = 2
      const state: StateStore = {
        get: keys => inner.get(keys),
        scan: prefix => inner.scan(prefix),
        close: () => inner.close(),
        async commit(writes) {
          const versions = await inner.commit(writes)
          const hit = writes.some(write => write.key.includes(':parked:') && matches[when](write))
          if (hit && left-- > 0) throw new SyncError('retryable', 'STATE_UNAVAILABLE', 'no answer from the state')
          return versions
        },
      }
      const bench = new FlowBench({ log: memoryLog({ clock }), state }, clock)
      let bad = true
      bench.system.before = () => {
        if (bad) throw away()
      }
      const flow = bench.start(bench.flow([bench.effect('keyed')]))
      await bench.log.append(
        TOPIC,
        [1, 2].map(n => bench.event('a', { n })),
      )
      await clock.advance(40_000)
      await bench.log.append(TOPIC, [bench.event('a', { n: 3 })])
      await clock.advance(5000)
      expect(flow.runner.parked.size).toBe(3)
      expect(await bench.lag()).toBe(0)
      bad = false
      await clock.advance(10 * MINUTE)
      expect(bench.system.effects.map(({ args }) => args.n)).toEqual([1, 2, 3])
      expect(left).toBeLessThan(0)
      expect(flow.runner.parked.size).toBe(0)
      for await (const { key } of inner.scan('{flow/leads}:parked:')) expect.fail(`${key} is left behind`)
      await flow.stop()
    })
  }
})

describe('the event’s own record, whose commit’s answer is lost while it is being parked', () => {
  it('is read again, and the event parked all the same: later ones of its record wait (P2, P4)', async () => {
    const clock = new VirtualClock()
    const inner = memoryState({ clock })
    let left = 1
    const state: StateStore = {
      get: keys => inner.get(keys),
      scan: prefix => inner.scan(prefix),
      close: () => inner.close(),
      async commit(writes) {
        const versions = await inner.commit(writes)
        if (writes.some(({ key }) => key.includes(':run:')) && left-- > 0)
          throw new SyncError('retryable', 'STATE_UNAVAILABLE', 'no answer from the state')
        return versions
      },
    }
    const bench = new FlowBench({ log: memoryLog({ clock }), state }, clock)
    let bad = true
    // What was read waits for the next commit, which is the one of the parking.
    const check: Step = {
      kind: 'processor',
      id: 'check',
      verb: 'code',
      processor: {
        process: () => {
          if (bad) throw away()
          return {}
        },
      },
    }
    const flow = bench.start(bench.flow([bench.effect('read'), check, bench.effect('keyed')]))
    await bench.log.append(
      TOPIC,
      [1, 2].map(n => bench.event('a', { n })),
    )
    await clock.advance(2 * MINUTE)
    expect(left).toBeLessThan(0)
    expect(flow.runner.parked.size).toBe(2)
    expect(await bench.lag()).toBe(0)
    bad = false
    await clock.advance(10 * MINUTE)
    expect(bench.system.effects.map(({ args }) => args.n)).toEqual([1, 2])
    expect(await bench.deadLetters.list('leads')).toEqual([])
    await flow.stop()
  })
})

describe('an effect whose partition left between its intent and its call', () => {
  it('is not taken for one whose outcome is unknown: the next owner does it, once (P2, P3)', async () => {
    const clock = new VirtualClock()
    const inner = memoryState({ clock })
    let gate: Promise<void> | undefined
    const state: StateStore = {
      get: keys => inner.get(keys),
      scan: prefix => inner.scan(prefix),
      close: () => inner.close(),
      async commit(writes) {
        const versions = await inner.commit(writes)
        if (writes.some(({ key }) => key.includes(':effect:'))) await gate
        return versions
      },
    }
    const log = new HandedLog(clock)
    const bench = new FlowBench({ log: log.log, state }, clock)
    const flow = bench.start(bench.flow([bench.effect('blind')], { redriveTopic: REDRIVE }))
    await clock.advance(0)
    await log.assign(TOPIC)
    const event = log.logged(TOPIC, bench.event('a', { n: 1 }))
    gate = clock.sleep(1000)
    await log.give(event)
    await clock.advance(500)
    const revoked = log.revoke(TOPIC)
    gate = undefined
    await clock.advance(1000)
    await revoked
    expect(bench.system.effects).toHaveLength(0)
    await log.assign(TOPIC)
    await log.give(event)
    await clock.advance(1000)
    expect(bench.system.effects).toHaveLength(1)
    expect(await bench.deadLetters.list('leads')).toEqual([])
    await flow.stop()
  })
})
