import { expect, it } from 'vitest'
import { patienceOf } from '../../../src/clients/twenty/config.ts'

it.each<[number | undefined, number]>([
  [undefined, 4000],
  [10, 4000],
  [180, 2000],
  [100_000, 200],
])('at %s calls a minute a write waits %i ms at most for others to share its call (P8)', (perMinute, ms) => {
  const limits = perMinute === undefined ? {} : { limits: { perMinute } }
  expect(patienceOf({ url: 'http://127.0.0.1', apiKey: 'key', ...limits })).toBe(ms)
})
