/**
 * RFC 3339 times in UTC with any number of fraction digits, compared to their last digit: some sides count microseconds.
 * @returns below, at or above zero, as `a` is older than, as old as or newer than `b`.
 */
export function compareVersions(a: string, b: string): number {
  const left = fixedWidth(a)
  const right = fixedWidth(b)
  return left < right ? -1 : left > right ? 1 : 0
}

function fixedWidth(version: string): string {
  const [whole = '', fraction = ''] = version.replace(/(?:Z|\+00:00)$/, '').split('.')
  return `${whole}.${fraction.padEnd(9, '0')}`
}

/** Milliseconds of a version by our clock. */
export function instantOf(version: string, clockOffsetMs: number): number {
  return Date.parse(version) - clockOffsetMs
}
