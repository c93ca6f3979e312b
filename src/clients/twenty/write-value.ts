import { SyncError } from '../../errors.ts'
import { nearest } from '../../nearest.ts'
import { COMPOSITES, NON_TEXT_SUB_FIELDS, UNIQUE_SUB_FIELDS } from './composites.ts'
import { isFields } from './metadata.ts'
import { asComposite, normalise, normaliseSub } from './normalise.ts'
import type { TwentyField, TwentyObject } from './schema.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i

/** Twenty takes ids of version 1 to 5 only. */
export function isTwentyId(value: unknown): value is string {
  return typeof value === 'string' && UUID.test(value)
}

/**
 * What to send for a field. A composite goes whole, completed from the row: the server may null what is left out.
 * @param current the row's value, undefined for a new row.
 * @throws SyncError rejected `INVALID_VALUE` that names the field and says what would be right.
 */
export function writeValue(
  object: TwentyObject,
  column: string,
  field: TwentyField,
  given: unknown,
  current: unknown,
): unknown {
  const where = `${object.name}.${column}`
  const subs = COMPOSITES[field.type]
  if (subs) return writeComposite(where, field, subs, given, current)
  const value = normalise(field, given)
  check(where, field, value)
  // Older servers have texts that may not be null.
  if (value === null && field.type === 'TEXT' && !field.unique) return ''
  return value
}

function writeComposite(
  where: string,
  field: TwentyField,
  subs: readonly string[],
  given: unknown,
  current: unknown,
): unknown {
  const value = given === null || given === '' ? {} : asComposite(field, given)
  if (!isFields(value)) {
    throw invalid(where, `is ${describe(given)}; it takes a map with ${subs.join(', ')}`)
  }
  const unknown = Object.keys(value).find(sub => !subs.includes(sub) && sub !== 'context')
  if (unknown !== undefined) throw invalid(where, `has no part "${unknown}"${hint(unknown, subs)}`)
  const cleared = Object.keys(value).length === 0
  const whole = { ...(cleared ? {} : completion(field, subs, value, current)), ...value }
  const wire: Record<string, unknown> = {}
  for (const sub of subs) {
    if (!cleared && !(sub in whole)) continue
    wire[sub] = normaliseSub(sub, whole[sub], field) ?? emptyOf(sub)
  }
  return wire
}

/** Parts that the row has and the new value leaves out. */
function completion(
  field: TwentyField,
  subs: readonly string[],
  value: Readonly<Record<string, unknown>>,
  current: unknown,
): Record<string, unknown> {
  // The server derives one form of a text from the other: an old one beside a new one would contradict it.
  if (field.type === 'RICH_TEXT' || !isFields(current)) return {}
  const kept = Object.fromEntries(subs.filter(sub => sub in current).map(sub => [sub, current[sub]]))
  if (field.type === 'PHONES' && String(value.primaryPhoneNumber ?? '').startsWith('+')) {
    // A number with its country code brings these along.
    delete kept.primaryPhoneCountryCode
    delete kept.primaryPhoneCallingCode
  }
  return kept
}

function emptyOf(sub: string): '' | null {
  return UNIQUE_SUB_FIELDS.has(sub) || NON_TEXT_SUB_FIELDS.has(sub) ? null : ''
}

function check(where: string, field: TwentyField, value: unknown): void {
  if (value === null) return
  if (field.joinColumn || field.type === 'UUID') {
    if (!isTwentyId(value)) throw invalid(where, `is ${describe(value)}; it takes the id of a record`)
    return
  }
  const options = field.options
  if (options && (field.type === 'SELECT' || field.type === 'RATING')) checkOption(where, options, value)
  if (options && field.type === 'MULTI_SELECT') {
    if (!Array.isArray(value)) throw invalid(where, `is ${describe(value)}; it takes a list of options`)
    for (const one of value) checkOption(where, options, one)
  }
  if (field.type === 'DATE_TIME' && (typeof value !== 'string' || Number.isNaN(Date.parse(value)))) {
    throw invalid(where, `is ${describe(value)}; it takes a time such as 2026-11-24T10:00:00Z`)
  }
  if (field.type === 'DATE' && !/^\d{4}-\d{2}-\d{2}$/.test(String(value))) {
    throw invalid(where, `is ${describe(value)}; it takes a date such as 2026-11-24`)
  }
  if (field.type === 'BOOLEAN' && typeof value !== 'boolean')
    throw invalid(where, `is ${describe(value)}; it takes true or false`)
  if (field.type === 'NUMBER' && typeof value !== 'number')
    throw invalid(where, `is ${describe(value)}; it takes a number`)
}

function checkOption(where: string, options: readonly string[], value: unknown): void {
  if (options.includes(String(value))) return
  throw invalid(where, `has no option ${describe(value)}${hint(String(value), options)} (${options.join(', ')})`, true)
}

function hint(name: string, candidates: readonly string[]): string {
  const similar = nearest(name, candidates)
  return similar ? `; did you mean "${similar}"?` : ''
}

function describe(value: unknown): string {
  return typeof value === 'string'
    ? `"${value.slice(0, 60)}"`
    : value === null
      ? 'null'
      : JSON.stringify(value)?.slice(0, 60)
}

/** `stale`: may pass once the cached field list is refreshed. */
function invalid(where: string, problem: string, stale = false): SyncError {
  return new SyncError('rejected', 'INVALID_VALUE', `Twenty's ${where} ${problem}`, { details: { stale } })
}
