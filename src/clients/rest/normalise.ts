import { canonicalJson } from '../../identity.ts'
import { isFields } from './paths.ts'
import type { FieldTypeName, ResourceConfig } from './resource-config.ts'
import { instantOf, isoOf } from './times.ts'

/**
 * A value as it counts: '', null, absent and an empty list or map are one, -0 is 0, maps have sorted keys without empty
 * ones. Where the field's type is named, what is written differently and means the same is one.
 */
export function normaliseValue({ fields }: ResourceConfig, path: string, value: unknown): unknown {
  const plain = emptied(value)
  if (plain === null) return null
  return typed(fields && Object.hasOwn(fields, path) ? fields[path]! : 'any', plain)
}

function emptied(value: unknown): unknown {
  if (value === undefined || value === null || value === '') return null
  if (typeof value === 'number') return Number.isFinite(value) ? value + 0 : null
  if (typeof value !== 'object') return value
  const canonical: unknown = JSON.parse(canonicalJson(value))
  if (Array.isArray(canonical)) return canonical.length === 0 ? null : canonical
  return isFields(canonical) && Object.keys(canonical).length === 0 ? null : canonical
}

const TRUE = new Set<unknown>([true, 1, '1', 'true', 'yes'])
const FALSE = new Set<unknown>([false, 0, '0', 'false', 'no'])

function typed(type: FieldTypeName, value: unknown): unknown {
  switch (type) {
    case 'number':
      return typeof value === 'string' && Number.isFinite(Number(value.trim())) ? Number(value) + 0 : value
    case 'boolean':
      return TRUE.has(value) ? true : FALSE.has(value) ? false : value
    case 'text':
      return typeof value === 'number' || typeof value === 'boolean' ? String(value) : value
    case 'time':
      return timed(value, ms => isoOf(ms))
    case 'date':
      return typeof value === 'string' && /^\d{4}-\d{2}-\d{2}$/.test(value)
        ? value
        : timed(value, ms => isoOf(ms).slice(0, 10))
    case 'any':
      return value
  }
}

function timed(value: unknown, write: (ms: number) => string): unknown {
  const ms = instantOf(value)
  return ms === undefined ? value : write(ms)
}
