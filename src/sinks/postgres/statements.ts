import type { Column, Table } from '../../clients/postgres/column.ts'
import { arrayText, quoteName } from '../../clients/postgres/quote.ts'
import { nowIn, selectList, versionColumn } from '../../clients/postgres/row.ts'

export interface Statement {
  readonly text: string
  readonly values: (string | null)[]
}

export type ColumnTexts = ReadonlyMap<Column, string | null>

/** Gathers values, and gives each its place holder with the cast that its column needs. */
class Values {
  readonly all: (string | null)[] = []

  add({ type }: Pick<Column, 'type'>, value: string | null): string {
    this.all.push(value)
    return `$${this.all.length}::${type}`
  }
}

/** Several rows at once; what a unique constraint refuses is left out of the answer, and no error. */
export function insert(table: Table, rows: readonly ColumnTexts[]): Statement {
  const values = new Values()
  const { updatedAt } = table
  const columns = [...new Set(rows.flatMap(row => [...row.keys()]))]
  const stamp = updatedAt.readOnly ? [] : [updatedAt]
  const names = [...columns, ...stamp].map(({ name }) => quoteName(name)).join(', ')
  const tuples = rows.map(row => {
    // What a row does not say gets the default of its column.
    const cells = columns.map(column => (row.has(column) ? values.add(column, row.get(column)!) : 'default'))
    return `(${[...cells, ...stamp.map(nowIn)].join(', ')})`
  })
  const what = names === '' ? 'default values' : `(${names}) values ${tuples.join(', ')}`
  const text = `insert into ${table.sql} ${what} on conflict do nothing returning ${selectList(table)}`
  return { text, values: values.all }
}

/** Refused by no row when the version is another one. */
export function update(
  table: Table,
  target: { readonly id: string; readonly version: string },
  texts: ColumnTexts,
  deleted?: 'delete' | 'restore',
): Statement {
  const values = new Values()
  const { deletedAt, updatedAt } = table
  const sets = [...texts].map(([column, value]) => `${quoteName(column.name)} = ${values.add(column, value)}`)
  if (deleted && deletedAt) {
    sets.push(`${quoteName(deletedAt.name)} = ${deleted === 'delete' ? nowIn(deletedAt) : 'null'}`)
  }
  if (!updatedAt.readOnly) {
    // Later than before even when the clock was set back: the version of a row only grows.
    const after = `${versionColumn(table)} + interval '1 millisecond'`
    sets.push(`${quoteName(updatedAt.name)} = greatest(${nowIn(updatedAt)}, ${after})`)
  }
  const where = condition(table, target, values)
  return {
    text: `update ${table.sql} set ${sets.join(', ')} where ${where} returning ${selectList(table)}`,
    values: values.all,
  }
}

export function remove(table: Table, target: { readonly id: string; readonly version: string }): Statement {
  const values = new Values()
  return { text: `delete from ${table.sql} where ${condition(table, target, values)}`, values: values.all }
}

function condition(table: Table, { id, version }: { id: string; version: string }, values: Values): string {
  const { id: key, updatedAt } = table
  const same = `${versionColumn(table)} = ${values.add(updatedAt, version)}`
  return `${quoteName(key.name)} = ${values.add(key, id)} and ${same}`
}

/** Rows whose column is one of these. */
export function selectAny(table: Table, column: Column, texts: readonly string[]): Statement {
  const name = quoteName(column.name)
  const text = column.isArray ? `${name} && $1::${column.type}` : `${name} = any($1::${column.type}[])`
  return { text: `select ${selectList(table)} from ${table.sql} where ${text}`, values: [arrayText(texts)] }
}

/** The same for a place within a JSON column, compared as text. */
export function selectInner(
  table: Table,
  { name }: Column,
  inner: readonly string[],
  texts: readonly string[],
): Statement {
  const text = `select ${selectList(table)} from ${table.sql} where (${quoteName(name)} #>> $1::text[]) = any($2::text[])`
  return { text, values: [arrayText(inner), arrayText(texts)] }
}

/** The row that holds these unique values. */
export function selectEqual(table: Table, texts: ColumnTexts): Statement {
  const values = new Values()
  const equal = [...texts].map(([column, value]) => `${quoteName(column.name)} = ${values.add(column, value)}`)
  return {
    text: `select ${selectList(table)} from ${table.sql} where ${equal.join(' and ')} limit 1`,
    values: values.all,
  }
}

/** Live rows in the order of their ids. */
export function selectPage(table: Table, after: string | undefined, limit: number): Statement {
  const values = new Values()
  const { id, deletedAt } = table
  const conditions = [
    ...(deletedAt ? [`${quoteName(deletedAt.name)} is null`] : []),
    ...(after === undefined ? [] : [`${quoteName(id.name)} > ${values.add(id, after)}`]),
  ]
  const where = conditions.length > 0 ? ` where ${conditions.join(' and ')}` : ''
  const order = `order by ${quoteName(id.name)} limit ${limit}`
  return { text: `select ${selectList(table)} from ${table.sql}${where} ${order}`, values: values.all }
}

export function countLive({ sql, deletedAt }: Table): Statement {
  const where = deletedAt ? ` where ${quoteName(deletedAt.name)} is null` : ''
  return { text: `select count(*)::text from ${sql}${where}`, values: [] }
}
