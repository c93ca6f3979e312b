import { badRequest } from '../errors.ts'
import type { Versions } from '../faults.ts'
import type { Records } from '../records/records.ts'
import { subFieldsOf } from '../schema/composites.ts'
import type { ObjectMeta, Row } from '../schema/types.ts'

const MAX_FIELDS = 200
const MAX_RELATED = 200

export interface Shape {
  readonly depth: number
  /** Names to show; undefined shows all. `id` is always shown. */
  readonly fields?: ReadonlySet<string>
  readonly headers?: Readonly<Record<string, string>>
}

/** Reads `depth` and `fields`. @throws TwentyError 400 for values that they cannot have. */
export function shapeOf(query: URLSearchParams, object: ObjectMeta, versions: Versions): Shape {
  const depth = depthOf(query, versions)
  const text = query.get('fields')
  if (text === null) return object.fields.length > MAX_FIELDS ? { depth, ...capped(object) } : { depth }
  const names = query
    .getAll('fields')
    .flatMap(part => part.split(','))
    .map(name => name.trim())
    .filter(Boolean)
  if (names.length === 0)
    throw badRequest(`'fields' parameter is empty. Expected a comma-separated list of field names, e.g. fields=id,name`)
  const unknown = names.filter(name => !object.fieldByName.has(name) && !object.columns.has(name))
  if (unknown.length > 0)
    throw badRequest(
      `'fields' parameter invalid. Unknown or unreadable fields on '${object.nameSingular}': ${unknown.join(', ')}`,
    )
  return { depth, fields: new Set(['id', ...names]) }
}

function depthOf(query: URLSearchParams, versions: Versions): number {
  const text = query.get('depth')
  if (!text) return versions.defaultDepth
  const allowed = versions.allowDepth2 ? ['0', '1', '2'] : ['0', '1']
  if (!allowed.includes(text))
    throw badRequest(`'depth=${text}' parameter invalid. Allowed values are ${allowed.join(', ')}`)
  return Number(text)
}

function capped(object: ObjectMeta): Pick<Shape, 'fields' | 'headers'> {
  const fields = new Set(['id', ...object.fields.slice(0, MAX_FIELDS - 1).map(field => field.name)])
  return { fields, headers: { 'X-Twenty-Fields-Capped': 'true', 'X-Twenty-Fields-Max': String(MAX_FIELDS) } }
}

/** A row as an answer shows it. */
export function present(records: Records, object: ObjectMeta, row: Row, shape: Shape): Row {
  let shown: Row = records.versions.numericAs === 'string' ? withNumericText(object, row) : row
  if (shape.depth > 0) shown = { ...shown, ...relations(records, object, row, shape.depth) }
  const { fields } = shape
  if (!fields) return shown
  return Object.fromEntries(Object.entries(shown).filter(([name]) => fields.has(name)))
}

function relations(records: Records, object: ObjectMeta, row: Row, depth: number): Record<string, unknown> {
  const related: Record<string, unknown> = {}
  const inner: Shape = { depth: depth - 1 }
  for (const field of object.toOne) {
    const target = records.schema.bySingular(field.relation!.object)!
    const id = row[field.settings!.joinColumnName!]
    const other = typeof id === 'string' ? records.table(target.nameSingular).get(id) : undefined
    related[field.name] = other?.deletedAt === null ? present(records, target, other, inner) : null
  }
  for (const field of object.toMany) {
    const target = records.schema.bySingular(field.relation!.object)!
    const column = target.fieldByName.get(field.relation!.field)?.settings?.joinColumnName
    if (!column) continue
    related[field.name] = records
      .table(target.nameSingular)
      .referencing(column, row.id as string)
      .filter(other => other.deletedAt === null)
      .slice(0, MAX_RELATED)
      .map(other => present(records, target, other, inner))
  }
  return related
}

function withNumericText(object: ObjectMeta, row: Row): Row {
  const shown: Record<string, unknown> = { ...row }
  for (const [column, field] of object.columns) {
    const value = row[column]
    if (field.type === 'NUMERIC' && value !== null) shown[column] = String(value)
    const subFields = subFieldsOf(field.type)
    if (!subFields || typeof value !== 'object' || value === null) continue
    shown[column] = Object.fromEntries(
      Object.entries(value).map(([name, part]) => [
        name,
        subFields[name] === 'numeric' && part !== null ? String(part) : part,
      ]),
    )
  }
  return shown
}
