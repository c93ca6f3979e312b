import { isFields } from '../../clients/twenty/metadata.ts'
import { asComposite, normalise, normaliseSub } from '../../clients/twenty/normalise.ts'
import type { FieldPath, TwentyField, TwentyObject } from '../../clients/twenty/schema.ts'

/** What a record is to have, by column of the row. */
export type Values = Map<string, { readonly field: TwentyField; readonly given: unknown }>

/** A value that a record must have at a path, as the server keeps it. */
export interface Key {
  readonly at: FieldPath
  readonly value: string
}

/** Keys that must all hold. */
export type KeySet = readonly Key[]

/**
 * Adds a value by its path: parts of one composite come together, whatever the order.
 * @throws SyncError rejected `UNKNOWN_FIELD`.
 */
export function addValue(values: Values, object: TwentyObject, name: string, value: unknown): void {
  if (!name.includes('.')) {
    const { column, field } = object.column(name)
    const earlier = values.get(column)?.given
    const whole = asComposite(field, field.joinColumn && isFields(value) ? value.id : value)
    values.set(column, { field, given: isFields(earlier) && isFields(whole) ? { ...whole, ...earlier } : whole })
    return
  }
  const { column, field, sub } = object.resolve(name)
  const earlier = values.get(column)?.given
  values.set(column, { field, given: { ...(isFields(earlier) ? earlier : {}), [sub!]: value } })
}

export function givenAt(values: Values, at: FieldPath): unknown {
  const value = values.get(at.column)?.given
  return at.sub && isFields(value) ? value[at.sub] : value
}

/** The value as the server keeps it, as text; '' for none. */
export function keyText(at: FieldPath, value: unknown): string {
  const kept = at.sub ? normaliseSub(at.sub, value, at.field) : normalise(at.field, value)
  return kept === null || typeof kept === 'object' ? '' : String(kept)
}

/** Values that no other record may have: what a duplicate error can be about. */
export function uniqueKeys(object: TwentyObject, values: Values): KeySet[] {
  return object.uniquePaths
    .map(at => ({ at, value: keyText(at, givenAt(values, at)) }))
    .filter(key => key.value !== '')
    .map(key => [key])
}
