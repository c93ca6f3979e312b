import { canonicalJson } from '../../identity.ts'
import { COMPOSITES } from './composites.ts'
import { bareDomain, tidyUrl } from './links-value.ts'
import { isFields } from './metadata.ts'
import type { TwentyField } from './schema.ts'

type Normaliser = (value: unknown, field: TwentyField) => unknown

/**
 * A value as the server keeps it, so that equal means equal: null, '' and an empty composite are null; composites have
 * all their known sub-fields; e-mails and hosts are in lower case; numbers are numbers where they fit.
 * Values that do not fit their type come back unchanged. Normalising twice gives the same as once.
 */
export function normalise(field: TwentyField, value: unknown): unknown {
  if (value === undefined || value === null || value === '') return null
  if (field.joinColumn) return lower(value, field)
  const subs = COMPOSITES[field.type]
  if (subs) return composite(field, subs, asComposite(field, value))
  return (BY_TYPE[field.type] ?? plain)(value, field)
}

/** Sub-field of a composite by its name alone: names are unique over all composites. */
export function normaliseSub(sub: string, value: unknown, field: TwentyField): unknown {
  if (value === undefined || value === null || value === '') return null
  return (BY_SUB[sub] ?? plain)(value, field)
}

/** True when the server would keep both as the same. */
export function sameValue(field: TwentyField, left: unknown, right: unknown): boolean {
  if (field.type === 'MULTI_SELECT') return sorted(normalise(field, left)) === sorted(normalise(field, right))
  if (field.type === 'RICH_TEXT') return markdownOf(field, left) === markdownOf(field, right)
  if (field.type === 'PHONES') return samePhones(field, left, right)
  return comparable(normalise(field, left)) === comparable(normalise(field, right))
}

/** Text alone stands for the main sub-field: `domainName: acme.com`. */
export function asComposite(field: TwentyField, value: unknown): unknown {
  if (typeof value !== 'string') return value
  const main = { EMAILS: 'primaryEmail', PHONES: 'primaryPhoneNumber', LINKS: 'primaryLinkUrl', RICH_TEXT: 'markdown' }
  return field.type in main ? { [main[field.type as keyof typeof main]]: value } : value
}

function composite(field: TwentyField, subs: readonly string[], value: unknown): unknown {
  if (!isFields(value)) return value
  const whole: Record<string, unknown> = {}
  let empty = true
  for (const sub of subs) {
    whole[sub] = normaliseSub(sub, value[sub], field)
    if (whole[sub] !== null) empty = false
  }
  return empty ? null : whole
}

const plain: Normaliser = value => (value instanceof Date ? instant(value, EMPTY) : value)
const lower: Normaliser = value => (typeof value === 'string' ? value.trim().toLowerCase() || null : value)
const upper: Normaliser = value => (typeof value === 'string' ? value.trim().toUpperCase() || null : value)
const list: Normaliser = value => (Array.isArray(value) && value.length === 0 ? null : value)

/** A whole number beyond what a double counts exactly stays text. */
const numeric: Normaliser = value => {
  if (typeof value === 'number') return Number.isFinite(value) ? value + 0 : null
  const text = typeof value === 'bigint' ? value.toString() : typeof value === 'string' ? value.trim() : ''
  if (!/^-?\d+(\.\d+)?$/.test(text)) return value
  const number = Number(text) + 0
  return Number.isSafeInteger(number) || (text.includes('.') && Number.isFinite(number)) ? number : text
}

const instant: Normaliser = value => {
  const ms = value instanceof Date ? value.getTime() : typeof value === 'string' ? Date.parse(value) : Number.NaN
  return Number.isNaN(ms) ? value : new Date(ms).toISOString()
}

const day: Normaliser = value => {
  if (typeof value === 'string' && /^\d{4}-\d{2}-\d{2}/.test(value)) return value.slice(0, 10)
  const whole = instant(value, EMPTY)
  return typeof whole === 'string' && whole !== value ? whole.slice(0, 10) : value
}

const truth: Normaliser = value => (value === 'true' ? true : value === 'false' ? false : value)

const url: Normaliser = (value, field) => {
  if (typeof value !== 'string') return value
  return (field.domain ? bareDomain(value) : tidyUrl(value)) || null
}

const emails: Normaliser = value => {
  if (!Array.isArray(value)) return value
  const known = value.map(email => lower(email, EMPTY)).filter(email => email !== null)
  return known.length === 0 ? null : known
}

const links: Normaliser = value => {
  if (!Array.isArray(value) || value.length === 0) return list(value, EMPTY)
  return value.map(link => {
    if (!isFields(link)) return link
    return { label: link.label === '' ? null : (link.label ?? null), url: url(link.url ?? null, EMPTY) }
  })
}

const phoneNumber: Normaliser = value =>
  typeof value === 'string' || typeof value === 'number' ? String(value).replaceAll(/[\s().-]/g, '') || null : value

const callingCode: Normaliser = value => {
  const digits = phoneNumber(value, EMPTY)
  return typeof digits === 'string' && /^\d+$/.test(digits) ? `+${digits}` : digits
}

const EMPTY: TwentyField = { name: '', type: '', unique: false }

const BY_TYPE: Readonly<Record<string, Normaliser>> = {
  NUMBER: numeric,
  NUMERIC: numeric,
  POSITION: numeric,
  BOOLEAN: truth,
  DATE_TIME: instant,
  DATE: day,
  UUID: lower,
  ARRAY: list,
  MULTI_SELECT: list,
}

const BY_SUB: Readonly<Record<string, Normaliser>> = {
  primaryEmail: lower,
  additionalEmails: emails,
  primaryLinkUrl: url,
  secondaryLinks: links,
  amountMicros: numeric,
  currencyCode: upper,
  addressLat: numeric,
  addressLng: numeric,
  primaryPhoneNumber: phoneNumber,
  primaryPhoneCountryCode: upper,
  primaryPhoneCallingCode: callingCode,
  additionalPhones: list,
}

function comparable(value: unknown): string {
  return canonicalJson(value)
}

/** The order of chosen options says nothing. */
function sorted(value: unknown): string {
  return comparable(Array.isArray(value) ? value.map(comparable).sort() : value)
}

/** The server derives the other form; blank lines and line ends differ after the round trip. */
function markdownOf(field: TwentyField, value: unknown): string {
  const whole = asComposite(field, value)
  const text = isFields(whole) ? whole.markdown : undefined
  return typeof text === 'string' ? text.replaceAll(/[ \t]*\r?\n\s*/g, '\n').trim() : ''
}

/** `+1 415 555 0123` equals number 4155550123 with calling code +1. */
function samePhones(field: TwentyField, left: unknown, right: unknown): boolean {
  const [one, two] = [normalise(field, left), normalise(field, right)]
  if (!isFields(one) || !isFields(two)) return comparable(one) === comparable(two)
  const extra = ['additionalPhones'].every(sub => comparable(one[sub]) === comparable(two[sub]))
  return extra && wholeNumber(one) === wholeNumber(two)
}

/** Digits with the country's calling code, where it is known. */
export function wholeNumber(phones: Readonly<Record<string, unknown>>): string {
  const { primaryPhoneNumber: number, primaryPhoneCallingCode: code } = phones
  if (typeof number !== 'string') return comparable(number)
  if (number.startsWith('+')) return number.slice(1)
  return typeof code === 'string' ? code.replace('+', '') + number : number
}
