import type { Environment } from '@marcbachmann/cel-js'
import { described } from './described.ts'

const TIMESTAMP = 'google.protobuf.Timestamp'
const DURATION = 'google.protobuf.Duration'

/** There is no `now()`: an expression gives the same for the same event, today and in a replay. */
export function registerTime(env: Environment): void {
  env.registerFunction(
    `date(string): ${TIMESTAMP}`,
    date,
    described('Midnight UTC of `2026-11-24`, or the instant of a longer ISO text.'),
  )
  env.registerFunction(
    `timestamp(double): ${TIMESTAMP}`,
    fromSeconds,
    described('Seconds since 1970, as JSON has them.'),
  )
  env.registerFunction(`string(${TIMESTAMP}): string`, (at: Date) => at.toISOString(), described('As ISO text in UTC.'))
  env.registerFunction(
    `string(${DURATION}): string`,
    (span: { valueOf(): number }) => `${Number(span) / 1000}s`,
    described('In seconds: `1800s`.'),
  )
  env.registerFunction(
    `formatDate(${TIMESTAMP}): string`,
    (at: Date) => at.toISOString().slice(0, 10),
    described('Its day in UTC: `2026-11-24`.'),
  )
  env.registerFunction(
    `formatDate(${TIMESTAMP}, string): string`,
    formatDate,
    described('Its day as the clocks of a time zone show it: `Europe/Vienna`.'),
  )
}

/** Midnight UTC of `2026-11-24`, or the instant of a longer ISO text. */
function date(text: string): Date {
  const at = /^\d{4}-\d{2}-\d{2}(?:$|T)/.test(text) ? new Date(text) : new Date(Number.NaN)
  if (Number.isNaN(at.getTime())) throw new Error('date() takes ISO text: 2026-11-24 or 2026-11-24T09:30:00Z')
  return at
}

function fromSeconds(seconds: number): Date {
  const at = new Date(seconds * 1000)
  if (Number.isNaN(at.getTime())) throw new Error('timestamp() takes seconds since 1970')
  return at
}

const formats = new Map<string, Intl.DateTimeFormat>()

/** The day as the clocks of a time zone show it: `Europe/Vienna`. */
function formatDate(at: Date, timeZone: string): string {
  let format = formats.get(timeZone)
  if (!format) {
    // sv-SE writes dates as ISO 8601 does. Names of zones are few: an unknown one throws and is not kept.
    format = new Intl.DateTimeFormat('sv-SE', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' })
    formats.set(timeZone, format)
  }
  return format.format(at)
}
