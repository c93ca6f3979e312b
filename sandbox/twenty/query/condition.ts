import { badRequest } from '../errors.ts'
import { isUuid } from '../ids.ts'
import { own } from '../own.ts'
import { type SubFieldType, subFieldsOf } from '../schema/composites.ts'
import type { Field, ObjectMeta } from '../schema/types.ts'
import type { Operator } from './filter.ts'

/** How values of a condition are compared. */
export type ValueKind = 'text' | 'number' | 'boolean' | 'time' | 'uuid' | 'option' | 'list' | 'json'

export interface Condition {
  readonly kind: 'condition'
  readonly path: readonly string[]
  readonly operator: Operator
  readonly value: unknown
  readonly valueKind: ValueKind
  /** Values of a SELECT in their order, for gt to lte. */
  readonly ranks?: ReadonlyMap<string, number>
}

/**
 * A checked condition with its value in the form in which rows hold theirs.
 * @throws TwentyError 400 for an unknown field, a composite without sub-field, or a value of another type.
 */
export function condition(object: ObjectMeta, path: readonly string[], operator: Operator, value: unknown): Condition {
  const field = object.columns.get(path[0]!)
  if (!field) throw badRequest(`Field "${path[0]}" not found in object "${object.nameSingular}"`)
  const valueKind = kindOf(field, path)
  if (operator === 'is') {
    if (value !== 'NULL' && value !== 'NOT_NULL')
      throw badRequest(
        `'filter' invalid for '${path.join('.')}[is]:${String(value)}'. Allowed values are NULL, NOT_NULL`,
      )
    return { kind: 'condition', path, operator, value, valueKind }
  }
  const read = (each: unknown) => readValue(field, path, valueKind, operator, each)
  const wanted = Array.isArray(value) ? value.map(read) : operator === 'isEmptyArray' ? value : read(value)
  const ranks = valueKind === 'option' ? new Map(field.options?.map((each, at) => [each.value, at])) : undefined
  return { kind: 'condition', path, operator, value: wanted, valueKind, ...(ranks ? { ranks } : {}) }
}

const FIELD_KINDS: Partial<Record<Field['type'], ValueKind>> = {
  NUMBER: 'number',
  NUMERIC: 'number',
  POSITION: 'number',
  BOOLEAN: 'boolean',
  DATE: 'time',
  DATE_TIME: 'time',
  UUID: 'uuid',
  RELATION: 'uuid',
  MORPH_RELATION: 'uuid',
  SELECT: 'option',
  RATING: 'option',
  MULTI_SELECT: 'list',
  ARRAY: 'list',
  FILES: 'json',
  RAW_JSON: 'json',
}

const SUB_FIELD_KINDS: Record<SubFieldType, ValueKind> = {
  text: 'text',
  numeric: 'number',
  list: 'json',
  json: 'json',
  uuid: 'uuid',
  source: 'text',
}

function kindOf(field: Field, path: readonly string[]): ValueKind {
  const subFields = subFieldsOf(field.type)
  const sub = subFields && own(subFields, path[1] ?? '')
  if (subFields && (!sub || path.length !== 2))
    throw badRequest(
      `'filter' invalid: "${path.join('.')}" is not a sub-field of "${field.name}". eg: ${field.name}.${Object.keys(subFields)[0]}[eq]:value`,
    )
  if (!subFields && path.length > 1)
    throw badRequest(`'filter' invalid: field "${field.name}" has no sub-field "${path.slice(1).join('.')}"`)
  return sub ? SUB_FIELD_KINDS[sub] : (FIELD_KINDS[field.type] ?? 'text')
}

function readValue(
  field: Field,
  path: readonly string[],
  kind: ValueKind,
  operator: Operator,
  value: unknown,
): unknown {
  const refuse = (wanted: string) =>
    badRequest(`'filter' invalid: '${String(value)}' is not ${wanted}, as "${path.join('.')}" needs`)
  if (operator === 'like' || operator === 'ilike' || operator === 'startsWith' || operator === 'endsWith')
    return String(value)
  if (kind === 'number') {
    const number = typeof value === 'number' ? value : Number.parseFloat(String(value))
    if (Number.isNaN(number)) throw refuse('a number')
    return number
  }
  if (kind === 'boolean') return String(value).toLowerCase() === 'true'
  if (kind === 'time') {
    const time = Date.parse(String(value))
    if (Number.isNaN(time)) throw refuse('a date')
    return time
  }
  if (kind === 'uuid') {
    if (!isUuid(value)) throw refuse('a valid UUID')
    return value.toLowerCase()
  }
  if (kind === 'option' || (kind === 'list' && field.options)) {
    const options = field.options?.map(option => option.value) ?? []
    if (!options.includes(String(value))) throw refuse(`one of ${options.join(', ')}`)
  }
  return String(value)
}
