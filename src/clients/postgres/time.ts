const SHAPE = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(?:\.(\d+))?\s*(Z|[+-]\d\d(?::?\d\d){0,2})?)?$/i

/**
 * RFC 3339 in UTC with milliseconds, of a time as ISO 8601 or Postgres writes it; without a zone it is UTC. Digits beyond
 * are cut off. undefined for anything else.
 * @param digits of a second that the column keeps: it rounds to them.
 */
export function instantText(text: string, digits = 6): string | undefined {
  const [, day, clock = '00:00:00', fraction = '', zone = 'Z'] = SHAPE.exec(text) ?? []
  if (day === undefined) return undefined
  const seconds = clock.length === 5 ? `${clock}:00` : clock
  const whole = Date.parse(`${day}T${seconds}Z`) - zoneMs(zone)
  if (Number.isNaN(whole)) return undefined
  const ms = Number(fraction.slice(0, 3).padEnd(3, '0'))
  const kept = digits >= 3 ? ms : Math.round(ms / 10 ** (3 - digits)) * 10 ** (3 - digits)
  const at = new Date(whole + kept)
  return at.getUTCFullYear() > 9999 ? undefined : at.toISOString()
}

/** Old local times differ from UTC by seconds, too. */
function zoneMs(zone: string): number {
  if (zone.toUpperCase() === 'Z') return 0
  const [hours = 0, minutes = 0, seconds = 0] = (zone.slice(1).match(/\d\d/g) ?? []).map(Number)
  return (zone.startsWith('-') ? -1000 : 1000) * (hours * 3600 + minutes * 60 + seconds)
}
