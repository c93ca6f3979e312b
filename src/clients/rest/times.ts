/** Milliseconds since 1970 of a time as an API writes it; undefined for anything else. */
export function instantOf(value: unknown): number | undefined {
  if (typeof value === 'number') return inRange(Math.abs(value) < 1e11 ? value * 1000 : value)
  if (typeof value !== 'string' || value.trim() === '') return undefined
  const text = value.trim()
  if (/^\d{9,15}(\.\d+)?$/.test(text)) return instantOf(Number(text))
  // Without a zone, as databases print it: UTC, and not the zone of the machine that reads it.
  const zoneless = /^(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?)$/.exec(text)
  return inRange(Date.parse(zoneless ? `${zoneless[1]}T${zoneless[2]!.replace(',', '.')}Z` : text))
}

function inRange(ms: number): number | undefined {
  return Number.isFinite(ms) && Math.abs(ms) < 8.64e15 ? Math.trunc(ms) : undefined
}

export function isoOf(ms: number): string {
  return new Date(ms).toISOString()
}

/** A time as a query parameter wants it. */
export function formatted(ms: number, format: 'iso' | 'seconds' | 'milliseconds' = 'iso'): string {
  if (format === 'iso') return isoOf(ms)
  return String(format === 'seconds' ? Math.floor(ms / 1000) : ms)
}
