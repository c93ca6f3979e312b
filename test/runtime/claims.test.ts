import { describe, expect, it } from 'vitest'
import { Claims } from '../../src/runtime/claims.ts'
import { localCoordinator } from '../../src/state/local-coordinator.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const signal = new AbortController().signal

function instances() {
  const clock = new VirtualClock()
  const coordinator = localCoordinator({ clock })
  const instance = (owner: string) => new Claims({ coordinator, clock, random: () => 0.5, owner, shared: true })
  return { clock, one: instance('one'), two: instance('two') }
}

describe('claims across instances (P3)', () => {
  it('give a name to one at a time', async () => {
    const { clock, one, two } = instances()
    const held = (await one.tryHold(['person/ada']))!
    expect(await two.tryHold(['person/ada'])).toBeUndefined()
    let free = false
    const waiting = two.whenFree(['person/ada'], signal).then(() => {
      free = true
    })
    await clock.advance(60_000)
    expect([free, held.lost]).toEqual([false, false])
    await held.release()
    await clock.advance(1000)
    await waiting
    expect(free).toBe(true)
  })

  it('never let a waiter take the name from a holder of its own process', async () => {
    const { clock, one, two } = instances()
    const first = (await one.tryHold(['person/ada']))!
    expect(await two.tryHold(['person/ada'])).toBeUndefined()
    const waiting = two.whenFree(['person/ada'], signal)
    await first.release()
    const second = (await two.tryHold(['person/ada']))!
    await clock.advance(30_000)
    expect(second.lost).toBe(false)
    expect(await one.tryHold(['person/ada'])).toBeUndefined()
    await second.release()
    await clock.advance(1000)
    await waiting
  })

  it('of an instance that was killed are free again within seconds', async () => {
    const clock = new VirtualClock()
    const coordinator = localCoordinator({ clock })
    // Nobody renews for a dead process: its timers went with it.
    const dead = new Claims({ coordinator, clock: new VirtualClock(), random: () => 0.5, owner: 'dead', shared: true })
    const alive = new Claims({ coordinator, clock, random: () => 0.5, owner: 'alive', shared: true })
    await dead.tryHold(['person/ada'])
    expect(await alive.tryHold(['person/ada'])).toBeUndefined()
    await clock.advance(16_000)
    expect(await alive.tryHold(['person/ada'])).toBeDefined()
  })

  it('hold all names or none', async () => {
    const { one, two } = instances()
    const held = (await one.tryHold(['b']))!
    expect(await two.tryHold(['a', 'b', 'c'])).toBeUndefined()
    const rest = await one.tryHold(['a', 'c'])
    expect(rest).toBeDefined()
    await held.release()
  })
})
