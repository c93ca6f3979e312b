import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cronFault, cronSchedule, dueBetween, intervalSchedule, isTimeZone } from '../src/schedule.ts'

/** The next few times after one, in UTC. */
function times(pattern: string, timeZone: string | undefined, after: string, count: number): string[] {
  const schedule = cronSchedule(pattern, timeZone)
  const found: string[] = []
  for (let at = Date.parse(after); found.length < count; ) {
    at = schedule.next(at)
    found.push(new Date(at).toISOString().slice(0, 16))
  }
  return found
}

describe('a cron schedule', () => {
  it('goes by UTC unless a time zone is named', () => {
    expect(times('0 6 * * 1-5', undefined, '2026-11-26T12:00:00Z', 3)).toEqual([
      '2026-11-27T06:00',
      '2026-11-30T06:00',
      '2026-12-01T06:00',
    ])
    expect(times('0 6 * * 1-5', 'America/New_York', '2026-11-26T12:00:00Z', 2)).toEqual([
      '2026-11-27T11:00',
      '2026-11-30T11:00',
    ])
  })

  it('keeps to the clock on the wall when summer time begins and ends', () => {
    expect(times('0 6 * * *', 'Europe/Berlin', '2027-03-26T12:00:00Z', 3)).toEqual([
      '2027-03-27T05:00',
      '2027-03-28T04:00',
      '2027-03-29T04:00',
    ])
    expect(times('0 6 * * *', 'Europe/Berlin', '2026-10-23T12:00:00Z', 3)).toEqual([
      '2026-10-24T04:00',
      '2026-10-25T05:00',
      '2026-10-26T05:00',
    ])
  })

  it('what falls into the hour that is left out in spring is due once, when the clock goes on', () => {
    expect(times('30 2 * * *', 'Europe/Berlin', '2027-03-27T00:00:00Z', 3)).toEqual([
      '2027-03-27T01:30',
      '2027-03-28T01:00',
      '2027-03-29T00:30',
    ])
    // A midnight that does not exist.
    expect(times('15 0 * * *', 'America/Sao_Paulo', '2018-11-03T12:00:00Z', 2)).toEqual([
      '2018-11-04T03:00',
      '2018-11-05T02:15',
    ])
  })

  it('what falls into the hour that comes twice in autumn is due once, and an interval in both', () => {
    expect(times('30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00:00Z', 2)).toEqual([
      '2026-10-25T00:30',
      '2026-10-26T01:30',
    ])
    expect(times('*/30 * * * *', 'Europe/Berlin', '2026-10-24T23:45:00Z', 6)).toEqual([
      '2026-10-25T00:00',
      '2026-10-25T00:30',
      '2026-10-25T01:00',
      '2026-10-25T01:30',
      '2026-10-25T02:00',
      '2026-10-25T02:30',
    ])
  })

  it('goes on over both changes of a year without a gap or a time twice', () => {
    const zones = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'America/Santiago', 'Asia/Kolkata']
    const patterns = ['30 2 * * *', '0 * * * *', '*/15 * * * *', '0 0 * * *', '45 1 * * 0']
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        fc.constantFrom(...patterns),
        fc.integer({ min: Date.parse('2026-01-01'), max: Date.parse('2027-12-31') }),
        (zone, pattern, after) => {
          const schedule = cronSchedule(pattern, zone)
          const next = schedule.next(after)
          expect(next).toBeGreaterThan(after)
          // Nothing is due in between, wherever one asks from.
          const between = after + Math.floor((next - after) / 2)
          expect(schedule.next(between)).toBe(next)
          expect(schedule.next(next - 1)).toBe(next)
          expect(next - after).toBeLessThanOrEqual(8 * 86_400_000)
        },
      ),
      { numRuns: 300 },
    )
  })
})

describe('an interval', () => {
  it('is due at once at first, then on the grid of the first', () => {
    const schedule = intervalSchedule(900_000)
    expect(schedule.next(1000)).toBe(1000)
    expect(schedule.next(1000, 1000)).toBe(901_000)
    expect(schedule.next(901_000, 1000)).toBe(1_801_000)
    expect(schedule.next(2_000_000, 1000)).toBe(2_701_000)
  })

  it('is always later, by at most its length, and on the grid', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1000, max: 1e9 }), fc.nat(1e12), fc.nat(1e12), (every, dueAt, more) => {
        const next = intervalSchedule(every).next(dueAt + more, dueAt)
        expect(next).toBeGreaterThan(dueAt + more)
        expect(next - dueAt - more).toBeLessThanOrEqual(every)
        expect((next - dueAt) % every).toBe(0)
      }),
    )
  })

  it('a clock that was set back makes nothing due twice', () => {
    expect(intervalSchedule(1000).next(500, 10_000)).toBe(11_000)
  })
})

describe('what was due', () => {
  it('is counted without its ends', () => {
    const daily = cronSchedule('0 6 * * *')
    const first = Date.parse('2026-11-24T06:00:00Z')
    expect(dueBetween(daily, first, Date.parse('2026-11-24T06:00:00Z'), first)).toBe(0)
    expect(dueBetween(daily, first, Date.parse('2026-11-27T06:00:00Z'), first)).toBe(3)
    expect(dueBetween(intervalSchedule(1000), 5000, 7999, 5000)).toBe(2)
    expect(dueBetween(intervalSchedule(1000), 0, 1e9, 0)).toBe(1000)
  })
})

describe('what is no schedule', () => {
  it('is told', () => {
    expect(cronFault('61 * * * *')).toMatchObject({ message: expect.stringContaining('minute') })
    expect(cronFault('0 0 31 2 *')).toBe('never')
    expect(cronFault('0 6 * * MON-FRI')).toBeUndefined()
    expect([isTimeZone('Europe/Berlin'), isTimeZone('Europe/Berln')]).toEqual([true, false])
  })
})
