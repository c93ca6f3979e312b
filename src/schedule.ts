import { Cron } from 'croner'

/** Times at which something is due, in milliseconds since 1970. */
export interface Schedule {
  /** Tells one schedule from another. */
  readonly text: string
  /**
   * The first one after `afterMs`; `Infinity`: there is none. `dueAt`: an earlier one, from which intervals are counted;
   * without it an interval is due at once.
   */
  next(afterMs: number, dueAt?: number): number
}

const MOST = 1000

/**
 * Five fields of cron, by the clock of a time zone. A time that the clock leaves out in spring is due when the clock goes
 * on, once; one that it shows twice in autumn is due the first time.
 * @throws Error for what is no pattern or no time zone.
 */
export function cronSchedule(pattern: string, timeZone = 'UTC'): Schedule {
  // Only asked for times: its own timers are never started.
  const cron = new Cron(pattern, { timezone: timeZone, mode: '5-part', paused: true })
  return {
    text: `${pattern} ${timeZone}`,
    next: afterMs => cron.nextRun(new Date(afterMs))?.getTime() ?? Number.POSITIVE_INFINITY,
  }
}

/** Every so often, counted from start to start. */
export function intervalSchedule(everyMs: number): Schedule {
  return {
    text: 'every',
    next(afterMs, dueAt) {
      if (dueAt === undefined) return afterMs
      return dueAt + everyMs * Math.max(1, Math.floor((afterMs - dueAt) / everyMs) + 1)
    },
  }
}

/** How many are due after the one and until the other, both in milliseconds; at most 1000. */
export function dueBetween(schedule: Schedule, afterMs: number, untilMs: number, dueAt: number): number {
  let count = 0
  for (let at = schedule.next(afterMs, dueAt); at <= untilMs && count < MOST; at = schedule.next(at, dueAt)) count++
  return count
}

/** What is wrong with a pattern or time zone, in words; undefined for a good one. */
export function cronFault(pattern: string, timeZone?: string): 'never' | { readonly message: string } | undefined {
  try {
    // A moment of no importance: whether it is ever due.
    return Number.isFinite(cronSchedule(pattern, timeZone).next(0)) ? undefined : 'never'
  } catch (thrown) {
    const text = thrown instanceof Error ? thrown.message : String(thrown)
    return { message: text.replace(/^Cron\w+: /, '') }
  }
}

export function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined
  } catch {
    return false
  }
}
