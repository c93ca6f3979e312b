import type { Table } from '../records/table.ts'
import type { Row } from '../schema/types.ts'
import type { Condition } from './condition.ts'
import type { Filter } from './filter.ts'

/**
 * Rows among which all matches are: those that an index names for an id, a unique value or a foreign key,
 * else undefined for "all of them".
 */
export function indexedRows(table: Table, filter: Filter | undefined): Iterable<Row> | undefined {
  if (!filter || filter.kind === 'not') return undefined
  if (filter.kind === 'condition') return fromIndex(table, filter)
  if (filter.kind === 'and') {
    for (const part of filter.parts) {
      const rows = indexedRows(table, part)
      if (rows) return rows
    }
    return undefined
  }
  const rows = new Set<Row>()
  for (const part of filter.parts) {
    const some = indexedRows(table, part)
    if (!some) return undefined
    for (const row of some) rows.add(row)
  }
  return rows
}

function fromIndex(table: Table, condition: Condition): Iterable<Row> | undefined {
  if (condition.operator !== 'eq' && condition.operator !== 'in') return undefined
  const values = new Set(condition.operator === 'eq' ? [condition.value] : (condition.value as unknown[]))
  const column = condition.path[0]!
  if (column === 'id') return present([...values].map(id => table.get(String(id))))
  if (condition.valueKind === 'uuid' && table.object.toOne.some(field => field.settings!.joinColumnName === column))
    return [...values].flatMap(id => table.referencing(column, String(id)))
  const index = table.object.uniqueIndexes.find(
    each => each.paths.length === 1 && each.paths[0]!.join('.') === condition.path.join('.'),
  )
  if (!index) return undefined
  const ids = [...values].flatMap(value => [...table.holders(index, `${String(value)}\u0000`)])
  return present(ids.map(id => table.get(id)))
}

function present(rows: readonly (Row | undefined)[]): Row[] {
  return rows.filter(row => row !== undefined)
}
