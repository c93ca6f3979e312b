import type { TSchema } from '@sinclair/typebox'

/** The parts of JSON Schema that definitions use, and our marks. */
export interface SchemaView {
  readonly type?: string
  readonly const?: string | number | boolean | null
  readonly enum?: readonly (string | number | boolean | null)[]
  readonly anyOf?: readonly SchemaView[]
  readonly oneOf?: readonly SchemaView[]
  readonly properties?: Readonly<Record<string, SchemaView>>
  readonly patternProperties?: Readonly<Record<string, SchemaView>>
  readonly additionalProperties?: boolean | SchemaView
  readonly required?: readonly string[]
  readonly items?: SchemaView
  readonly default?: unknown
  readonly description?: string
  readonly examples?: readonly unknown[]
  readonly pattern?: string
  readonly 'x-expression'?: 'any' | 'boolean' | 'string' | 'list'
  readonly 'x-expression-scope'?: readonly string[]
  readonly 'x-expression-tree'?: boolean
  /** Not config but data of others: no reference is asked for, nothing in it is looked at. */
  readonly 'x-data'?: boolean
  readonly 'x-secret'?: boolean
  readonly 'x-file'?: boolean
  readonly 'x-url'?: boolean
}

/** TypeBox types a schema by its keyword-less base. */
export function viewOf(schema: TSchema): SchemaView {
  return schema as SchemaView
}

/** The variants of a union, unions within it included; the schema alone when it is none. */
export function variantsOf(schema: SchemaView): readonly SchemaView[] {
  const variants = schema.anyOf ?? schema.oneOf
  return variants ? variants.flatMap(variantsOf) : [schema]
}

export function isUnion(schema: SchemaView): boolean {
  return schema.anyOf !== undefined || schema.oneOf !== undefined
}

/** Any key is a name of the author's own: a transform's map. */
export function isFreeMap(schema: SchemaView): boolean {
  return schema.type === 'object' && schema['x-expression-tree'] === true
}

/** What a key's value must be; undefined for an unknown key, `{}` where anything goes. */
export function propertyOf(schema: SchemaView, key: string): SchemaView | undefined {
  const { properties = {}, patternProperties = {}, additionalProperties } = schema
  if (Object.hasOwn(properties, key)) return properties[key]
  const pattern = Object.keys(patternProperties).find(each => new RegExp(each).test(key))
  if (pattern !== undefined) return patternProperties[pattern]
  if (typeof additionalProperties === 'object') return additionalProperties
  // A map with named keys is closed unless it says otherwise: a mistyped key must not pass.
  const isOpen = additionalProperties ?? (schema.properties === undefined && schema.patternProperties === undefined)
  return isOpen ? {} : undefined
}

/** What JSON type a value must have, in words. */
export function wanted(schema: SchemaView): string {
  if (schema['x-expression'] !== undefined) return 'an expression'
  if ('const' in schema) return JSON.stringify(schema.const)
  switch (schema.type) {
    case 'string':
      return 'text'
    case 'integer':
      return 'a whole number'
    case 'number':
      return 'a number'
    case 'boolean':
      return 'true or false'
    case 'array':
      return 'a list'
    case 'object':
      return 'a map'
    default:
      return 'a value'
  }
}
