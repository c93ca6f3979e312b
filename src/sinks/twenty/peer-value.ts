import { isFields } from '../../clients/twenty/metadata.ts'
import { asComposite, normalise, normaliseSub, wholeNumber } from '../../clients/twenty/normalise.ts'
import type { TwentyField, TwentyObject } from '../../clients/twenty/schema.ts'

/**
 * A value so that two are equal where Twenty keeps them as the same. Parts that it derives (the other form of a rich
 * text, country and calling code of a phone number) are left out, and it derives them again where the value is written.
 */
export function comparableAt(object: TwentyObject, path: string, value: unknown): unknown {
  const [name = '', sub, ...rest] = path.split('.')
  const field = object.columns.get(name) ?? object.fields.get(name)
  if (!field || rest.length > 0) return isBlank(value) ? null : value
  if (sub !== undefined) return sub === 'markdown' ? markdown(field, value) : normaliseSub(sub, value, field)
  if (field.type === 'RICH_TEXT') return markdown(field, value)
  if (field.type === 'PHONES') return phones(field, value)
  const kept = normalise(field, value)
  return field.type === 'MULTI_SELECT' && Array.isArray(kept) ? kept.map(String).sort() : kept
}

/** Line ends and blanks around say nothing; those within are the author's, and the other side gets them. */
function markdown(field: TwentyField, value: unknown): string | null {
  const whole = asComposite(field, value)
  const text = isFields(whole) ? whole.markdown : undefined
  return typeof text === 'string' ? text.replaceAll('\r\n', '\n').trim() || null : null
}

/** `+1 415 555 0123` is the number 4155550123 with calling code +1. */
function phones(field: TwentyField, value: unknown): unknown {
  const kept = normalise(field, asComposite(field, value))
  if (!isFields(kept)) return kept
  const { primaryPhoneNumber: number, primaryPhoneCallingCode: code, additionalPhones } = kept
  if (number === null) return additionalPhones === null ? null : { primaryPhoneNumber: null, additionalPhones }
  const isWhole = typeof code === 'string' || String(number).startsWith('+')
  return { primaryPhoneNumber: isWhole ? `+${wholeNumber(kept)}` : number, additionalPhones }
}

function isBlank(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true
  if (Array.isArray(value)) return value.length === 0
  return isFields(value) && Object.values(value).every(isBlank)
}
