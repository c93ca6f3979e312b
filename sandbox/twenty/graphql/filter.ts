import { badRequest } from '../errors.ts'
import { condition, type ValueKind } from '../query/condition.ts'
import type { Filter, Operator } from '../query/filter.ts'
import { isDirection, type OrderTerm, orderTerm, withId } from '../query/order.ts'
import { subFieldsOf } from '../schema/composites.ts'
import type { ObjectMeta } from '../schema/types.ts'

/** Operators that each kind of value has; others do not exist in the GraphQL schema. */
const OPERATORS: Record<ValueKind, readonly string[]> = {
  text: ['eq', 'neq', 'gt', 'gte', 'lt', 'lte', 'like', 'ilike', 'startsWith', 'endsWith', 'in', 'is'],
  uuid: ['eq', 'neq', 'in', 'is'],
  time: ['eq', 'neq', 'in', 'gt', 'gte', 'lt', 'lte', 'is'],
  number: ['eq', 'neq', 'gt', 'gte', 'lt', 'lte', 'in', 'is'],
  boolean: ['eq', 'is'],
  option: ['eq', 'neq', 'in', 'is', 'gt', 'gte', 'lt', 'lte'],
  list: ['containsAny', 'containsIlike', 'isEmptyArray', 'is'],
  json: ['like', 'is'],
}

/** Reads `{field: {op: value}}`, composites nested one level, with `and`, `or` and `not`. */
export function graphqlFilter(object: ObjectMeta, input: unknown): Filter | undefined {
  if (input === null || input === undefined) return undefined
  if (typeof input !== 'object') throw badRequest('filter must be an object')
  const parts = Object.entries(input).flatMap(([name, value]) => part(object, name, value))
  return parts.length === 0 ? undefined : { kind: 'and', parts }
}

function part(object: ObjectMeta, name: string, value: unknown): Filter[] {
  if (value === null || value === undefined) return []
  if (name === 'and' || name === 'or') {
    const parts = (Array.isArray(value) ? value : [value]).map(each => graphqlFilter(object, each))
    return [{ kind: name, parts: parts.filter(each => each !== undefined) }]
  }
  if (name === 'not') {
    const inner = graphqlFilter(object, value)
    return inner ? [{ kind: 'not', part: inner }] : []
  }
  const field = object.columns.get(name)
  if (!field) throw badRequest(`Field "${name}" is not defined by type "${object.nameSingular}FilterInput".`)
  if (!subFieldsOf(field.type)) return conditions(object, [name], value)
  return Object.entries(value).flatMap(([sub, each]) => conditions(object, [name, sub], each))
}

function conditions(object: ObjectMeta, path: readonly string[], value: unknown): Filter[] {
  if (typeof value !== 'object' || value === null)
    throw badRequest(`filter "${path.join('.')}" needs {operator: value}`)
  return Object.entries(value).map(([operator, wanted]) => {
    const made = condition(object, path, operator as Operator, wanted)
    if (!OPERATORS[made.valueKind].includes(operator))
      throw badRequest(`Field "${operator}" is not defined for filters of "${path.join('.')}".`)
    return made
  })
}

/** Reads `[{updatedAt: AscNullsFirst}, {name: {firstName: DescNullsLast}}]`. */
export function graphqlOrder(object: ObjectMeta, input: unknown): OrderTerm[] {
  const list = input === null || input === undefined ? [] : Array.isArray(input) ? input : [input]
  return withId(
    list.flatMap(each => Object.entries(each as object).flatMap(([name, value]) => terms(object, [name], value))),
  )
}

function terms(object: ObjectMeta, path: readonly string[], value: unknown): OrderTerm[] {
  if (typeof value === 'string') {
    if (!isDirection(value)) throw badRequest(`Value "${value}" does not exist in "OrderByDirection" enum.`)
    return [orderTerm(object, path, value)]
  }
  return Object.entries((value ?? {}) as object).flatMap(([name, inner]) => terms(object, [...path, name], inner))
}
