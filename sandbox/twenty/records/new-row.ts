import { type Actor, actorOf, type Caller } from '../caller.ts'
import type { Versions } from '../faults.ts'
import { subFieldsOf } from '../schema/composites.ts'
import type { Field, ObjectMeta } from '../schema/types.ts'
import { applyPatch, type Patch } from './input.ts'

/** A row with every column, as an insert stores it. `now` is ISO. */
export function newRow(
  object: ObjectMeta,
  patch: Patch,
  fixed: { id: string; now: string; position: number; caller: Caller; versions: Versions },
): Record<string, unknown> {
  const row: Record<string, unknown> = {}
  for (const [column, field] of object.columns)
    row[column] = field.defaultValue === 'now' ? fixed.now : columnDefault(field, column, fixed.versions)
  const actor = actorOf(fixed.caller)
  const { createdBy, position, ...rest } = patch
  Object.assign(row, applyPatch(row, rest, object))
  row.id = fixed.id
  row.updatedAt = fixed.now
  row.position = typeof position === 'number' ? position : fixed.position
  row.createdBy = { ...actor, ...(createdBy as Partial<Actor> | undefined) }
  if (fixed.versions.stampsUpdatedBy) row.updatedBy = actor
  else delete row.updatedBy
  delete row.searchVector
  return row
}

/** What a column holds when nothing is given for it. */
export function columnDefault(field: Field, column: string, versions: Versions): unknown {
  if (field.settings?.joinColumnName === column) return null
  const subFields = subFieldsOf(field.type)
  if (subFields) {
    const given = plainDefault(field.defaultValue) as Record<string, unknown> | null
    return Object.fromEntries(
      Object.entries(subFields).map(([name, type]) => [
        name,
        plainDefault(given?.[name]) ?? (type === 'text' && versions.emptyTextAs === 'empty' ? '' : null),
      ]),
    )
  }
  const value = plainDefault(field.defaultValue)
  return value ?? (field.type === 'TEXT' && versions.emptyTextAs === 'empty' ? '' : null)
}

/** Text defaults are written with inner quotes: `"'OPEN'"`. */
function plainDefault(value: unknown): unknown {
  if (typeof value === 'string') return /^'.*'$/s.test(value) ? value.slice(1, -1) : null
  if (Array.isArray(value)) return value.map(plainDefault)
  return value ?? null
}
