import { badRequest, type TwentyError } from '../errors.ts'
import type { Versions } from '../faults.ts'
import { isUuid } from '../ids.ts'
import type { Field } from '../schema/types.ts'

export function invalid(field: Field, value: unknown, wanted: string): TwentyError {
  const shown = typeof value === 'string' ? value : JSON.stringify(value)
  return badRequest(`Invalid value "${shown}" for field "${field.name}" of type ${field.type}: expected ${wanted}`)
}

export function emptyText(versions: Versions): string | null {
  return versions.emptyTextAs === 'null' ? null : ''
}

export function text(field: Field, value: unknown, versions: Versions): string | null {
  if (value === null) return null
  if (typeof value !== 'string') throw invalid(field, value, 'text')
  return value === '' ? emptyText(versions) : value
}

/** A number, or text that is one: amounts travel as either. */
export function numeric(field: Field, value: unknown): number | null {
  if (value === null) return null
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  if (typeof number !== 'number' || !Number.isFinite(number)) throw invalid(field, value, 'a number')
  return number
}

/** A list, JSON text of a list, or null. An empty list is stored as null. */
export function list(field: Field, value: unknown): unknown[] | null {
  if (value === null || value === '') return null
  const items: unknown = typeof value === 'string' ? parsed(field, value) : value
  if (!Array.isArray(items)) throw invalid(field, value, 'a list')
  return items.length === 0 ? null : items
}

function parsed(field: Field, value: string): unknown {
  try {
    return JSON.parse(value)
  } catch {
    throw invalid(field, value, 'a list')
  }
}

/** The stored value of a field that is neither composite nor relation. */
export function scalar(field: Field, value: unknown, versions: Versions): unknown {
  if (value === null || value === undefined) {
    if (!field.isNullable) throw badRequest(`Field "${field.name}" cannot be null`)
    return null
  }
  return SCALARS[field.type]?.(field, value, versions) ?? null
}

type Scalar = (field: Field, value: unknown, versions: Versions) => unknown

const SCALARS: Partial<Record<Field['type'], Scalar>> = {
  TEXT: text,
  NUMERIC: numeric,
  NUMBER(field, value) {
    if (typeof value !== 'number' || !Number.isFinite(value)) throw invalid(field, value, 'a number')
    return value
  },
  POSITION(field, value) {
    if (typeof value !== 'number' || !Number.isFinite(value)) throw invalid(field, value, 'a number')
    return value
  },
  BOOLEAN(field, value) {
    if (typeof value !== 'boolean') throw invalid(field, value, 'true or false')
    return value
  },
  UUID(field, value) {
    if (!isUuid(value)) throw badRequest(`Invalid UUID "${String(value)}" for field "${field.name}"`)
    return value.toLowerCase()
  },
  DATE_TIME(field, value) {
    const time = typeof value === 'string' && /^\d{4}-\d{2}-\d{2}/.test(value) ? Date.parse(value) : Number.NaN
    if (Number.isNaN(time)) throw invalid(field, value, 'a date and time in ISO 8601')
    return new Date(time).toISOString()
  },
  DATE(field, value) {
    const day = typeof value === 'string' ? /^\d{4}-\d{2}-\d{2}/.exec(value)?.[0] : undefined
    if (day === undefined || Number.isNaN(Date.parse(day))) throw invalid(field, value, 'a date')
    return day
  },
  SELECT: option,
  RATING: option,
  MULTI_SELECT(field, value, versions) {
    if (!Array.isArray(value)) throw invalid(field, value, 'a list of options')
    return value.length === 0 ? null : value.map(each => option(field, each, versions))
  },
  ARRAY(field, value) {
    const items = list(field, value)
    if (items?.some(item => typeof item !== 'string')) throw invalid(field, value, 'a list of text')
    return items
  },
  FILES: list,
  RAW_JSON(field, value) {
    if (typeof value === 'object') return value
    try {
      return JSON.parse(String(value))
    } catch {
      throw invalid(field, value, 'JSON')
    }
  },
}

function option(field: Field, value: unknown, _versions?: Versions): unknown {
  const values = field.options?.map(each => each.value) ?? []
  if (!values.includes(String(value))) throw invalid(field, value, `one of ${values.join(', ')}`)
  return value
}
