import { badRequest } from '../errors.ts'
import type { ObjectMeta } from '../schema/types.ts'
import { type Condition, condition } from './condition.ts'

/** A filter, whatever notation it came in. */
export type Filter =
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Filter[] }
  | { readonly kind: 'not'; readonly part: Filter }
  | Condition

const OPERATORS = [
  'eq',
  'neq',
  'in',
  'containsAny',
  'is',
  'gt',
  'gte',
  'lt',
  'lte',
  'startsWith',
  'endsWith',
  'like',
  'ilike',
] as const

export type Operator = (typeof OPERATORS)[number] | 'isEmptyArray' | 'containsIlike'

/**
 * Reads the REST notation: `field[op]:value`, commas mean and, `and(...)`, `or(...)`, `not(...)`.
 * @throws TwentyError 400 that names the part that cannot be read.
 */
export function parseRestFilter(text: string, object: ObjectMeta): Filter {
  checkBrackets(text)
  return parse(/^(and|or|not)\(.*\)$/s.test(text) && spansWhole(text) ? text : `and(${text})`, object)
}

function parse(text: string, object: ObjectMeta): Filter {
  const conjunction = /^(and|or|not)\((.+)\)$/s.exec(text)
  if (!conjunction) return parseCondition(text, object)
  const parts = split(conjunction[2]!).map(part => parse(part, object))
  if (conjunction[1] !== 'not') return { kind: conjunction[1] as 'and' | 'or', parts }
  if (parts.length > 1)
    throw badRequest(`'filter' invalid. 'not' conjunction should contain only 1 condition. eg: not(field[eq]:1)`)
  return { kind: 'not', part: parts[0]! }
}

function parseCondition(text: string, object: ObjectMeta): Filter {
  const parts = /^([^[]+)\[([^\]]*)\]:(.+)$/s.exec(text)
  if (!parts) throw badRequest(`'filter' invalid for '${text}'. eg: price[gte]:10`)
  const [, path, operator, value] = parts as unknown as [string, string, string, string]
  if (!(OPERATORS as readonly string[]).includes(operator))
    throw badRequest(`'filter' invalid for '${text}', comparator ${operator} not in ${OPERATORS.join(', ')}`)
  const wanted = operator === 'in' || operator === 'containsAny' ? valueList(value, operator) : unquoted(value)
  return condition(object, path.trim().split('.'), operator as Operator, wanted)
}

function valueList(value: string, operator: string): string[] {
  if (!/^\[.*\]$/s.test(value))
    throw badRequest(
      `'filter' invalid for '${operator}' operator. Received '${value}' but array value expected eg: 'field[${operator}]:[value_1,value_2]'`,
    )
  const inside = value.slice(1, -1)
  // Split on plain commas: a value with a comma cannot be written in a list.
  return inside === '' ? [] : inside.split(',').map(unquoted)
}

function unquoted(value: string): string {
  return value.replace(/^["']|["']$/g, '')
}

function checkBrackets(text: string): void {
  const open = (text.match(/\(/g) ?? []).length
  const closed = (text.match(/\)/g) ?? []).length
  if (open === closed) return
  const number = Math.abs(open - closed)
  const which = open > closed ? 'close' : 'open'
  throw badRequest(`'filter' invalid. ${number} ${which} bracket${number > 1 ? 's are' : ' is'} missing in the query`)
}

/** True when the first bracket of the text closes at its very end: `and(a),b` is two parts. */
function spansWhole(text: string): boolean {
  return split(text).length === 1
}

/** Splits on commas outside of brackets and quotes. */
function split(text: string): string[] {
  const parts: string[] = []
  let depth = 0
  let inList = false
  let quote = ''
  let part = ''
  for (const letter of text) {
    if (quote) quote = letter === quote ? '' : quote
    else if (letter === '"' || letter === "'") quote = letter
    else if (letter === '[' || letter === ']') inList = letter === '['
    else if (letter === '(') depth++
    else if (letter === ')') depth--
    if (letter === ',' && depth === 0 && !inList && !quote) {
      parts.push(part)
      part = ''
    } else part += letter
  }
  return [...parts, part]
}

/** True when any condition is about `field`; such a filter shows soft-deleted rows for `deletedAt`. */
export function mentions(filter: Filter | undefined, field: string): boolean {
  if (!filter) return false
  if (filter.kind === 'condition') return filter.path[0] === field
  if (filter.kind === 'not') return mentions(filter.part, field)
  return filter.parts.some(part => mentions(part, field))
}
