import { describe, expect, it } from 'vitest'
import type { ChangeEvent } from '../../src/event.ts'
import { FlowBench, TOPIC } from '../support/flow-bench.ts'

const BATCH = 60

function bench(patience: { patienceMs?: number } = {}) {
  const it = new FlowBench()
  const step = it.effect('safe', {
    system: it.running({ batch: BATCH, ...patience }),
    spec: { effect: 'safe', batch: { deliver: BATCH, plan: 200 } },
  })
  return { it, flow: it.start(it.flow([step])) }
}

function calls({ system }: FlowBench): number {
  return system.planCalls.length + system.deliverCalls.length
}

function events(it: FlowBench, count: number): ChangeEvent[] {
  return Array.from({ length: count }, (_, n) => it.event(`r${n}`, { id: `r${n}`, n }))
}

describe('calls to a system that takes batches (P8)', () => {
  it('sends a lone event at once', async () => {
    const { it, flow } = bench()
    await it.log.append(TOPIC, events(it, 1))
    await it.clock.advance(50)
    expect(it.system.effects).toHaveLength(1)
    await flow.stop()
  })

  it('needs at most 24 calls for 1,000 updates that wait at once', async () => {
    const { it, flow } = bench()
    await it.log.append(TOPIC, events(it, 1000))
    await it.clock.advance(30_000)
    expect(it.system.effects).toHaveLength(1000)
    expect(calls(it)).toBeLessThanOrEqual(24)
    await flow.stop()
  })

  it('needs at most 44 calls for 1,000 updates spread over a minute', async () => {
    const { it, flow } = bench()
    for (const event of events(it, 1000)) {
      await it.log.append(TOPIC, [event])
      await it.clock.advance(60)
    }
    await it.clock.advance(10_000)
    expect(it.system.effects).toHaveLength(1000)
    expect(calls(it)).toBeLessThanOrEqual(44)
    await flow.stop()
  })

  it('waits for company as long as its system has patience, once the calls that leave at once are spent', async () => {
    const { it, flow } = bench({ patienceMs: 500 })
    for (const event of events(it, 4)) {
      await it.log.append(TOPIC, [event])
      await it.clock.advance(50)
    }
    expect(it.system.effects).toHaveLength(3)
    // For the plan, then for the delivery.
    await it.clock.advance(1100)
    expect(it.system.effects).toHaveLength(4)
    await flow.stop()
  })

  it('never has two items with one claim in a call, and plans the second after the first was delivered (P3)', async () => {
    const { it, flow } = bench()
    it.system.claimsOf = item => [`thing/email/${item.args.email}`]
    const order: string[] = []
    it.system.before = item => {
      order.push(`${item.args.n}`)
    }
    const same = [0, 1, 2].map(n => it.event(`r${n}`, { n, email: 'ada@example.com' }))
    await it.log.append(TOPIC, same)
    await it.clock.advance(60_000)
    expect(order).toEqual(['0', '1', '2'])
    expect(it.system.deliverCalls).toEqual([1, 1, 1])
    await flow.stop()
  })
})
