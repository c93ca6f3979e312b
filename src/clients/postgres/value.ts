import { SyncError } from '../../errors.ts'
import { canonicalDecimal, numberOrText } from '../decimal.ts'
import type { Column } from './column.ts'
import { type ArrayElement, arrayText, quoteName } from './quote.ts'
import { instantText } from './time.ts'

/** The column as a statement reads it: a text that depends on no setting of the session. */
export function readExpression({ name, kind, isArray }: Column): string {
  const column = quoteName(name)
  // Numbers beyond the doubles of JSON come as texts.
  if (isArray) return `to_json(${column}${kind === 'integer' || kind === 'numeric' ? '::text[]' : ''})::text`
  if (kind === 'timestamptz')
    return timeExpression(column, `${column} at time zone 'UTC'`, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
  if (kind === 'timestamp') return timeExpression(column, column, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
  if (kind === 'date') return timeExpression(column, column, 'YYYY-MM-DD')
  return `${column}::text`
}

/** Outside of these years `to_char` loses the era; infinity has no year at all. */
function timeExpression(column: string, value: string, format: string): string {
  return `case when ${column} >= '0001-01-01' and ${column} < '10000-01-01' then to_char(${value}, '${format}') else ${column}::text end`
}

/** The native value of a text that `readExpression` gave. */
export function decode(column: Column, text: string | null): unknown {
  if (text === null) return null
  if (column.isArray) return mapDeep(JSON.parse(text), element => scalar(column, element))
  return column.kind === 'json' ? JSON.parse(text) : scalar(column, text)
}

/** The value as the column would give it back; what the column cannot hold stays as it is. '' and empty are null. */
export function normalise(column: Column, value: unknown): unknown {
  if (isEmpty(value)) return null
  if (column.isArray) return Array.isArray(value) ? mapDeep(value, element => scalar(column, element)) : value
  return column.kind === 'json' ? value : scalar(column, value)
}

export function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined || value === '') return true
  return typeof value === 'object' && Object.keys(value).length === 0
}

/**
 * The text form of a parameter.
 * @throws SyncError rejected `INVALID_VALUE` when the column cannot hold such a value.
 */
export function encode(column: Column, value: unknown): string | null {
  if (column.kind === 'refused') throw unfit(column, value)
  const empty = value === null || value === undefined || value === ''
  // A cleared field of the other side is an empty one here where null is not allowed.
  if (empty) return column.notNull ? emptyOf(column) : null
  if (column.isArray) {
    if (!Array.isArray(value)) throw unfit(column, value)
    return arrayText(value.map(element => arrayElement(column, element)))
  }
  return scalarText(column, value)
}

function emptyOf({ kind, isArray }: Column): string | null {
  if (isArray) return '{}'
  return kind === 'text' || kind === 'padded' ? '' : null
}

function arrayElement(column: Column, element: unknown): ArrayElement {
  if (element === null || element === undefined) return null
  if (Array.isArray(element) && column.kind !== 'json') return element.map(inner => arrayElement(column, inner))
  return scalarText(column, element)
}

function scalarText(column: Column, value: unknown): string {
  if (column.kind === 'json') return JSON.stringify(value)
  const normal = scalar(column, value)
  if (typeof normal === 'object' && normal !== null) throw unfit(column, value)
  return String(normal)
}

function unfit({ name, type, isArray }: Column, value: unknown): SyncError {
  const what = Array.isArray(value) ? 'a list' : typeof value === 'object' ? 'a map' : `a ${typeof value}`
  const message = `column ${name} is ${type}${isArray ? ', which takes a list' : ''}; it cannot hold ${what}`
  return new SyncError('rejected', 'INVALID_VALUE', message)
}

/** One value that is no list, as its kind gives it back. */
function scalar({ kind, scale, secondDigits }: Column, value: unknown): unknown {
  if (value === null || value === undefined) return null
  switch (kind) {
    case 'padded':
      return String(value).replace(/ +$/, '')
    case 'uuid':
      return typeof value === 'string' ? value.toLowerCase() : value
    case 'integer':
    case 'numeric':
      return decimal(value, kind === 'integer' ? undefined : scale)
    case 'float4':
    case 'float8':
      return float(value, kind === 'float4')
    case 'boolean':
      return value === 'true' || value === 't' ? true : value === 'false' || value === 'f' ? false : value
    case 'timestamp':
    case 'timestamptz':
      return typeof value === 'string' ? (instantText(value, secondDigits) ?? value) : value
    case 'date':
      return typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value) ? value.slice(0, 10) : value
    case 'json':
    case 'refused':
      return value
    default:
      return typeof value === 'number' || typeof value === 'boolean' ? String(value) : value
  }
}

function decimal(value: unknown, scale: number | undefined): unknown {
  if (typeof value !== 'string' && typeof value !== 'number') return value
  const canonical = canonicalDecimal(String(value), scale)
  return canonical === undefined ? value : numberOrText(canonical)
}

function float(value: unknown, single: boolean): unknown {
  if (typeof value !== 'string' && typeof value !== 'number') return value
  const number = typeof value === 'string' && value.trim() === '' ? Number.NaN : Number(value)
  // JSON has no NaN and no infinity: these stay the texts that Postgres has for them.
  if (!Number.isFinite(number)) return value
  if (!single) return number === 0 ? 0 : number
  const rounded = Math.fround(number)
  for (let digits = 6; digits < 9; digits++) {
    const shorter = Number(rounded.toPrecision(digits))
    if (Math.fround(shorter) === rounded) return shorter === 0 ? 0 : shorter
  }
  return Number(rounded.toPrecision(9))
}

function mapDeep(value: unknown, map: (element: unknown) => unknown): unknown {
  return Array.isArray(value) ? value.map(inner => mapDeep(inner, map)) : map(value)
}
