const UNITS: readonly [string, number][] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
]

/** `850 ms`, `12s`, `4m 10s`, `3h 20m`, `5d 2h`: two units, which is as exact as anybody reads it. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`
  const first = UNITS.findIndex(([, unitMs]) => ms >= unitMs)
  const [name, unitMs] = UNITS[first]!
  const whole = Math.floor(ms / unitMs)
  const next = UNITS[first + 1]
  const rest = next ? Math.floor((ms % unitMs) / next[1]) : 0
  return rest > 0 ? `${whole}${name} ${rest}${next![0]}` : `${whole}${name}`
}

/** `12s ago`, `in 4m`, `now`; one unit. */
export function relative(at: string | number, now: number): string {
  const ms = now - (typeof at === 'number' ? at : Date.parse(at))
  const unit = UNITS.find(([, unitMs]) => Math.abs(ms) >= unitMs)
  if (Number.isNaN(ms)) return String(at)
  if (!unit) return 'now'
  const text = `${Math.floor(Math.abs(ms) / unit[1])}${unit[0]}`
  return ms > 0 ? `${text} ago` : `in ${text}`
}
