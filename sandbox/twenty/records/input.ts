import { badRequest } from '../errors.ts'
import type { Versions } from '../faults.ts'
import { isUuid } from '../ids.ts'
import { subFieldsOf } from '../schema/composites.ts'
import type { Field, ObjectMeta, Row } from '../schema/types.ts'
import { valueAt } from '../schema/types.ts'
import { compositeParts } from './composites.ts'
import { scalar } from './scalars.ts'
import type { Table } from './table.ts'

/** Checked and normalised input: per column the value to write; of a composite only the parts to write. */
export type Patch = Record<string, unknown>

export interface InputContext {
  readonly versions: Versions
  /** The table of an object by its singular name. */
  table(object: string): Table
}

/** Columns that the server alone sets. What a client sends there is ignored. */
const SERVER_SET = new Set(['updatedAt', 'updatedBy'])

/**
 * @throws TwentyError 400 for an unknown field, a value that its type refuses, or a foreign key without its row.
 */
export function readInput(object: ObjectMeta, input: unknown, context: InputContext, creating: boolean): Patch {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) throw badRequest('Record is not an object')
  const patch: Patch = {}
  for (const [name, value] of Object.entries(input)) {
    if (value === undefined) continue
    const column = object.columns.get(name)
    const field = column ?? object.fieldByName.get(name)
    if (!field?.isActive) throw unknownField(object, name)
    if (!column) Object.assign(patch, relationInput(object, field, value, context))
    else if (name === 'id') patch.id = recordId(value)
    else if (SERVER_SET.has(name) || (!creating && (name === 'createdAt' || name === 'createdBy'))) continue
    else if (field.type === 'TS_VECTOR') throw badRequest(`Field "${name}" cannot be written`)
    else if (field.settings?.joinColumnName === name) patch[name] = foreignKey(field, name, value, context)
    else if (subFieldsOf(field.type)) patch[name] = compositeParts(field, value, context.versions)
    else if (field.type === 'POSITION' && (value === 'first' || value === 'last')) patch[name] = value
    else patch[name] = scalar(field, value, context.versions)
  }
  return patch
}

function unknownField(object: ObjectMeta, name: string) {
  return badRequest(`Object ${object.nameSingular} doesn't have any "${name}" field.`)
}

function recordId(value: unknown): string {
  if (!isUuid(value)) throw badRequest(`'${String(value)}' is not a valid UUID`)
  return value.toLowerCase()
}

function foreignKey(field: Field, column: string, value: unknown, context: InputContext): string | null {
  if (value === null || value === '') return null
  if (!isUuid(value)) throw badRequest(`Invalid UUID "${String(value)}" for field "${column}"`)
  const target = field.relation!.object
  if (!context.table(target).get(value))
    throw badRequest(`Field "${column}" refers to a ${target} that does not exist: ${value}`)
  return value.toLowerCase()
}

/** `company: {connect: {where}}` and `company: {disconnect: true}` become the foreign key. */
function relationInput(object: ObjectMeta, field: Field, value: unknown, context: InputContext): Patch {
  const column = field.settings?.joinColumnName
  if (column === undefined) throw badRequest(`Field "${field.name}" of ${object.nameSingular} cannot be written here`)
  if (value === null) return { [column]: null }
  if (typeof value !== 'object') throw badConnect(field.name, 'expected connect or disconnect')
  if ('disconnect' in value && value.disconnect === true) return { [column]: null }
  const where = 'connect' in value ? (value.connect as { where?: unknown } | null)?.where : undefined
  if (typeof where !== 'object' || where === null) throw badConnect(field.name, 'expected connect.where or disconnect')
  return { [column]: connected(field, where as Row, context) }
}

function connected(field: Field, where: Row, context: InputContext): string {
  const table = context.table(field.relation!.object)
  const paths = leafPaths(where)
  const byId = paths.length === 1 && paths[0]!.join('.') === 'id'
  const index = table.object.uniqueIndexes.find(each => samePaths(each.paths, paths))
  if (!byId && !index) throw badConnect(field.name, 'where must name exactly the fields of one unique constraint')
  const rows = byId
    ? [table.get(String(where.id))]
    : [...table.holders(index!, `${index!.paths.map(path => String(valueAt(where, path))).join('\u0000')}\u0000`)].map(
        id => table.get(id),
      )
  const found = rows.filter(row => row?.deletedAt === null)
  if (found.length !== 1) throw badConnect(field.name, `expected 1 record, found ${found.length}`)
  return found[0]!.id as string
}

function leafPaths(where: Row, prefix: readonly string[] = []): string[][] {
  return Object.entries(where).flatMap(([name, value]) =>
    typeof value === 'object' && value !== null ? leafPaths(value as Row, [...prefix, name]) : [[...prefix, name]],
  )
}

function samePaths(a: readonly (readonly string[])[], b: readonly (readonly string[])[]): boolean {
  const text = (paths: readonly (readonly string[])[]) => paths.map(path => path.join('.')).sort()
  return text(a).join() === text(b).join()
}

/** The row after the patch: composites keep the parts that the patch does not name. */
export function applyPatch(row: Row, patch: Patch, object: ObjectMeta): Record<string, unknown> {
  const after: Record<string, unknown> = { ...row }
  for (const [column, value] of Object.entries(patch)) {
    const isComposite = subFieldsOf(object.columns.get(column)!.type) !== undefined
    after[column] = isComposite ? { ...(row[column] as Row), ...(value as Row) } : value
  }
  return after
}

function badConnect(field: string, why: string) {
  return badRequest(`Cannot connect "${field}": ${why}`)
}
