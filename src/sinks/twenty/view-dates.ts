/** Days and spans of time as views name them, by the clock of a time zone. */

export interface Span {
  /** Milliseconds since 1970. */
  readonly from: number
  /** Not included. */
  readonly to: number
}

export interface Relative {
  readonly direction: 'PAST' | 'NEXT' | 'THIS'
  readonly amount: number
  readonly unit: string
  readonly timeZone: string
  /** 0 is Sunday. */
  readonly firstDay: number
}

const DAY_MS = 86_400_000
const UNIT_MS: Readonly<Record<string, number>> = { SECOND: 1000, MINUTE: 60_000, HOUR: 3_600_000 }
const DAYS = ['SUNDAY', 'MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY', 'SATURDAY']

/** `PAST_7_DAY`, `THIS_1_WEEK;;Europe/Paris;;MONDAY;;`; later servers separate by `_`. undefined: something else. */
export function relativeOf(text: string): Relative | undefined {
  const [, direction, amount, unit, rest = ''] =
    /^(PAST|NEXT|THIS)_(\d*|undefined)_(SECOND|MINUTE|HOUR|DAY|WEEK|MONTH|QUARTER|YEAR)(?:(?:;;|_)(.*))?$/.exec(text) ??
    []
  if (!direction || !unit) return undefined
  const parts = rest.split(/;;|_(?=\d{4}-|[A-Z]+DAY\b)/).filter(Boolean)
  const first = parts.map(part => DAYS.indexOf(part)).find(day => day >= 0)
  return {
    direction: direction as Relative['direction'],
    amount: Number(amount) || 1,
    unit,
    timeZone: parts.find(isTimeZone) ?? 'UTC',
    firstDay: first ?? 1,
  }
}

/** Rolling spans begin or end now; `THIS` is the calendar's day, week, month, quarter or year. */
export function spanOf(relative: Relative, now: number): Span {
  const { direction, amount, unit, timeZone } = relative
  if (direction === 'NEXT') return { from: now, to: moved(now, unit, amount) }
  if (direction === 'PAST') return { from: moved(now, unit, -amount), to: now }
  const size = UNIT_MS[unit]
  if (size !== undefined) return { from: now - (now % size), to: now - (now % size) + size }
  const first = firstOf(relative, Date.parse(dayAt(now, timeZone)))
  return { from: midnight(first, timeZone), to: midnight(moved(first, unit, 1), timeZone) }
}

/** The same in whole days, for fields without a time: first and last, the latter not included. */
export function daysOf(relative: Relative, now: number): { from: string; to: string } {
  const { direction, amount, unit, timeZone } = relative
  const today = Date.parse(dayAt(now, timeZone))
  const tomorrow = today + DAY_MS
  if (direction === 'NEXT') return { from: iso(tomorrow), to: iso(moved(tomorrow, unit, amount)) }
  if (direction === 'PAST') return { from: iso(moved(today, unit, -amount)), to: iso(today) }
  const first = firstOf(relative, today)
  return { from: iso(first), to: iso(moved(first, unit, 1)) }
}

/** From midnight to midnight. */
export function daySpan(day: string, timeZone: string): Span {
  const at = Date.parse(day)
  return { from: midnight(at, timeZone), to: midnight(at + DAY_MS, timeZone) }
}

/** `2026-11-24`, as the clocks of the zone show it. */
export function dayAt(ms: number, timeZone: string): string {
  return shown(ms, timeZone).slice(0, 10)
}

function firstOf({ unit, firstDay }: Relative, today: number): number {
  const date = new Date(today)
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()]
  if (unit === 'WEEK') return today - ((date.getUTCDay() - firstDay + 7) % 7) * DAY_MS
  if (unit === 'MONTH') return Date.UTC(year, month)
  if (unit === 'QUARTER') return Date.UTC(year, month - (month % 3))
  return unit === 'YEAR' ? Date.UTC(year, 0) : today
}

/** The 31st of a month plus one month is the last day of the next. */
function moved(ms: number, unit: string, amount: number): number {
  const size = UNIT_MS[unit] ?? (unit === 'DAY' ? DAY_MS : unit === 'WEEK' ? 7 * DAY_MS : undefined)
  if (size !== undefined) return ms + amount * size
  const months = amount * (unit === 'YEAR' ? 12 : unit === 'QUARTER' ? 3 : 1)
  const date = new Date(ms)
  const last = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + months + 1, 0)).getUTCDate()
  return date.setUTCMonth(date.getUTCMonth() + months, Math.min(date.getUTCDate(), last))
}

/** When the clocks of the zone show midnight of a day, which is given as midnight UTC. */
function midnight(day: number, timeZone: string): number {
  // A second time: the clocks may go otherwise there than they do at midnight UTC.
  const near = day - offsetAt(day, timeZone)
  return day - offsetAt(near, timeZone)
}

function offsetAt(ms: number, timeZone: string): number {
  return Date.parse(`${shown(ms, timeZone).replace(' ', 'T')}Z`) - (ms - (ms % 1000))
}

function shown(ms: number, timeZone: string): string {
  // sv-SE writes times as ISO 8601 does.
  return new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'medium' }).format(ms)
}

function iso(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined
  } catch {
    return false
  }
}
