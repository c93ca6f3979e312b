import { describe, expect, it } from 'vitest'
import { localCoordinator } from '../../src/state/local-coordinator.ts'
import { describeCoordinator } from '../conformance/coordinator.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

describeCoordinator(
  'in process',
  async () => {
    const clock = new VirtualClock()
    return { coordinator: localCoordinator({ clock }), advance: ms => clock.advance(ms) }
  },
  { virtualTime: true },
)

describe('in process', () => {
  it('does not let an earlier lease of the same owner pass for the present one', async () => {
    const coordinator = localCoordinator({ clock: new VirtualClock() })
    const earlier = await coordinator.acquire('poll', 'one', 60_000)
    const present = await coordinator.acquire('poll', 'one', 60_000)
    expect(await earlier!.renew()).toBe(false)
    await earlier!.release()
    expect(await present!.renew()).toBe(true)
  })

  it('lets a cost above the limit through from a full bucket, and has it paid off', async () => {
    const clock = new VirtualClock()
    const coordinator = localCoordinator({ clock })
    const buckets = [{ limit: 10, windowMs: 1000 }]
    expect(await coordinator.take('system', 15, buckets)).toBe(0)
    expect(await coordinator.take('system', 1, buckets)).toBe(600)
  })
})
