import { expect, it } from 'vitest'
import { CircuitBreaker } from '../../src/clients/circuit-breaker.ts'
import { ClockOffset } from '../../src/clients/clock-offset.ts'
import { SyncError } from '../../src/errors.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const down = () => Promise.reject(new SyncError('retryable', 'CONNECTION_FAILED', 'down'))
const refused = () => Promise.reject(new SyncError('rejected', 'TWENTY_REFUSED', 'no'))
const aborted = () => Promise.reject(new SyncError('retryable', 'ABORTED', 'stop'))

function bench() {
  const clock = new VirtualClock()
  const breaker = new CircuitBreaker({ name: 'crm', clock, threshold: 3, probeAfterMs: [1000, 5000] })
  const fails = async (call: () => Promise<unknown> = down) =>
    breaker.run(call).catch(error => (error as SyncError).code)
  return { clock, breaker, fails }
}

it('opens after failures in a row, and then asks nothing', async () => {
  const { breaker, fails } = bench()
  await fails()
  await fails()
  await breaker.run(async () => 'fine')
  for (let at = 0; at < 3; at++) expect(await fails()).toBe('CONNECTION_FAILED')
  expect(breaker.state).toBe('open')
  let asked = false
  await expect(
    breaker.run(async () => {
      asked = true
    }),
  ).rejects.toMatchObject({ kind: 'retryable', code: 'SYSTEM_UNAVAILABLE', retryAfterMs: 1000, outcomeUnknown: false })
  expect(asked).toBe(false)
})

it('lets one probe through per pause; it closes or lengthens', async () => {
  const { clock, breaker, fails } = bench()
  for (let at = 0; at < 3; at++) await fails()
  await clock.advance(1000)
  expect(breaker.state).toBe('half-open')
  let answer = () => {}
  const probe = breaker.run(() => new Promise<void>(resolve => (answer = resolve)))
  expect(await fails()).toBe('SYSTEM_UNAVAILABLE')
  answer()
  await probe
  expect(breaker.state).toBe('closed')
  for (let at = 0; at < 3; at++) await fails()
  await clock.advance(1000)
  expect(await fails()).toBe('CONNECTION_FAILED')
  await clock.advance(4999)
  expect(await fails()).toBe('SYSTEM_UNAVAILABLE')
  await clock.advance(1)
  expect(await fails()).toBe('CONNECTION_FAILED')
})

it('a refusal shows that the system lives; what we gave up on shows nothing', async () => {
  const { breaker, fails } = bench()
  for (let at = 0; at < 10; at++) await fails(refused)
  for (let at = 0; at < 10; at++) await fails(aborted)
  expect(breaker.state).toBe('closed')
  for (let at = 0; at < 3; at++) await fails()
  expect(breaker.state).toBe('open')
})

it("measures the other side's clock, the tightest answer counting", () => {
  const offset = new ClockOffset()
  expect(offset.best).toBeUndefined()
  offset.measure(
    'Tue, 24 Nov 2026 10:00:10 GMT',
    Date.parse('2026-11-24T10:00:00Z'),
    Date.parse('2026-11-24T10:00:08Z'),
  )
  offset.measure('not a date', 0, 0)
  offset.measure(
    'Tue, 24 Nov 2026 10:01:05 GMT',
    Date.parse('2026-11-24T10:01:00.4Z'),
    Date.parse('2026-11-24T10:01:00.6Z'),
  )
  expect(offset.best).toEqual({ offsetMs: 5000, errorMs: 600 })
})
