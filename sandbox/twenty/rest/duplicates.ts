import { badRequest } from '../errors.ts'
import { type Answer, asObject, type Call, ok } from '../http.ts'
import { cursorOf } from '../query/cursor.ts'
import { compare, withId } from '../query/order.ts'
import { applyPatch } from '../records/input.ts'
import type { Records } from '../records/records.ts'
import { type ObjectMeta, type Row, valueAt } from '../schema/types.ts'
import { present, type Shape, shapeOf } from './present.ts'

/** One entry per input, in order: the rows that any duplicate rule of the object finds equal. */
export function findDuplicates(records: Records, object: ObjectMeta, call: Call): Answer {
  const shape = shapeOf(call.query, object, records.versions)
  const { ids, data } = asObject(call.body())
  if (ids === undefined && data === undefined) throw badRequest('You have to provide either "data" or "ids" argument')
  if (ids !== undefined && data !== undefined) throw badRequest('You cannot provide both "data" and "ids" arguments')
  if (ids === undefined && (!Array.isArray(data) || data.length === 0))
    throw badRequest('The "data" condition can not be empty when "ids" input not provided')
  const wanted = Array.isArray(ids)
    ? ids.map(id => records.table(object.nameSingular).get(String(id))).filter(row => row !== undefined)
    : (data as unknown[]).map(input => applyPatch({}, records.read(object, input, true), object))
  const found = wanted.map(row => entry(records, object, row, shape))
  return ok({ data: found }, wanted.length)
}

function entry(records: Records, object: ObjectMeta, row: Row, shape: Shape): Record<string, unknown> {
  const order = withId([])
  const rows = duplicatesOf(records, object, row).sort((a, b) => compare(order, a, b))
  return {
    totalCount: rows.length,
    pageInfo: {
      hasNextPage: false,
      startCursor: rows[0] ? cursorOf(rows[0], order) : null,
      endCursor: rows.length > 0 ? cursorOf(rows.at(-1)!, order) : null,
    },
    [`${object.nameSingular}Duplicates`]: rows.map(each => present(records, object, each, shape)),
  }
}

export function duplicatesOf(records: Records, object: ObjectMeta, row: Row): Row[] {
  const rules = object.duplicateRules
    .map(paths => paths.map(path => ({ path, value: valueAt(row, path) })))
    .filter(rule => rule.every(({ value }) => value !== null && value !== ''))
  return [...records.table(object.nameSingular).rows()].filter(
    other =>
      other.id !== row.id &&
      other.deletedAt === null &&
      rules.some(rule => rule.every(({ path, value }) => valueAt(other, path) === value)),
  )
}
