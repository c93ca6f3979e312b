import { badRequest } from '../errors.ts'
import type { Versions } from '../faults.ts'
import { firstAtOrAfter, type Table } from '../records/table.ts'
import type { Row } from '../schema/types.ts'
import { indexedRows } from './candidates.ts'
import { cursorOf, readCursor } from './cursor.ts'
import { type Filter, mentions } from './filter.ts'
import { predicate } from './match.ts'
import { compare, type OrderTerm } from './order.ts'

export interface Query {
  readonly filter?: Filter
  readonly order: readonly OrderTerm[]
  readonly limit: number
  readonly after?: string
  readonly before?: string
}

export interface Page {
  readonly rows: readonly Row[]
  readonly totalCount: number
  readonly pageInfo: {
    readonly hasNextPage: boolean
    readonly hasPreviousPage: boolean
    readonly startCursor: string | null
    readonly endCursor: string | null
  }
}

/** All rows that match. Soft-deleted ones only when the filter names deletedAt, or `withDeleted`. */
export function matching(table: Table, filter: Filter | undefined, withDeleted = false): Row[] {
  const test = visible(filter, withDeleted)
  return [...(indexedRows(table, filter) ?? table.rows())].filter(test)
}

function visible(filter: Filter | undefined, withDeleted = false): (row: Row) => boolean {
  const showsDeleted = withDeleted || mentions(filter, 'deletedAt')
  const test = filter ? predicate(filter) : () => true
  return row => (showsDeleted || row.deletedAt === null) && test(row)
}

/** @throws TwentyError 400 for a cursor that cannot be read. */
export function findPage(table: Table, query: Query, versions: Versions): Page {
  if (query.after !== undefined && query.before !== undefined)
    throw badRequest('Cannot provide both before and after', 'ARGS_CONFLICT')
  const byId = query.order.length === 1 && query.order[0]!.direction.startsWith('Asc')
  if (byId && query.before === undefined && !indexedRows(table, query.filter)) return pageById(table, query)
  return pageSorted(table, query, versions)
}

/** Walks the ids from the cursor on and stops at the page's end, so that walking a big object stays cheap. */
function pageById(table: Table, query: Query): Page {
  const ids = table.sortedIds()
  const cursor = query.after === undefined ? undefined : readCursor(query.after, query.order)
  const test = visible(query.filter)
  const rows: Row[] = []
  let at = cursor ? firstAtOrAfter(ids, String(cursor.id)) : 0
  if (cursor && ids[at] === cursor.id) at++
  for (; at < ids.length && rows.length <= query.limit; at++) {
    const row = table.get(ids[at]!)
    if (row && test(row)) rows.push(row)
  }
  const more = rows.length > query.limit
  return page(rows.slice(0, query.limit), query, countOf(table, query.filter), more, cursor !== undefined)
}

function pageSorted(table: Table, query: Query, versions: Versions): Page {
  const all = matching(table, query.filter).sort((a, b) => compare(query.order, a, b))
  const ordered = query.order.length > 1
  const buggy = versions.orderByCursorBug && ordered
  const text = query.after ?? query.before
  if (text === undefined) return page(all.slice(0, query.limit), query, all.length, all.length > query.limit, false)
  if (buggy && query.order.some(term => term.path.length > 1)) throw badRequest('Invalid cursor', 'INVALID_CURSOR')
  const cursor = readCursor(text, query.order)
  if (query.before !== undefined) {
    const rows = all.filter(row => compare(query.order, row, cursor) < 0)
    const shown = rows.slice(Math.max(0, rows.length - query.limit))
    return page(shown, query, all.length, true, rows.length > shown.length)
  }
  // Issue 20109: the boundary row comes again.
  const rows = all.filter(row => compare(query.order, row, cursor) > (buggy ? -1 : 0))
  return page(rows.slice(0, query.limit), query, all.length, rows.length > query.limit, true)
}

function page(rows: readonly Row[], query: Query, totalCount: number, next: boolean, previous: boolean): Page {
  const first = rows[0]
  const last = rows.at(-1)
  return {
    rows,
    totalCount,
    pageInfo: {
      hasNextPage: next,
      hasPreviousPage: previous,
      startCursor: first ? cursorOf(first, query.order) : null,
      endCursor: last ? cursorOf(last, query.order) : null,
    },
  }
}

const counts = new WeakMap<Table, { version: number; byFilter: Map<string, number> }>()

/** Counting a filter over a big object is dear, and pages of one walk ask for the same count. */
function countOf(table: Table, filter: Filter | undefined): number {
  if (!filter) return table.live
  const cached = counts.get(table)
  const { byFilter } = cached?.version === table.version ? cached : { byFilter: new Map<string, number>() }
  counts.set(table, { version: table.version, byFilter })
  const key = JSON.stringify(filter)
  const count = byFilter.get(key) ?? matching(table, filter).length
  byFilter.set(key, count)
  return count
}
