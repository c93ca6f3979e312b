import { badRequest } from '../errors.ts'
import { type Answer, type Call, ok } from '../http.ts'
import { matching } from '../query/find.ts'
import type { Records } from '../records/records.ts'
import { subFieldsOf } from '../schema/composites.ts'
import { capital } from '../schema/standard-objects.ts'
import { type ObjectMeta, type Row, valueAt } from '../schema/types.ts'
import { present } from './present.ts'
import { filterOf, limitOf } from './read.ts'

interface Dimension {
  readonly path: readonly string[]
  readonly granularity?: string
}

/** Groups of the matching rows with the aggregates asked for, such as `maxAmountAmountMicros`. */
export function groupBy(records: Records, object: ObjectMeta, call: Call): Answer {
  const { query } = call
  const dimensions = jsonList(query, 'group_by').map(each => dimension(object, each))
  if (dimensions.length === 0) throw badRequest(`'group_by' is missing. eg: group_by=[{"stage":true}]`)
  const aggregates = jsonList(query, 'aggregate').map(name => aggregate(object, String(name)))
  const groups = new Map<string, { values: (string | null)[]; rows: Row[] }>()
  for (const row of matching(records.table(object.nameSingular), filterOf(query, object))) {
    const values = dimensions.map(each => dimensionValue(each, row))
    const key = JSON.stringify(values)
    const group = groups.get(key)
    if (group) group.rows.push(row)
    else groups.set(key, { values, rows: [row] })
  }
  const withRecords = query.get('include_records_sample') === 'true'
  const shown = [...groups.values()].slice(0, limitOf(query)).map(group => ({
    groupByDimensionValues: group.values,
    ...Object.fromEntries(aggregates.map(each => [each.name, each.of(group.rows)])),
    ...(withRecords ? { records: group.rows.map(row => present(records, object, row, { depth: 0 })) } : {}),
  }))
  const body = { data: { [`${object.namePlural}GroupBy`]: shown } }
  return ok(records.versions.groupByFormat === 'array' ? shown : body, shown.length)
}

function jsonList(query: URLSearchParams, name: string): unknown[] {
  const text = query.get(name)
  if (!text) return []
  try {
    const value: unknown = JSON.parse(text)
    if (Array.isArray(value)) return value
  } catch {}
  throw badRequest(`'${name}' is not a JSON list: ${text}`)
}

function dimension(object: ObjectMeta, value: unknown): Dimension {
  const [name, detail] = Object.entries((value ?? {}) as Record<string, unknown>)[0] ?? []
  const field = object.columns.get(name ?? '') ?? object.fieldByName.get(name ?? '')
  if (!field || name === undefined) throw badRequest(`'group_by' invalid: no field "${name}" on ${object.nameSingular}`)
  const column = object.columns.has(name) ? name : field.settings?.joinColumnName
  if (column === undefined) throw badRequest(`'group_by' invalid: cannot group by "${name}"`)
  if (typeof detail !== 'object' || detail === null) return { path: [column] }
  if ('granularity' in detail) return { path: [column], granularity: String(detail.granularity) }
  return { path: [column, Object.keys(detail)[0]!] }
}

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']

function dimensionValue({ path, granularity }: Dimension, row: Row): string | null {
  const value = valueAt(row, path)
  if (value === null) return null
  if (granularity === undefined) return String(value)
  const time = new Date(String(value))
  if (granularity === 'DAY_OF_THE_WEEK') return DAYS[time.getUTCDay()]!
  if (granularity === 'YEAR') return time.toISOString().slice(0, 4)
  if (granularity === 'MONTH') return `${time.toISOString().slice(0, 7)}-01`
  if (granularity === 'DAY' || granularity === 'NONE') return time.toISOString().slice(0, 10)
  throw badRequest(`'group_by' invalid: granularity ${granularity} is not known to the sandbox`)
}

const KINDS = ['countNotEmpty', 'countEmpty', 'countUniqueValues', 'min', 'max', 'avg', 'sum'] as const

/** Aggregates of numbers come as text, as the database gives them. */
function aggregate(object: ObjectMeta, name: string): { name: string; of: (rows: readonly Row[]) => unknown } {
  if (name === 'totalCount') return { name, of: rows => rows.length }
  const kind = KINDS.find(each => name.startsWith(each))
  const path = kind && pathOf(object, name.slice(kind.length))
  if (!kind || !path) throw badRequest(`'aggregate' invalid: no aggregate "${name}" on ${object.nameSingular}`)
  const values = (rows: readonly Row[]) => rows.map(row => valueAt(row, path)).filter(value => value !== null)
  if (kind === 'countNotEmpty') return { name, of: rows => values(rows).length }
  if (kind === 'countEmpty') return { name, of: rows => rows.length - values(rows).length }
  if (kind === 'countUniqueValues') return { name, of: rows => new Set(values(rows).map(String)).size }
  return {
    name,
    of(rows) {
      const numbers = values(rows).map(value => (typeof value === 'string' ? Date.parse(value) : Number(value)))
      if (numbers.length === 0) return null
      const sum = numbers.reduce((total, number) => total + number, 0)
      const min = numbers.reduce((least, number) => Math.min(least, number))
      const max = numbers.reduce((most, number) => Math.max(most, number))
      const result = { min, max, sum, avg: sum / numbers.length }[kind]
      return typeof values(rows)[0] === 'string' ? new Date(result).toISOString() : String(result)
    },
  }
}

function pathOf(object: ObjectMeta, name: string): string[] | undefined {
  for (const [column, field] of object.columns) {
    if (capital(column) === name) return [column]
    for (const sub of Object.keys(subFieldsOf(field.type) ?? {}))
      if (capital(column) + capital(sub) === name) return [column, sub]
  }
  return undefined
}
