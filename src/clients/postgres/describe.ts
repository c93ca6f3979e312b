import { SyncError } from '../../errors.ts'
import { nearest } from '../../nearest.ts'
import type { Call, Query } from './client.ts'
import { type Column, kindOf, type Table } from './column.ts'
import { DEFAULT_CHANGES, type PostgresConfig, type TableConfig } from './config.ts'
import { quoteTable } from './quote.ts'

/** Name by which the trigger that logs is known. */
export const LOG_TRIGGER = 'twenty_sync_log'

const RELATION = `
select c.oid, c.relkind, n.nspname, c.relname,
  exists (select from pg_trigger g where g.tgrelid = c.oid and g.tgname = $2 and g.tgenabled <> 'D')
    and to_regclass($3) is not null and has_table_privilege(to_regclass($3), 'select')
from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = to_regclass($1)`

// A domain is read as the type under it.
const COLUMNS = `
select a.attname, b.typname, coalesce(e.typname, ''), format_type(a.atttypid, -1),
  case when t.typtype = 'd' then t.typtypmod else a.atttypmod end,
  a.attnotnull or t.typnotnull, a.attgenerated <> '' or a.attidentity = 'a',
  (select string_agg(l.enumlabel, chr(10) order by l.enumsortorder) from pg_enum l where l.enumtypid in (b.oid, e.oid))
from pg_attribute a
join pg_type t on t.oid = a.atttypid
join pg_type b on b.oid = case when t.typtype = 'd' then t.typbasetype else t.oid end
left join pg_type e on e.oid = b.typelem and b.typcategory = 'A'
where a.attrelid = $1::oid and a.attnum > 0 and not a.attisdropped order by a.attnum`

const UNIQUE = `
select (select string_agg(a.attname, chr(10) order by k.place) from unnest(i.indkey) with ordinality k(number, place)
  join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number)
from pg_index i where i.indrelid = $1::oid and i.indisunique and i.indisvalid and i.indpred is null and i.indexprs is null
order by i.indisprimary desc`

export interface Described {
  readonly system: string
  readonly config: PostgresConfig
  readonly settings: TableConfig
}

/** @throws SyncError fatal `POSTGRES_SCHEMA`: no such table, or not fit to be kept in step. */
export async function describeTable({ system, config, settings }: Described, query: Query, call: Call): Promise<Table> {
  const fault = (message: string) =>
    new SyncError('fatal', 'POSTGRES_SCHEMA', `${system}: table ${settings.table} ${message}`)
  const changes = quoteTable(config.changes ?? DEFAULT_CHANGES)
  const { rows } = await query(RELATION, [quoteTable(settings.table), LOG_TRIGGER, changes], call)
  const [oid, relkind, schema, relation, logged] = rows[0] ?? []
  if (!oid) throw fault('is not there, or the role may not see its schema')
  if (relkind !== 'r' && relkind !== 'p') throw fault('is no table; views and foreign tables are not supported')
  const columns = await columnsOf(oid, settings, query, call)
  const column = (name: string): Column => {
    const found = columns.get(name)
    if (found) return found
    const near = nearest(name, [...columns.keys()])
    throw fault(`has no column ${name}${near ? `; is it ${near}?` : ''}`)
  }
  const unique = (await query(UNIQUE, [oid], call)).rows.map(([names]) => (names ?? '').split('\n'))
  const id = column(settings.id)
  if (!unique.some(names => names.length === 1 && names[0] === id.name))
    throw fault(`: column ${id.name} is not unique`)
  const updatedAt = timeColumn(column(settings.updatedAt), fault)
  const name = `${schema}.${relation}`
  const base = { sql: quoteTable(name), name, columns, id, updatedAt, unique, logged: logged === 't' }
  if (settings.deletedAt === undefined) return base
  return { ...base, deletedAt: timeColumn(column(settings.deletedAt), fault) }
}

function timeColumn(column: Column, fault: (message: string) => SyncError): Column {
  if (!column.isArray && (column.kind === 'timestamptz' || column.kind === 'timestamp')) return column
  throw fault(`: column ${column.name} is ${column.type}; it must be a timestamp`)
}

async function columnsOf(oid: string, settings: TableConfig, query: Query, call: Call): Promise<Map<string, Column>> {
  const { rows } = await query(COLUMNS, [oid], call)
  const named = [settings.id, settings.updatedAt, settings.deletedAt]
  const wanted = (name: string) => !settings.columns || settings.columns.includes(name) || named.includes(name)
  const columns = rows.map(row => columnOf(row)).filter(column => wanted(column.name))
  return new Map(columns.map(column => [column.name, column]))
}

function columnOf(row: readonly (string | null)[]): Column {
  const [name, base, element, type, length, notNull, readOnly, labels] = row as string[]
  const kind = kindOf(element || base!)
  // https://www.postgresql.org/docs/current/catalog-pg-attribute.html: -1 is none; four bytes belong to the header.
  const modifier = Number(length)
  return {
    name: name!,
    kind,
    isArray: element !== '',
    type: type!,
    notNull: notNull === 't',
    readOnly: readOnly === 't' || kind === 'refused',
    ...(kind === 'numeric' && modifier >= 4 && { scale: scaleOf(modifier - 4) }),
    ...((kind === 'timestamp' || kind === 'timestamptz') && modifier >= 0 && { secondDigits: modifier }),
    ...(labels && { labels: labels.split('\n') }),
  }
}

/** Eleven bits with a sign. */
function scaleOf(modifier: number): number {
  const bits = modifier & 0x7ff
  return bits >= 0x400 ? bits - 0x800 : bits
}
