import type { Call, PostgresClient } from '../../clients/postgres/client.ts'
import type { Table } from '../../clients/postgres/column.ts'
import { DEFAULT_CHANGES } from '../../clients/postgres/config.ts'
import { arrayText, quoteName, quoteTable } from '../../clients/postgres/quote.ts'
import { type Row, rowOf, selectList } from '../../clients/postgres/row.ts'
import type { Mark, TableCursor } from './cursor.ts'

export const PAGE = 1000

const MICROSECONDS = `'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'`
/** Transaction numbers of rows have 32 bits: beyond half of that, older and newer cannot be told apart. */
const FARTHEST = 2n ** 31n - 10_000_000n

/** Where the server is now. To be taken before anything is read. */
export async function markNow(client: PostgresClient, call: Call): Promise<Mark> {
  const text = `select pg_snapshot_xmin(pg_current_snapshot())::text, to_char(clock_timestamp() at time zone 'UTC', ${MICROSECONDS})`
  const { rows } = await client.query(text, [], call)
  const [horizon, at] = rows[0]!
  return { horizon: horizon!, at: at! }
}

/** Whether transactions can be told apart by number since then: not after a move to another server. */
export function isComparable(done: Mark, now: Mark): boolean {
  const passed = BigInt(now.horizon) - BigInt(done.horizon)
  return passed >= 0n && passed < FARTHEST
}

export interface RowQuery {
  /** Absent: every row. */
  readonly since?: string
  /** Absent: the time alone decides. */
  readonly horizon?: string
  readonly after?: NonNullable<TableCursor['walk']>['after']
}

/** One page of rows, oldest change first. */
export async function changedRows(client: PostgresClient, table: Table, query: RowQuery, call: Call): Promise<Row[]> {
  const { id, updatedAt } = table
  const values: string[] = []
  const value = (type: string, text: string) => `$${values.push(text)}::${type}`
  const time = quoteName(updatedAt.name)
  const key = quoteName(id.name)
  const conditions = [`${time} is not null`]
  if (query.since !== undefined) conditions.push(`${time} >= ${value(updatedAt.type, query.since)}`)
  if (query.horizon !== undefined) {
    // P2: whatever was not committed when the last walk began. Freezing and rewriting a table leave `xmin` as it was.
    conditions.push(`age(xmin) <= age(${value('xid8', query.horizon)}::xid)`)
  }
  if (query.after) {
    const { version, id: last } = query.after
    conditions.push(`(${time}, ${key}) > (${value(updatedAt.type, version)}, ${value(id.type, last)})`)
  }
  const text = `select ${selectList(table)} from ${table.sql} where ${conditions.join(' and ')} order by ${time}, ${key} limit ${PAGE}`
  const { rows } = await client.query(text, values, call)
  return rows.map(row => rowOf(table, row))
}

/** What the trigger wrote of one change. */
export interface Logged {
  readonly position: string
  readonly id: string
  readonly op: 'insert' | 'update' | 'delete'
  /** The version that the row had after it. */
  readonly at: string
  readonly changed: readonly string[]
  readonly by?: string
}

/** One page of deletes since the horizon, in their order. */
export function loggedDeletes(
  client: PostgresClient,
  table: Table,
  query: { readonly horizon: string; readonly after: string },
  call: Call,
): Promise<Logged[]> {
  const where = `op = 'delete' and position > $3::bigint order by position limit ${PAGE}`
  return logged(client, where, [table.name, query.horizon, query.after], call)
}

/** All changes of these rows since the horizon, in their order. */
export function loggedChanges(
  client: PostgresClient,
  table: Table,
  query: { readonly horizon: string; readonly ids: readonly string[] },
  call: Call,
): Promise<Logged[]> {
  const where = 'id = any($3::text[]) order by position'
  return logged(client, where, [table.name, query.horizon, arrayText(query.ids)], call)
}

async function logged(client: PostgresClient, where: string, values: string[], call: Call): Promise<Logged[]> {
  const columns = `position::text, id, op, to_char(at at time zone 'UTC', ${MICROSECONDS}), to_json(changed)::text, by`
  const text = `select ${columns} from ${changesOf(client)} where table_name = $1 and xid >= $2::xid8 and ${where}`
  const { rows } = await client.query(text, values, call)
  return rows.map(([position, id, op, at, changed, by]) => ({
    position: position!,
    id: id!,
    op: op as Logged['op'],
    at: at!,
    changed: changed ? (JSON.parse(changed) as string[]) : [],
    ...(by && { by }),
  }))
}

/** Deletes what no poll will ask for any more, some at a time. @returns how many. */
export async function trimChanges(client: PostgresClient, olderThan: string, call: Call): Promise<number> {
  const changes = changesOf(client)
  const old = `select position from ${changes} where at < $1::timestamptz order by position limit 10000`
  const { count } = await client.query(`delete from ${changes} where position in (${old})`, [olderThan], call)
  return count
}

function changesOf({ config }: PostgresClient): string {
  return quoteTable(config.changes ?? DEFAULT_CHANGES)
}
