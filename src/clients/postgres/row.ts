import type { Fields } from '../../event.ts'
import type { Column, Table } from './column.ts'
import { quoteName } from './quote.ts'
import { decode, readExpression } from './value.ts'

export interface Row {
  readonly id: string
  /** `updatedAt` in UTC with microseconds. */
  readonly version: string
  readonly deleted: boolean
  readonly data: Fields
}

/** Of a row that was never stamped. */
export const NEVER = '1970-01-01T00:00:00.000000Z'
const MICROSECONDS = 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'

/** What to select, so that `rowOf` can read it. */
export function selectList(table: Table): string {
  const { id, deletedAt } = table
  const deleted = deletedAt ? `${quoteName(deletedAt.name)} is not null` : 'false'
  const columns = readable(table).map(readExpression)
  return [`${quoteName(id.name)}::text`, versionExpression(table), deleted, ...columns].join(', ')
}

export function rowOf(table: Table, [id, version, deleted, ...values]: readonly (string | null)[]): Row {
  const entries = readable(table).map((column, at) => [column.name, decode(column, values[at] ?? null)] as const)
  return { id: id!, version: version ?? NEVER, deleted: deleted === 't', data: Object.fromEntries(entries) }
}

/** The time of the last change as text. */
export function versionExpression({ updatedAt }: Table): string {
  const column = quoteName(updatedAt.name)
  return `to_char(${updatedAt.kind === 'timestamptz' ? `${column} at time zone 'UTC'` : column}, '${MICROSECONDS}')`
}

/** The same to compare with; `epoch` for a row that was never stamped. */
export function versionColumn({ updatedAt }: Table): string {
  return `coalesce(${quoteName(updatedAt.name)}, 'epoch')`
}

/** The server's clock in the type of a column, in milliseconds. */
export function nowIn(column: Column): string {
  const now = `date_trunc('milliseconds', clock_timestamp())`
  return column.kind === 'timestamptz' ? now : `${now} at time zone 'UTC'`
}

function readable({ columns }: Table): Column[] {
  return [...columns.values()].filter(({ kind }) => kind !== 'refused')
}
