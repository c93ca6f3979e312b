import type { TSchema } from '@sinclair/typebox'
import type { Fields } from '../event.ts'
import type { Expressions } from '../expressions/expressions.ts'
import type { Scope } from '../processors/processor.ts'

type Evaluate = (scope: Scope) => unknown

interface AnnotatedSchema extends TSchema {
  'x-expression'?: 'any' | 'boolean' | 'string' | 'list'
  'x-expression-scope'?: readonly string[]
  'x-expression-tree'?: boolean
  'x-expression-absent'?: 'null'
  anyOf?: AnnotatedSchema[]
  properties?: Record<string, AnnotatedSchema>
  items?: AnnotatedSchema
  type?: string
  pattern?: string
  const?: unknown
}

/**
 * A function from scope to the step's config with every expression replaced by its value. Compiled once per step;
 * what an empty optional gives is left out, where the schema does not say that it is null.
 */
export function compileArgs(schema: TSchema, config: Fields, expressions: Expressions): (scope: Scope) => Fields {
  const evaluate = compileValue(schema as AnnotatedSchema, config, expressions)
  return scope => (typeof evaluate === 'function' ? evaluate(scope) : config) as Fields
}

/** undefined where there is nothing to evaluate. */
function compileValue(
  schema: AnnotatedSchema | undefined,
  value: unknown,
  expressions: Expressions,
): Evaluate | undefined {
  if (!schema) return undefined
  if (schema['x-expression-tree']) {
    const tree = expressions.compileTree(value, { absent: schema['x-expression-absent'] })
    return scope => tree.evaluate(scope)
  }
  // The sink evaluates it itself, over names of its own.
  if (schema['x-expression-scope']) return undefined
  if (schema['x-expression'] && typeof value === 'string') {
    const expression = expressions.compile(value, { result: schema['x-expression'] })
    return scope => expression.evaluate(scope)
  }
  if (schema.anyOf)
    return compileValue(
      schema.anyOf.find(variant => fits(variant, value)),
      value,
      expressions,
    )
  if (Array.isArray(value)) return compileList(schema.items, value, expressions)
  if (typeof value === 'object' && value !== null) return compileObject(schema, value as Fields, expressions)
  return undefined
}

function compileList(
  schema: AnnotatedSchema | undefined,
  list: unknown[],
  expressions: Expressions,
): Evaluate | undefined {
  const items = list.map(item => compileValue(schema, item, expressions))
  if (items.every(item => !item)) return undefined
  return scope => items.map((item, at) => (item ? item(scope) : list[at])).filter(item => item !== undefined)
}

function compileObject(schema: AnnotatedSchema, object: Fields, expressions: Expressions): Evaluate | undefined {
  const dynamic = Object.entries(object).flatMap(([key, value]) => {
    const evaluate = compileValue(schema.properties?.[key], value, expressions)
    return evaluate ? [{ key, evaluate }] : []
  })
  if (dynamic.length === 0) return undefined
  const fixed = Object.fromEntries(Object.entries(object).filter(([key]) => !dynamic.some(entry => entry.key === key)))
  return scope => {
    const result: Fields = { ...fixed }
    for (const { key, evaluate } of dynamic) {
      const value = evaluate(scope)
      if (value !== undefined) result[key] = value
    }
    return result
  }
}

function fits(schema: AnnotatedSchema, value: unknown): boolean {
  if ('const' in schema) return schema.const === value
  if (schema['x-expression-tree'])
    return schema.type !== 'object' || (typeof value === 'object' && !Array.isArray(value))
  if (schema.anyOf) return schema.anyOf.some(variant => fits(variant, value))
  if (Array.isArray(value)) return schema.type === 'array'
  if (schema.type === 'integer') return typeof value === 'number'
  // Texts of one kind stand as they are, and others are expressions: addresses, for example.
  if (typeof value === 'string' && schema.pattern !== undefined && !new RegExp(schema.pattern).test(value)) return false
  return schema.type === typeof value
}
