import type { MapNode, Node, ScalarNode } from './node.ts'
import { propertyOf, type SchemaView, variantsOf, wanted } from './schema-view.ts'

/** What is said of a union: the one variant that was meant, or why none of them can be. */
export type Choice =
  | { readonly variant: SchemaView }
  /** A key tells the variants apart, and its value is none of theirs. */
  | { readonly key: string; readonly options: readonly string[] }
  | { readonly options: readonly string[] }
  | { readonly wanted: readonly string[] }

/** Picks by JSON type, then by the constant that tells maps apart, then by the keys that fit. */
export function chooseVariant(schema: SchemaView, node: Node): Choice {
  const variants = variantsOf(schema)
  const fitting = variants.filter(variant => hasType(variant, node))
  if (node.kind === 'map') return chooseMap(fitting, variants, node)
  if (node.kind === 'scalar') return chooseScalar(fitting, variants, node)
  return fitting[0] ? { variant: fitting[0] } : { wanted: unique(variants.map(wanted)) }
}

function chooseScalar(fitting: readonly SchemaView[], variants: readonly SchemaView[], node: ScalarNode): Choice {
  const exact = fitting.find(variant => 'const' in variant && variant.const === node.value)
  const open = fitting.filter(variant => !('const' in variant))
  const matching = open.find(variant => !variant.pattern || new RegExp(variant.pattern).test(String(node.value)))
  const variant = exact ?? matching ?? open[0]
  if (variant) return { variant }
  const options = variants.flatMap(each => ('const' in each ? [String(each.const)] : []))
  if (options.length > 0 && (fitting.length > 0 || options.length === variants.length)) return { options }
  return { wanted: unique(variants.map(wanted)) }
}

function chooseMap(fitting: readonly SchemaView[], variants: readonly SchemaView[], node: MapNode): Choice {
  if (fitting.length === 0) return { wanted: unique(variants.map(wanted)) }
  for (const [key, value] of node.entries) {
    const constants = fitting.filter(variant => 'const' in (variant.properties?.[key] ?? {}))
    if (constants.length === 0 || value.kind !== 'scalar') continue
    const same = constants.filter(variant => variant.properties?.[key]?.const === value.value)
    if (same.length > 0) return { variant: best(same, node) }
    const others = fitting.filter(variant => !constants.includes(variant) && propertyOf(variant, key))
    if (others.length > 0) continue
    return { key, options: unique(constants.map(variant => String(variant.properties?.[key]?.const))) }
  }
  return { variant: best(fitting, node) }
}

/** The variant that knows most of the keys and misses the fewest. */
function best(variants: readonly SchemaView[], node: MapNode): SchemaView {
  const scored = variants.map(variant => {
    const known = [...node.entries.keys()].filter(key => propertyOf(variant, key)).length
    const missing = (variant.required ?? []).filter(key => !node.entries.has(key)).length
    return { variant, score: 2 * known - missing }
  })
  return scored.reduce((left, right) => (right.score > left.score ? right : left)).variant
}

/** Whether a value has the JSON type of a schema; a whole reference may become a number or a boolean. */
export function hasType(schema: SchemaView, node: Node): boolean {
  if (node.kind === 'map') return schema.type === 'object' || schema.type === undefined
  if (node.kind === 'list') return schema.type === 'array' || schema.type === undefined
  if ('const' in schema && schema.type === undefined) return true
  const { value, whole } = node
  switch (schema.type) {
    case undefined:
      return true
    case 'string':
      return typeof value === 'string' || (schema['x-expression'] !== undefined && value !== null)
    case 'integer':
    case 'number':
      return typeof value === 'number' || (whole && value !== '' && Number.isFinite(Number(value)))
    case 'boolean':
      return typeof value === 'boolean' || (whole && (value === 'true' || value === 'false'))
    case 'null':
      return value === null
    default:
      return false
  }
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)]
}
