import { SyncError } from '../../errors.ts'
import { isAwkward, quoted, wildcarded } from './filter.ts'
import { isFields } from './metadata.ts'
import type { Row } from './records.ts'
import type { FieldPath } from './schema.ts'

type Test = (row: Row) => boolean

/** A condition on rows that can be put together with others. */
export interface Condition {
  /** In the notation of the REST filter. */
  readonly text: string
  /** Where a value cannot be written as it is, `text` finds more rows than it should, and this keeps the right ones. */
  readonly check?: Test
  /** Decides by itself, where that can be done without the server. */
  readonly holds?: Test
}

/** Of no row. */
export const NOTHING: Condition = { text: 'id[is]:NULL', holds: () => false }

export type Comparison = 'eq' | 'neq' | 'gt' | 'gte' | 'lt' | 'lte' | 'like' | 'ilike' | 'startsWith' | 'endsWith'

/** @throws SyncError rejected `FILTER_NOT_POSSIBLE` for a value that cannot be written. */
export function compares(path: string, operator: Comparison, value: string): Condition {
  if (isAwkward(value)) throw notPossible(`${path}[${operator}]:${value}`, 'brackets, quotes, commas or outer blanks')
  return { text: `${path}[${operator}]:${quoted(value)}` }
}

/** Rows whose value at the path is one of these; `read` gives a row's value as it is compared. */
export function oneOf(path: string, values: readonly string[], read: (row: Row) => string): Condition {
  if (values.length === 0) return NOTHING
  const plain = values.filter(value => !isAwkward(value))
  const parts = values.filter(isAwkward).map(value => `${path}[like]:"${wildcarded(value)}"`)
  if (plain.length === 1) parts.unshift(`${path}[eq]:${quoted(plain[0]!)}`)
  if (plain.length > 1) parts.unshift(`${path}[in]:[${plain.join(',')}]`)
  const wanted = new Set(values)
  const holds: Test = row => wanted.has(read(row))
  return { text: joined('or', parts), holds, ...(plain.length < values.length && { check: holds }) }
}

/** Rows whose text at the path holds this one, in any case. */
export function contains(at: FieldPath, part: string): Condition {
  const lower = part.toLowerCase()
  const holds: Test = row => textAt(row, at).toLowerCase().includes(lower)
  return { text: `${at.path}[ilike]:"%${wildcarded(part)}%"`, holds, ...(isAwkward(part) && { check: holds }) }
}

/** Rows whose list at the path holds one of these. @throws SyncError rejected `FILTER_NOT_POSSIBLE`. */
export function containsAny(path: string, values: readonly string[]): Condition {
  const text = `${path}[containsAny]:[${values.join(',')}]`
  if (values.length === 0) throw notPossible(text, 'empty list of what to contain')
  if (values.some(isAwkward)) throw notPossible(text, 'brackets, quotes, commas or outer blanks')
  return { text }
}

export function isNull(path: string): Condition {
  return { text: `${path}[is]:NULL` }
}

/** Rows for which every one holds. */
export function all(parts: readonly Condition[]): Condition {
  if (parts.length === 1) return parts[0]!
  const checks = parts.flatMap(part => part.check ?? [])
  const holds = parts.flatMap(part => part.holds ?? [])
  return {
    text: joined(
      'and',
      parts.map(part => part.text),
    ),
    ...(checks.length > 0 && { check: row => checks.every(check => check(row)) }),
    ...(holds.length === parts.length && { holds: row => holds.every(test => test(row)) }),
  }
}

/** Rows for which at least one holds. @throws SyncError rejected `FILTER_NOT_POSSIBLE`. */
export function any(parts: readonly Condition[]): Condition {
  if (parts.length === 1) return parts[0]!
  const text = joined(
    'or',
    parts.map(part => part.text),
  )
  const tests = parts.flatMap(part => part.holds ?? [])
  const holds: Test | undefined = tests.length === parts.length ? row => tests.some(test => test(row)) : undefined
  if (parts.every(part => !part.check)) return { text, ...(holds && { holds }) }
  if (!holds) throw notPossible(text, 'brackets, quotes and commas beside other conditions under "or"')
  return { text, holds, check: holds }
}

/** Rows for which it does not hold; those for which that is unknown, because a value is missing, are not among them. */
export function not(part: Condition): Condition {
  if (part.check) throw notPossible(part.text, 'brackets, quotes and commas under "not"')
  return { text: `not(${part.text})` }
}

function joined(conjunction: 'and' | 'or', texts: readonly string[]): string {
  return texts.length === 1 ? texts[0]! : `${conjunction}(${texts.join(',')})`
}

function textAt(row: Row, { column, sub }: FieldPath): string {
  const value = row[column]
  const part = sub && isFields(value) ? value[sub] : value
  if (part === null || part === undefined) return ''
  return typeof part === 'object' ? JSON.stringify(part) : String(part)
}

export function notPossible(what: string, why: string): SyncError {
  const message = `${what.slice(0, 200)} cannot be asked of Twenty: its filters take no ${why}`
  return new SyncError('rejected', 'FILTER_NOT_POSSIBLE', message)
}
