import type { Environment } from '@marcbachmann/cel-js'
import { described } from './described.ts'

const DECIMAL = /^([+-]?)(\d+)(?:\.(\d*))?(?:e([+-]?\d{1,3}))?$/i

/** Twenty's currency value from a decimal number, written as text or as JSON. */
export function registerMoney(env: Environment): void {
  const doc = described(
    "Twenty's currency value, `{amountMicros, currencyCode}`, from a plain decimal; never by way of a float.",
  )
  for (const amount of ['string', 'double', 'int']) env.registerFunction(`money(${amount}, string): map`, money, doc)
}

function money(amount: string | number | bigint, currencyCode: string): { amountMicros: number; currencyCode: string } {
  if (!/^[A-Z]{3}$/.test(currencyCode)) throw new Error('money() takes a currency of three capital letters: EUR')
  return { amountMicros: microsOf(String(amount).trim()), currencyCode }
}

/**
 * Millionths, digit by digit: `19.99` times a million in binary arithmetic may miss by one. A JSON number goes by its
 * shortest decimal text, which is how its sender wrote it.
 */
function microsOf(text: string): number {
  const [, sign, whole, fraction = '', exponent = '0'] = DECIMAL.exec(text) ?? fail(text)
  const digits = whole! + fraction
  const shift = 6 - fraction.length + Number(exponent)
  const kept = shift >= 0 ? digits + '0'.repeat(Math.min(shift, 40)) : digits.slice(0, shift) || '0'
  const lost = shift >= 0 ? '' : digits.slice(shift)
  if (/[1-9]/.test(lost)) throw new Error(`money() keeps 6 decimals and "${text.slice(0, 40)}" has more`)
  const micros = Number(BigInt(kept) * (sign === '-' ? -1n : 1n))
  if (!Number.isSafeInteger(micros))
    throw new Error(`money() cannot keep "${text.slice(0, 40)}" exactly: it is too large`)
  return micros
}

function fail(text: string): never {
  throw new Error(`money() takes a plain decimal like 1234.50, not "${text.slice(0, 40)}"`)
}
