import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../src/environment/clock.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

describe.each([
  ['the machine', systemClock],
  ['tests', new VirtualClock()],
] as const)('the clock of %s', (_, clock) => {
  it('ends every sleep when the signal is aborted, through one listener', async () => {
    const abort = new AbortController()
    const sleeps = Array.from({ length: 20 }, () => clock.sleep(60_000, abort.signal))
    expect(getEventListeners(abort.signal, 'abort')).toHaveLength(1)
    abort.abort(new Error('enough'))
    const outcomes = await Promise.allSettled(sleeps)
    expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true)
  })

  it('leaves nothing on the signal once it slept', async () => {
    const { signal } = new AbortController()
    const slept = clock.sleep(1, signal)
    if (clock instanceof VirtualClock) await clock.advance(1)
    await slept
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })
})
