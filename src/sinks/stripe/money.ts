import { canonicalDecimal } from '../../clients/decimal.ts'
import { SyncError } from '../../errors.ts'

/** Decimals of the currencies that do not have two, as Stripe counts them: https://docs.stripe.com/currencies */
const DECIMALS: Readonly<Record<string, number>> = {
  ...fill('bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf', 0),
  ...fill('bhd jod kwd omr tnd', 3),
}

/** Minor units that an amount must be a multiple of: no cents of ISK and UGX, no last digit of those with three. */
const STEPS: Readonly<Record<string, number>> = {
  ...fill('isk ugx', 100),
  ...fill('bhd jod kwd omr tnd', 10),
}

/** Lower case, as Stripe writes it. @throws SyncError rejected `BAD_INVOICE`. */
export function currencyOf(value: unknown): string {
  if (typeof value === 'string' && /^[A-Za-z]{3}$/.test(value)) return value.toLowerCase()
  const given =
    value === undefined || value === null || value === ''
      ? 'has no currency'
      : `has the currency ${JSON.stringify(value)}`
  throw bad(`the invoice ${given}; it takes three letters, like EUR`)
}

/**
 * What Stripe counts in: cents, or what the currency has in their place. By decimal digits alone, never by a float.
 * @param value a decimal as text or number, or Twenty's `{amountMicros, currencyCode}`.
 * @throws SyncError rejected `BAD_INVOICE`.
 */
export function minorUnits(value: unknown, currency: string, place: string): number {
  const text = decimalOf(value, currency, place)
  const decimals = DECIMALS[currency] ?? 2
  const [whole, fraction = ''] = text.split('.')
  if (fraction.length > decimals)
    throw bad(`${place} is ${text}, and ${currency.toUpperCase()} has ${decimals} decimals`)
  const minor = Number(whole! + fraction.padEnd(decimals, '0'))
  if (!Number.isSafeInteger(minor)) throw bad(`${place} is ${text}, which is too large`)
  const step = STEPS[currency] ?? 1
  if (minor % step !== 0)
    throw bad(`${place} is ${text}, and Stripe takes no such fraction of ${currency.toUpperCase()}`)
  return minor
}

/** The decimal of so many minor units, with all decimals of the currency. */
export function majorUnits(minor: number, currency: string): string {
  const decimals = DECIMALS[currency] ?? 2
  const digits = String(Math.abs(minor)).padStart(decimals + 1, '0')
  const sign = minor < 0 ? '-' : ''
  return decimals === 0 ? sign + digits : `${sign}${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`
}

/** Twenty's currency value; an amount that nobody filled in is one too. */
export function isTwentyMoney(value: unknown): value is { amountMicros?: unknown; currencyCode?: unknown } {
  return typeof value === 'object' && value !== null && 'amountMicros' in value
}

export function isMissing(value: unknown): boolean {
  if (isTwentyMoney(value)) return isMissing(value.amountMicros)
  return value === undefined || value === null || value === ''
}

function decimalOf(value: unknown, currency: string, place: string): string {
  if (!isTwentyMoney(value)) return plain(value, '', place)
  const own = value.currencyCode
  if (typeof own === 'string' && own !== '' && own.toLowerCase() !== currency)
    throw bad(`${place} is in ${own}, and the invoice in ${currency.toUpperCase()}`)
  return plain(value.amountMicros, 'e-6', place)
}

function plain(value: unknown, power: string, place: string): string {
  const isNumber = typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint'
  const text = isNumber
    ? canonicalDecimal(power === '' ? String(value) : `${canonicalDecimal(String(value))}${power}`)
    : undefined
  if (text === undefined)
    throw bad(`${place} is ${JSON.stringify(value)?.slice(0, 60)}; it takes a decimal like 1234.50`)
  return text
}

export function bad(message: string): SyncError {
  return new SyncError('rejected', 'BAD_INVOICE', message)
}

function fill(currencies: string, value: number): Record<string, number> {
  return Object.fromEntries(currencies.split(' ').map(currency => [currency, value]))
}
