import { SyncError } from '../../errors.ts'
import type { Fields } from '../../event.ts'
import type { HttpAnswer } from '../http.ts'
import type { CallOptions, Send } from './calls.ts'
import { encodeFilter, withDeleted } from './filter.ts'
import { isFields } from './metadata.ts'
import type { TwentyObject } from './schema.ts'

/** A record as the REST API gives it at depth 0. */
export type Row = Fields & { readonly id: string }

export interface RowPage {
  readonly rows: readonly Row[]
  /** Cursor of the next page; absent on the last. */
  readonly next?: string
  readonly total?: number
  /** The server's own time of the answer, milliseconds; absent without a `Date` header. */
  readonly servedAt?: number
}

export interface Query {
  /** As `filter.ts` builds it. */
  readonly filter?: string
  /** Default and most: 200. */
  readonly limit?: number
  readonly after?: string
  /** Newer servers send only these and the id; older ones send all. */
  readonly fields?: readonly string[]
}

/** Most rows that Twenty gives in one page and takes in one write. */
export const MOST_ROWS = 200

/** Most rows that an update or delete by a filter may touch (`MUTATION_MAXIMUM_AFFECTED_RECORDS`). */
export const MOST_AFFECTED = 100

/** Objects with more fields than this come cut to 200, unless the fields are named. */
const MOST_FIELDS = 200

export interface RecordCalls {
  /** Soft-deleted rows come only where the filter names `deletedAt`. */
  find(object: TwentyObject, query: Query, options?: CallOptions): Promise<RowPage>
  /** One batch create; rows carry their ids. */
  create(object: TwentyObject, rows: readonly Row[], options?: CallOptions): Promise<Row[]>
  /** One batch upsert by id. Inserts what does not exist, and brings soft-deleted rows back. */
  upsert(object: TwentyObject, rows: readonly Row[], options?: CallOptions): Promise<Row[]>
  /** One row by id. A soft-deleted or unknown one is `TWENTY_NOT_FOUND`. */
  update(object: TwentyObject, row: Row, options?: CallOptions): Promise<Row>
  /** Live rows that the filter finds, at most `MOST_AFFECTED`. Resolves with those that there were. */
  updateWhere(object: TwentyObject, filter: string, values: Fields, options?: CallOptions): Promise<Row[]>
  /** Soft unless `destroy`. Resolves with the ids that were deleted now. */
  remove(object: TwentyObject, ids: readonly string[], options?: CallOptions & { destroy?: boolean }): Promise<string[]>
  /** Soft; live rows that the filter finds, at most `MOST_AFFECTED`. Resolves with the ids that were deleted now. */
  removeWhere(object: TwentyObject, filter: string, options?: CallOptions): Promise<string[]>
}

/** Resolves when so many rows may be written. */
export type Pace = (rows: number, options?: CallOptions) => Promise<void>

export function recordCalls(send: Send, pace?: Pace): RecordCalls {
  const write = async (rows: number, ...[call, options]: Parameters<Send>) => {
    await pace?.(rows, options)
    return send(call, options)
  }
  return {
    async find(object, query, options) {
      const url = `/${object.plural}?depth=0&limit=${query.limit ?? MOST_ROWS}${fieldsOf(object, query)}${cursorOf(query)}`
      return pageOf(await send({ method: 'GET', url }, options), object)
    },
    create: async (object, rows, options) =>
      rowsOf(await write(rows.length, { method: 'POST', url: `/batch/${object.plural}?depth=0`, json: rows }, options)),
    upsert: async (object, rows, options) =>
      rowsOf(
        await write(
          rows.length,
          { method: 'POST', url: `/batch/${object.plural}?depth=0&upsert=true`, json: rows },
          options,
        ),
      ),
    async update(object, { id, ...values }, options) {
      const answer = await write(1, { method: 'PATCH', url: `/${object.plural}/${id}?depth=0`, json: values }, options)
      const [row] = rowsOf(answer)
      if (row) return row
      throw noRow(answer, object)
    },
    async updateWhere(object, filter, values, options) {
      const url = `/${object.plural}?filter=${encodeFilter(filter)}&depth=0`
      return rowsOf(await write(1, { method: 'PATCH', url, json: values }, options))
    },
    async remove(object, ids, { destroy = false, ...options } = {}) {
      // Destroying has to reach the soft-deleted ones too.
      const condition = `id[in]:[${ids.join(',')}]`
      const filter = encodeFilter(destroy ? withDeleted(condition) : condition)
      const url = `/${object.plural}?filter=${filter}${destroy ? '' : '&soft_delete=true'}`
      return rowsOf(await write(ids.length, { method: 'DELETE', url }, options)).map(row => row.id)
    },
    async removeWhere(object, filter, options) {
      const url = `/${object.plural}?filter=${encodeFilter(filter)}&soft_delete=true`
      return rowsOf(await write(1, { method: 'DELETE', url }, options)).map(row => row.id)
    },
  }
}

function cursorOf({ filter, after }: Query): string {
  const condition = filter === undefined ? '' : `&filter=${encodeFilter(filter)}`
  return after === undefined ? condition : `${condition}&starting_after=${encodeURIComponent(after)}`
}

function fieldsOf(object: TwentyObject, { fields }: Query): string {
  if (fields) return `&fields=${fields.join(',')}`
  if (object.columns.size <= MOST_FIELDS) return ''
  return `&fields=${[...object.columns.keys()].join(',')}`
}

function pageOf(answer: HttpAnswer, object: TwentyObject): RowPage {
  const body = answer.json()
  const info = isFields(body) && isFields(body.pageInfo) ? body.pageInfo : {}
  const servedAt = Date.parse(answer.headers.date ?? '')
  if (!isFields(body) || body.data === undefined) throw noRow(answer, object)
  return {
    rows: rowsIn(body),
    ...(info.hasNextPage === true && typeof info.endCursor === 'string' && { next: info.endCursor }),
    ...(typeof body.totalCount === 'number' && { total: body.totalCount }),
    ...(!Number.isNaN(servedAt) && { servedAt }),
  }
}

function rowsOf(answer: HttpAnswer): Row[] {
  return rowsIn(answer.json())
}

/** `{ data: { createPeople: [...] } }`: the name under `data` differs by call and version, so the only one is taken. */
function rowsIn(body: unknown): Row[] {
  const data = isFields(body) && 'data' in body ? body.data : body
  const inner = isFields(data) && !('id' in data) ? Object.values(data)[0] : data
  return (Array.isArray(inner) ? inner : [inner]).filter(isRow)
}

function isRow(value: unknown): value is Row {
  return isFields(value) && typeof value.id === 'string'
}

function noRow(answer: HttpAnswer, object: TwentyObject): SyncError {
  const message = `Twenty answered ${answer.status} without ${object.name} records; is the url that of the Twenty server?`
  return new SyncError('retryable', 'INVALID_ANSWER', message, { status: answer.status })
}
