import { type Row, valueAt } from '../schema/types.ts'
import type { Condition } from './condition.ts'
import type { Filter } from './filter.ts'

/** True, false, or null for "unknown", as in SQL: a comparison with null is unknown, and so is its negation. */
type Truth = boolean | null

export type Predicate = (row: Row) => boolean

export function predicate(filter: Filter): Predicate {
  const test = compile(filter)
  return row => test(row) === true
}

function compile(filter: Filter): (row: Row) => Truth {
  if (filter.kind === 'condition') return compileCondition(filter)
  if (filter.kind === 'not') {
    const inner = compile(filter.part)
    return row => {
      const truth = inner(row)
      return truth === null ? null : !truth
    }
  }
  const parts = filter.parts.map(compile)
  const decisive = filter.kind === 'or'
  return row => {
    let result: Truth = !decisive
    for (const part of parts) {
      const truth = part(row)
      if (truth === decisive) return decisive
      if (truth === null) result = null
    }
    return result
  }
}

function compileCondition(condition: Condition): (row: Row) => Truth {
  const { path, operator, value } = condition
  if (operator === 'is') return row => (valueAt(row, path) === null) === (value === 'NULL')
  if (operator === 'isEmptyArray') return row => isEmpty(valueAt(row, path)) === (value !== false)
  const test = comparison(condition)
  return row => {
    const held = valueAt(row, path)
    return held === null ? null : test(held)
  }
}

function isEmpty(value: unknown): boolean {
  return value === null || (Array.isArray(value) && value.length === 0)
}

function comparison(condition: Condition): (held: unknown) => boolean {
  const { operator, value } = condition
  const key = keyOf(condition)
  if (operator === 'in') {
    const wanted = new Set((value as unknown[]).map(each => key(each)))
    return held => wanted.has(key(held))
  }
  if (operator === 'containsAny') {
    const wanted = new Set((value as unknown[]).map(String))
    return held => Array.isArray(held) && held.some(each => wanted.has(String(each)))
  }
  if (operator === 'containsIlike') {
    const pattern = likePattern(String(value), 'i')
    return held => Array.isArray(held) && held.some(each => pattern.test(String(each)))
  }
  if (operator === 'like' || operator === 'ilike') {
    const pattern = likePattern(String(value), operator === 'ilike' ? 'i' : '')
    return held => pattern.test(textOf(held))
  }
  if (operator === 'startsWith') return held => textOf(held).startsWith(String(value))
  if (operator === 'endsWith') return held => textOf(held).endsWith(String(value))
  const wanted = key(value)
  if (operator === 'eq') return held => key(held) === wanted
  if (operator === 'neq') return held => key(held) !== wanted
  if (operator === 'gt') return held => key(held) > wanted
  if (operator === 'gte') return held => key(held) >= wanted
  if (operator === 'lt') return held => key(held) < wanted
  return held => key(held) <= wanted
}

/** The form in which values of this condition's kind are compared. */
function keyOf(condition: Condition): (value: unknown) => string | number | boolean {
  if (condition.valueKind === 'time') return value => (typeof value === 'number' ? value : Date.parse(String(value)))
  if (condition.valueKind === 'number') return value => Number(value)
  if (condition.valueKind === 'boolean') return value => value === true
  if (condition.valueKind === 'option' && /^[gl]t/.test(condition.operator))
    return value => condition.ranks?.get(String(value)) ?? -1
  return textOf
}

function textOf(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

/** SQL's LIKE without backtracking trouble: literal parts are looked for from left to right. */
function likePattern(pattern: string, flags: '' | 'i'): { test(text: string): boolean } {
  const fold = (text: string) => (flags === 'i' ? text.toLowerCase() : text)
  const letters = [...fold(pattern)]
  return { test: text => likes([...fold(text)], letters) }
}

/** Greedy wildcard match: on a mismatch it goes back to the last `%` only, so its cost is bounded. */
function likes(text: readonly string[], pattern: readonly string[]): boolean {
  let at = 0
  let p = 0
  let star = -1
  let mark = 0
  while (at < text.length) {
    if (pattern[p] === '%') {
      star = p++
      mark = at
    } else if (p < pattern.length && (pattern[p] === '_' || pattern[p] === text[at])) {
      p++
      at++
    } else if (star >= 0) {
      p = star + 1
      at = ++mark
    } else return false
  }
  while (pattern[p] === '%') p++
  return p === pattern.length
}
