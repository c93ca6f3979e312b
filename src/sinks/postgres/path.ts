import type { Column, Table } from '../../clients/postgres/column.ts'
import { encode } from '../../clients/postgres/value.ts'
import { SyncError } from '../../errors.ts'
import type { Fields } from '../../event.ts'
import { nearest } from '../../nearest.ts'

export interface Place {
  readonly column: Column
  /** Within the JSON of the column; empty: the column itself. */
  readonly inner: readonly string[]
}

/** The column that a path names, or the place in a JSON column. undefined: there is none. */
export function placeOf(table: Table, path: string): Place | undefined {
  const whole = table.columns.get(path)
  if (whole) return { column: whole, inner: [] }
  const [first, ...inner] = path.split('.')
  const column = table.columns.get(first!)
  return column?.kind === 'json' && !column.isArray && inner.length > 0 ? { column, inner } : undefined
}

/**
 * Texts by column, for a write. A place within a JSON column is put into its current value.
 * @throws SyncError rejected `UNKNOWN_FIELD`, `INVALID_VALUE`.
 */
export function columnTexts(table: Table, values: Fields, current: Fields): Map<Column, string | null> {
  const whole = new Map<Column, unknown>()
  for (const [path, value] of Object.entries(values)) {
    const { column, inner } = placeOf(table, path) ?? unknownPath(table, path)
    const fault = writeFault(table, column)
    if (fault) throw new SyncError('rejected', 'INVALID_VALUE', `${table.name}: column ${column.name} ${fault}`)
    if (inner.length === 0) whole.set(column, value)
    else whole.set(column, withInner(whole.get(column) ?? current[column.name], inner, value))
  }
  return new Map([...whole].map(([column, value]) => [column, encode(column, value)]))
}

/** Why a sync may not write to the column; undefined when it may. */
export function writeFault({ id, updatedAt, deletedAt }: Table, column: Column): string | undefined {
  if (column === id) return 'names the row: it is not written'
  if (column === updatedAt || column === deletedAt) return 'is kept by each write itself'
  if (column.kind === 'refused') return `is ${column.type}, which is neither read nor written`
  return column.readOnly ? 'is made by the database' : undefined
}

export function unknownPath(table: Table, path: string): never {
  const near = nearest(path, [...table.columns.keys()])
  const advice = near ? `; is it ${near}?` : ''
  throw new SyncError('rejected', 'UNKNOWN_FIELD', `table ${table.name} has no column ${path}${advice}`)
}

function withInner(whole: unknown, [name, ...rest]: readonly string[], value: unknown): Fields {
  const map = typeof whole === 'object' && whole !== null && !Array.isArray(whole) ? (whole as Fields) : {}
  return { ...map, [name!]: rest.length === 0 ? value : withInner(map[name!], rest, value) }
}
