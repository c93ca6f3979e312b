import { badRequest } from '../errors.ts'
import { subFieldsOf } from '../schema/composites.ts'
import { type Field, type ObjectMeta, type Row, valueAt } from '../schema/types.ts'

const DIRECTIONS = ['AscNullsFirst', 'AscNullsLast', 'DescNullsFirst', 'DescNullsLast'] as const

export type Direction = (typeof DIRECTIONS)[number]

export interface OrderTerm {
  readonly path: readonly string[]
  readonly direction: Direction
  readonly numeric: boolean
  /** Position of each value of a SELECT, which orders by it. */
  readonly ranks?: ReadonlyMap<string, number>
}

/** Reads `field` or `field[Direction]`, comma separated. `id` breaks ties and is always last. */
export function parseRestOrder(text: string | null, object: ObjectMeta): OrderTerm[] {
  const terms = (text ?? '')
    .split(',')
    .filter(part => part !== '')
    .map(part => {
      const found = /^([^[]+)(?:\[([^\]]*)\])?$/.exec(part)
      const direction = found?.[2] ?? 'AscNullsFirst'
      if (!found || !isDirection(direction))
        throw badRequest(
          `'order_by' direction '${direction}' invalid. Allowed values are '${DIRECTIONS.join("', '")}'. eg: ?order_by=field_1[AscNullsFirst],field_2[DescNullsLast],field_3`,
        )
      return orderTerm(object, found[1]!.split('.'), direction)
    })
  return withId(terms)
}

export function isDirection(text: string): text is Direction {
  return (DIRECTIONS as readonly string[]).includes(text)
}

export function withId(terms: readonly OrderTerm[]): OrderTerm[] {
  const hasId = terms.some(term => term.path[0] === 'id')
  return hasId ? [...terms] : [...terms, { path: ['id'], direction: 'AscNullsFirst', numeric: false }]
}

export function orderTerm(object: ObjectMeta, path: readonly string[], direction: Direction): OrderTerm {
  const field = object.columns.get(path[0]!)
  if (!field) throw badRequest(`Field "${path[0]}" not found in object "${object.nameSingular}"`)
  const subFields = subFieldsOf(field.type)
  if (subFields ? !Object.hasOwn(subFields, path[1] ?? '') || path.length !== 2 : path.length !== 1)
    throw badRequest(`'order_by' invalid: cannot order by "${path.join('.')}"`)
  const ranks = field.type === 'SELECT' ? new Map(field.options?.map((each, at) => [each.value, at])) : undefined
  return { path, direction, numeric: isNumeric(field, path), ...(ranks ? { ranks } : {}) }
}

function isNumeric(field: Field, path: readonly string[]): boolean {
  if (path.length > 1) return subFieldsOf(field.type)![path[1]!] === 'numeric'
  return field.type === 'NUMBER' || field.type === 'NUMERIC' || field.type === 'POSITION'
}

/** Compares two rows, or a row with the values of a cursor, which have the row's shape. */
export function compare(terms: readonly OrderTerm[], a: Row, b: Row): number {
  for (const term of terms) {
    const result = compareBy(term, valueAt(a, term.path), valueAt(b, term.path))
    if (result !== 0) return result
  }
  return 0
}

function compareBy(term: OrderTerm, a: unknown, b: unknown): number {
  if (a === null || b === null) {
    if (a === b) return 0
    return (a === null) === term.direction.endsWith('NullsFirst') ? -1 : 1
  }
  const left = key(term, a)
  const right = key(term, b)
  const order = left < right ? -1 : left > right ? 1 : 0
  return term.direction.startsWith('Asc') ? order : -order
}

function key(term: OrderTerm, value: unknown): string | number {
  if (term.ranks) return term.ranks.get(String(value)) ?? -1
  return term.numeric ? Number(value) : String(value)
}
