import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { earlierBy, later, sinceValue } from '../../../src/connectors/http-poll/since.ts'

describe('the later of two marks', () => {
  it.each([
    ['2026-11-24T10:00:00Z', '2026-11-24T10:00:00.001Z', 'right'],
    // The same clock is written in two zones.
    ['2026-11-24T11:00:00+02:00', '2026-11-24T10:00:00Z', 'right'],
    ['2026-11-24T10:00:00.123456Z', '2026-11-24T10:00:00.123457Z', 'right'],
    ['2026-11-24 10:00:00', '2026-11-24T09:59:59Z', 'left'],
    ['2026-11-24', '2026-11-24T00:00:00Z', 'left'],
    ['9', '10', 'right'],
    ['18446744073709551615', '18446744073709551616', 'right'],
    [9, 10, 'right'],
    [9.5, '9.25', 'left'],
    ['abc', 'abd', 'right'],
  ] as const)('of %s and %s is the %s one', (left, right, which) => {
    expect(later(left, right)).toBe(which === 'left' ? left : right)
  })

  it('is the same one however the items come, and never an earlier one', () => {
    const moments = fc.array(
      fc.date({ min: new Date('2000-01-01'), max: new Date('2100-01-01'), noInvalidDate: true }),
      { minLength: 1 },
    )
    fc.assert(
      fc.property(moments, fc.nat(), (dates, seed) => {
        const marks = dates.map(date => date.toISOString())
        const turned = marks.map((_, at) => marks[(at + seed) % marks.length]!)
        const latest = (all: readonly string[]) => all.reduce<string | number | undefined>(later, undefined)
        expect(latest(turned)).toBe(latest(marks))
        expect(latest(marks)).toBe(new Date(Math.max(...dates.map(Number))).toISOString())
      }),
    )
  })
})

describe('a mark', () => {
  it('is a text or a number', () => {
    expect([true, null, {}, '', Number.NaN, 'x'.repeat(5000)].map(sinceValue)).toEqual(Array(6).fill(undefined))
    expect([0, 'm1', new Date(0)].map(sinceValue)).toEqual([0, 'm1', '1970-01-01T00:00:00.000Z'])
  })

  it('is moved back in the way it is written', () => {
    expect(earlierBy('2026-11-24T10:00:00+01:00', 60_000, 'x')).toBe('2026-11-24T08:59:00.000Z')
    expect(earlierBy(1_764_000_000, 60_000, 'x')).toBe(1_763_999_940)
    expect(earlierBy('1764000000000', 60_000, 'x')).toBe('1763999940000')
    expect(earlierBy('anything', 0, 'x')).toBe('anything')
    expect(() => earlierBy('m1', 1000, 'usage')).toThrow(
      expect.objectContaining({ kind: 'rejected', code: 'BAD_SINCE' }),
    )
  })
})
