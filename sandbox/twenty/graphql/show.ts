import { badRequest } from '../errors.ts'
import { cursorOf } from '../query/cursor.ts'
import type { Page } from '../query/find.ts'
import { type OrderTerm, withId } from '../query/order.ts'
import type { Records } from '../records/records.ts'
import { present } from '../rest/present.ts'
import { capital } from '../schema/standard-objects.ts'
import type { Field, ObjectMeta, Row } from '../schema/types.ts'
import { pick, type SelectedField } from './execute.ts'

/** The selected fields of a row; relations are followed as deep as they are selected. */
export function showRecord(
  records: Records,
  object: ObjectMeta,
  row: Row,
  selected: readonly SelectedField[],
): Record<string, unknown> {
  const plain = present(records, object, row, { depth: 0 })
  const shown: Record<string, unknown> = {}
  for (const field of selected) shown[field.alias] = value(records, object, plain, field)
  return shown
}

/** Refuses unknown fields before anything is done, as the schema's validation does. @throws TwentyError 400 */
export function checkSelection(records: Records, object: ObjectMeta, selected: readonly SelectedField[]): void {
  for (const field of selected) {
    if (field.name === '__typename' || object.columns.has(field.name)) continue
    if (!object.fieldByName.get(field.name)?.relation) throw unknownField(object, field)
    if (!field.selected) throw badRequest(`Field "${field.name}" must have a selection of subfields.`)
    const { relation } = object.fieldByName.get(field.name)!
    const target = records.schema.bySingular(relation!.object)!
    if (object.toOne.some(each => each.name === field.name)) checkSelection(records, target, field.selected)
  }
}

/** The same for the nodes of a connection, rows or none. */
export function checkConnection(records: Records, object: ObjectMeta, selected: readonly SelectedField[]): void {
  for (const edges of selected.filter(field => field.name === 'edges'))
    for (const node of (edges.selected ?? []).filter(field => field.name === 'node'))
      checkSelection(records, object, node.selected ?? [])
}

function unknownField(object: ObjectMeta, field: SelectedField) {
  const type = capital(object.nameSingular)
  return badRequest(`Cannot query field "${field.name}" on type "${type}".`, 'GRAPHQL_VALIDATION_FAILED')
}

function value(records: Records, object: ObjectMeta, row: Row, wanted: SelectedField): unknown {
  if (wanted.name === '__typename') return capital(object.nameSingular)
  if (object.columns.has(wanted.name)) return pick(row[wanted.name], wanted.selected)
  const relation = object.fieldByName.get(wanted.name)
  if (!relation?.relation) throw unknownField(object, wanted)
  const target = records.schema.bySingular(relation.relation.object)!
  return object.toOne.includes(relation)
    ? toOne(records, target, row[relation.settings!.joinColumnName!], wanted)
    : toMany(records, target, relation, row, wanted)
}

function toOne(records: Records, target: ObjectMeta, id: unknown, wanted: SelectedField): unknown {
  const other = typeof id === 'string' ? records.table(target.nameSingular).get(id) : undefined
  return other?.deletedAt === null ? showRecord(records, target, other, wanted.selected ?? []) : null
}

function toMany(records: Records, target: ObjectMeta, relation: Field, row: Row, wanted: SelectedField): unknown {
  const column = target.fieldByName.get(relation.relation!.field)!.settings!.joinColumnName!
  const rows = records
    .table(target.nameSingular)
    .referencing(column, String(row.id))
    .filter(other => other.deletedAt === null)
  const pageInfo = { hasNextPage: false, hasPreviousPage: false, startCursor: null, endCursor: null }
  return showConnection(records, target, { rows, totalCount: rows.length, pageInfo }, withId([]), wanted.selected ?? [])
}

export function showConnection(
  records: Records,
  object: ObjectMeta,
  page: Page,
  order: readonly OrderTerm[],
  selected: readonly SelectedField[],
): Record<string, unknown> {
  const shown: Record<string, unknown> = {}
  for (const field of selected) {
    if (field.name === 'edges') shown[field.alias] = edges(records, object, page, order, field.selected ?? [])
    else if (field.name === 'pageInfo') shown[field.alias] = pick(page.pageInfo, field.selected)
    else if (field.name === 'totalCount') shown[field.alias] = page.totalCount
    else if (field.name === '__typename') shown[field.alias] = `${capital(object.nameSingular)}Connection`
    else
      throw badRequest(
        `Cannot query field "${field.name}" on type "${capital(object.nameSingular)}Connection".`,
        'GRAPHQL_VALIDATION_FAILED',
      )
  }
  return shown
}

function edges(
  records: Records,
  object: ObjectMeta,
  page: Page,
  order: readonly OrderTerm[],
  selected: readonly SelectedField[],
): unknown[] {
  return page.rows.map(row => {
    const edge: Record<string, unknown> = {}
    for (const field of selected) {
      if (field.name === 'cursor') edge[field.alias] = cursorOf(row, order)
      else if (field.name === '__typename') edge[field.alias] = `${capital(object.nameSingular)}Edge`
      else edge[field.alias] = showRecord(records, object, row, field.selected ?? [])
    }
    return edge
  })
}
