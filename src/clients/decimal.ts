/** Digits before and behind the point, beyond which a number is left as it was written. */
const LONGEST = 2000

/**
 * A decimal without needless zeros or exponent, rounded to `scale` digits as Postgres rounds: half away from zero.
 * undefined for what is no finite decimal number.
 */
export function canonicalDecimal(text: string, scale?: number): string | undefined {
  const [, sign, whole = '', fraction = '', power = '0'] =
    /^\s*([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,5}))?\s*$/.exec(text) ?? []
  if (sign === undefined || whole + fraction === '') return undefined
  const shifted = shift(whole, fraction, Number(power))
  if (!shifted) return undefined
  const [before, behind] = scale === undefined ? shifted : round(shifted[0], shifted[1], Math.max(0, scale))
  const digits = before.replace(/^0+(?=\d)/, '')
  const rest = behind.replace(/0+$/, '')
  const plain = rest === '' ? digits : `${digits}.${rest}`
  return sign === '-' && plain !== '0' ? `-${plain}` : plain
}

/** A JavaScript number where it is exactly this decimal when written, else the text: money is never made approximate. */
export function numberOrText(canonical: string): number | string {
  const number = Number(canonical)
  return canonicalDecimal(String(number)) === canonical ? number : canonical
}

function shift(whole: string, fraction: string, power: number): [string, string] | undefined {
  if (whole.length + fraction.length + Math.abs(power) > LONGEST) return undefined
  const digits = whole + fraction
  const point = whole.length + power
  if (point <= 0) return ['0', '0'.repeat(-point) + digits]
  return [digits.padEnd(point, '0').slice(0, point), digits.slice(point)]
}

function round(before: string, behind: string, scale: number): [string, string] {
  if (behind.length <= scale) return [before || '0', behind]
  const up = behind[scale]! >= '5' ? 1n : 0n
  const kept = (BigInt(before + behind.slice(0, scale) || '0') + up).toString().padStart(scale + 1, '0')
  return [kept.slice(0, kept.length - scale), kept.slice(kept.length - scale)]
}
