import {
  all,
  any,
  type Comparison,
  type Condition,
  compares,
  containsAny,
  isNull,
  not,
  oneOf,
} from '../../clients/twenty/condition.ts'
import { isFields } from '../../clients/twenty/metadata.ts'
import { normalise, normaliseSub } from '../../clients/twenty/normalise.ts'
import type { Row } from '../../clients/twenty/records.ts'
import type { FieldPath, TwentyObject } from '../../clients/twenty/schema.ts'
import { SyncError } from '../../errors.ts'
import type { Fields } from '../../event.ts'
import { nearest } from '../../nearest.ts'
import { keyText } from './values.ts'

/** What a filter may ask of a field. */
export const OPERATORS = [
  'eq',
  'neq',
  'in',
  'notIn',
  'gt',
  'gte',
  'lt',
  'lte',
  'like',
  'ilike',
  'startsWith',
  'endsWith',
  'containsAny',
  'empty',
] as const
type Operator = (typeof OPERATORS)[number]

/**
 * `{ stage: { eq: 'WON' }, or: [{ … }, { … }] }`: everything that it says must hold.
 * @throws SyncError rejected `UNKNOWN_FIELD`, or `FILTER_NOT_POSSIBLE` that names the part.
 */
export function literalFilter(object: TwentyObject, filter: Fields): Condition {
  const parts = Object.entries(filter).flatMap(([name, wanted]) => {
    if (name === 'or') return [any(branchesOf(wanted).map(each => literalFilter(object, fieldsOf(each, name))))]
    if (name === 'not') return [not(literalFilter(object, fieldsOf(wanted, name)))]
    const at = object.resolve(name)
    const conditions = Object.entries(fieldsOf(wanted, name))
    if (conditions.length === 0) throw wrong(`${name} has no operator; it takes a map such as { eq: … }`)
    return conditions.map(([operator, value]) => asked(at, operator, value))
  })
  if (parts.length === 0) throw wrong('a filter that says nothing would find every record')
  return all(parts)
}

/** `{ companyId: 'x' }`: a list means one of them. */
export function byFilter(object: TwentyObject, by: Fields): Condition {
  const filter = Object.entries(by).map(([name, value]) => {
    if (isFields(value))
      throw wrong(`"${name}" in by takes a value or a list, not a map; name its part, as in ${name}.part`)
    return [name, { [Array.isArray(value) ? 'in' : 'eq']: value }]
  })
  return literalFilter(object, Object.fromEntries(filter))
}

function asked(at: FieldPath, operator: string, value: unknown): Condition {
  switch (operator as Operator) {
    case 'eq':
      return equals(at, [value])
    case 'in':
      return equals(at, listOf(at, value))
    case 'neq':
      return differs(at, [plain(at, value)])
    case 'empty':
      if (typeof value !== 'boolean') break
      return value ? isEmpty(at) : not(isEmpty(at))
    case 'notIn':
      return differs(at, listOf(at, value))
    case 'containsAny':
      return containsAny(
        at.path,
        listOf(at, value).map(each => plain(at, each)),
      )
    case 'gt':
    case 'gte':
    case 'lt':
    case 'lte':
    case 'like':
    case 'ilike':
    case 'startsWith':
    case 'endsWith':
      return compares(at.path, operator as Comparison, plain(at, value))
  }
  if (operator === 'empty') throw wrong(`${at.path} takes \`empty: true\` or \`empty: false\``)
  const similar = nearest(operator, OPERATORS)
  const hint = similar ? `; did you mean "${similar}"?` : `; there are ${OPERATORS.join(', ')}`
  throw wrong(`${at.path} has the operator "${operator}"${hint}`)
}

/** A value that is missing equals nothing: `by: { companyId: person.companyId }` must not find what has no company. */
function equals(at: FieldPath, values: readonly unknown[]): Condition {
  const texts = values.map(value => keyText(at, value)).filter(text => text !== '')
  return oneOf(
    at.path,
    texts.flatMap(text => storedForms(at, text)),
    row => textOf(row, at),
  )
}

/** Unlike SQL's `<>` also where there is no value: nobody says "not lost" and means "not lost, and not empty either". */
function differs(at: FieldPath, values: readonly unknown[]): Condition {
  return any([not(equals(at, values)), isNull(at.path)])
}

/** Texts may be empty in two ways. */
export function isEmpty(at: FieldPath): Condition {
  const isText = at.sub ? !NOT_TEXT.has(at.sub) : at.field.type === 'TEXT'
  return isText ? any([isNull(at.path), { text: `${at.path}[eq]:""` }]) : isNull(at.path)
}

const NOT_TEXT = new Set(['amountMicros', 'addressLat', 'addressLng', 'workspaceMemberId', 'source'])

/** Servers before the bare host kept domains as URLs. */
function storedForms(at: FieldPath, text: string): string[] {
  if (!at.field.domain || at.sub !== 'primaryLinkUrl') return [text]
  return [text, `https://${text}`, `http://${text}`, `https://www.${text}`, `http://www.${text}`]
}

function textOf(row: Row, at: FieldPath): string {
  const value = row[at.column]
  return keyText(at, at.sub && isFields(value) ? value[at.sub] : value)
}

function plain(at: FieldPath, value: unknown): string {
  const kept = at.sub ? normaliseSub(at.sub, value, at.field) : normalise(at.field, value)
  if (kept !== null && typeof kept !== 'object') return String(kept)
  throw wrong(`${at.path} is compared with ${JSON.stringify(value)?.slice(0, 80)}, which is no value`)
}

function listOf(at: FieldPath, value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value
  throw wrong(`${at.path} takes a list, not ${JSON.stringify(value)?.slice(0, 80)}`)
}

function branchesOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value) && value.length > 0) return value
  throw wrong(`"or" takes a list of conditions, not ${JSON.stringify(value)?.slice(0, 80)}`)
}

function fieldsOf(value: unknown, name: string): Fields {
  if (isFields(value)) return value
  throw wrong(`"${name}" takes a map such as { eq: … }, not ${JSON.stringify(value)?.slice(0, 80)}`)
}

function wrong(message: string): SyncError {
  return new SyncError('rejected', 'FILTER_NOT_POSSIBLE', message)
}
