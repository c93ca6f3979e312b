import { badRequest } from '../errors.ts'
import { type Call, ok } from '../http.ts'
import { type Filter, parseRestFilter } from '../query/filter.ts'
import { findPage } from '../query/find.ts'
import { parseRestOrder } from '../query/order.ts'
import type { Records } from '../records/records.ts'
import type { ObjectMeta } from '../schema/types.ts'
import { present, shapeOf } from './present.ts'

const DEFAULT_LIMIT = 60
export const MAX_LIMIT = 200

export function findMany(records: Records, object: ObjectMeta, call: Call) {
  const { query } = call
  const shape = shapeOf(query, object, records.versions)
  const page = findPage(
    records.table(object.nameSingular),
    {
      ...optional('filter', filterOf(query, object)),
      order: parseRestOrder(query.get('order_by'), object),
      limit: limitOf(query),
      ...optional('after', query.get('starting_after') || undefined),
      ...optional('before', query.get('ending_before') || undefined),
    },
    records.versions,
  )
  const body = {
    data: { [object.namePlural]: page.rows.map(row => present(records, object, row, shape)) },
    totalCount: page.totalCount,
    pageInfo: page.pageInfo,
  }
  return ok(body, page.rows.length, 200, shape.headers)
}

export function findOne(records: Records, object: ObjectMeta, id: string, call: Call) {
  const shape = shapeOf(call.query, object, records.versions)
  const row = records.live(object, id)
  return ok({ data: { [object.nameSingular]: present(records, object, row, shape) } }, 1, 200, shape.headers)
}

export function filterOf(query: URLSearchParams, object: ObjectMeta): Filter | undefined {
  const text = query.get('filter')
  return text ? parseRestFilter(text, object) : undefined
}

/** 60 when absent; more than 200 is 200 without a word. */
export function limitOf(query: URLSearchParams): number {
  const text = query.get('limit')
  if (!text) return DEFAULT_LIMIT
  const limit = Number(text)
  if (Number.isNaN(limit) || limit < 0) throw badRequest(`limit '${text}' is invalid. Should be an integer`)
  return Math.min(Math.floor(limit), MAX_LIMIT)
}

/** `{}` for undefined: an absent key, not an undefined one. */
export function optional<K extends string, T>(key: K, value: T | undefined): { [key in K]?: T } {
  return (value === undefined ? {} : { [key]: value }) as { [key in K]?: T }
}
