import { nearest } from '../nearest.ts'
import { checkExpression, checkTree } from './check-expression.ts'
import { checkFile } from './check-file.ts'
import { checkSecret, checkUrl, looksLikeUrl, registerSecretLooks } from './check-secret.ts'
import type { ConfigPath } from './config.ts'
import { breaches } from './leaf.ts'
import type { LoadContext } from './load-context.ts'
import { found, keyPlaceOf, type ListNode, type MapNode, type Node, plainOf, type ScalarNode } from './node.ts'
import { isUnion, propertyOf, type SchemaView, variantsOf, wanted } from './schema-view.ts'
import { chooseVariant, hasType } from './variants.ts'

/** What a value's surroundings decide. */
export interface Surroundings {
  readonly load: LoadContext
  /** Names that expressions see; absent: any. */
  readonly names?: readonly string[]
  /** The component says `insecure: true`. */
  readonly insecure?: boolean
  /** Keys of this map that somebody else checks; offered when a key is unknown. */
  readonly otherKeys?: readonly string[]
}

/**
 * Checks a value against its schema and gives it with defaults filled in. What is wrong goes to the problems; the value
 * is then as good as it can be had, so that checking goes on.
 */
export function checkValue(schema: SchemaView, node: Node, path: ConfigPath, around: Surroundings): unknown {
  if (node.kind === 'scalar' && node.unresolved) return node.source
  if (isUnion(schema)) return checkUnion(schema, node, path, around)
  if (schema['x-data']) return checkData(schema, node, path, around)
  if (schema['x-expression-tree']) return checkTreeValue(schema, node, path, around)
  if (node.kind === 'scalar') return checkScalar(schema, node, path, around)
  if (schema.type === undefined) return checkAny(node, path, around)
  if (node.kind === 'map' && schema.type === 'object') return checkMap(schema, node, path, around)
  if (node.kind === 'list' && schema.type === 'array') return checkList(schema, node, path, around)
  return wrongType(wanted(schema), node, path, around)
}

function checkUnion(schema: SchemaView, node: Node, path: ConfigPath, around: Surroundings): unknown {
  const choice = chooseVariant(schema, node)
  if ('variant' in choice) return checkValue(choice.variant, node, path, around)
  if ('wanted' in choice) return wrongType(choice.wanted.join(' or '), node, path, around)
  const at = 'key' in choice && node.kind === 'map' ? node.entries.get(choice.key) : undefined
  const others = 'key' in choice ? [] : wantedBeside(schema)
  notAnOption(at ?? node, at && 'key' in choice ? [...path, choice.key] : path, choice.options, around, others)
  return plainOf(node)
}

/** What a union takes besides its constants. */
function wantedBeside(schema: SchemaView): string[] {
  return [...new Set(variantsOf(schema).flatMap(variant => ('const' in variant ? [] : [wanted(variant)])))]
}

function notAnOption(
  node: Node,
  path: ConfigPath,
  options: readonly string[],
  { load }: Surroundings,
  others: readonly string[] = [],
): void {
  const written = node.kind === 'scalar' ? String(node.value) : ''
  const quoted = found(node).replace(/^text "/, '"')
  const message = `${quoted} is not one of ${options.join(', ')}${others.length > 0 ? `, nor ${others.join(' or ')}` : ''}`
  load.problems.add(node.place, path, 'enum', message, nearest(written, options))
}

function checkTreeValue(schema: SchemaView, node: Node, path: ConfigPath, around: Surroundings): unknown {
  if (schema.type === 'object' && node.kind !== 'map') return wrongType('a map', node, path, around)
  checkTree(node, path, around)
  return plainOf(node)
}

function checkData(schema: SchemaView, node: Node, path: ConfigPath, around: Surroundings): unknown {
  if (schema.type === 'object' && node.kind !== 'map') return wrongType('a map', node, path, around)
  return plainOf(node)
}

function checkAny(node: Node, path: ConfigPath, around: Surroundings): unknown {
  if (node.kind === 'list') return node.items.map((item, at) => checkValue({}, item, [...path, at], around))
  if (node.kind === 'map') return checkMap({ type: 'object' }, node, path, around)
  return plainOf(node)
}

function checkMap(schema: SchemaView, node: MapNode, path: ConfigPath, around: Surroundings): unknown {
  const { load, otherKeys = [], ...inside } = around
  const values: Record<string, unknown> = {}
  const meant = new Set<string | undefined>()
  for (const [key, value] of node.entries) {
    const property = propertyOf(schema, key)
    const at = [...path, key]
    if (!property) {
      meant.add(unknownKey(key, value, at, [...Object.keys(schema.properties ?? {}), ...otherKeys], load))
      continue
    }
    values[key] = checkValue(property, value, at, { load, ...inside })
    if (!schema.properties?.[key]) registerSecretLooks(key, value, at, load)
  }
  for (const key of schema.required ?? []) {
    const isGiven = node.entries.has(key) || schema.properties?.[key]?.default !== undefined
    // A mistyped key is said once.
    if (!isGiven && !meant.has(key)) missing(schema, key, node, path, load)
  }
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    if (property.default !== undefined && !(key in values)) values[key] = structuredClone(property.default)
  }
  addBreaches(schema, values, keyPlaceOf(node), path, load)
  return values
}

function checkList(schema: SchemaView, node: ListNode, path: ConfigPath, around: Surroundings): unknown {
  const { otherKeys: _, ...inside } = around
  const values = node.items.map((item, at) => checkValue(schema.items ?? {}, item, [...path, at], inside))
  addBreaches(schema, values, node.place, path, around.load)
  return values
}

function checkScalar(schema: SchemaView, node: ScalarNode, path: ConfigPath, around: Surroundings): unknown {
  const { load } = around
  if (schema['x-secret'] && !checkSecret(schema, node, path, load)) return node.value
  if (!hasType(schema, node)) return wrongType(wanted(schema), node, path, around)
  const options = schema.enum ?? ('const' in schema ? [schema.const] : undefined)
  const value = converted(schema, node)
  if (options && !options.some(option => option === value)) {
    notAnOption(node, path, options.map(String), around)
    return value
  }
  if (value === '' && node.references.length > 0 && breaches(schema, value).length > 0) {
    load.problems.add(node.place, path, 'empty', `what \`${node.source}\` stands for is empty`)
    return value
  }
  const before = load.problems.count
  addBreaches(schema, value, node.place, path, load)
  if (load.problems.count > before) return value
  if (schema['x-expression']) return checkExpression(schema, node, path, around)
  if (schema['x-file']) return checkFile(node, path, load)
  if (schema['x-url'] || looksLikeUrl(node)) checkUrl(node, path, { isSystem: schema['x-url'] === true, ...around })
  return value
}

function converted(schema: SchemaView, node: ScalarNode): unknown {
  if (schema['x-expression'] && typeof node.value !== 'string') return node.source
  if (typeof node.value !== 'string') return node.value
  if (schema.type === 'integer' || schema.type === 'number') return Number(node.value)
  return schema.type === 'boolean' ? node.value === 'true' : node.value
}

function addBreaches(
  schema: SchemaView,
  value: unknown,
  place: Parameters<LoadContext['problems']['add']>[0],
  path: ConfigPath,
  { problems }: LoadContext,
): void {
  const integer = schema.type === 'integer' && typeof value === 'number' && !Number.isInteger(value)
  if (integer) problems.add(place, path, 'type', `this must be a whole number, and is ${value}`)
  for (const { rule, message, suggestion } of breaches(schema, value))
    problems.add(place, path, rule, message, suggestion)
}

/** Steps without their dashes, most often. */
const UNLISTED = 'each item of a list begins with "- "'

function wrongType(what: string, node: Node, path: ConfigPath, { load }: Surroundings): unknown {
  const isQuotable = what === 'text' && node.kind === 'scalar' && node.value !== null
  const isUnlisted = what === 'a list' && node.kind === 'map'
  const suggestion = isQuotable ? JSON.stringify(node.source) : isUnlisted ? UNLISTED : undefined
  const message = `this must be ${what}, and is ${found(node)}`
  load.problems.add(node.place, path, 'type', message, suggestion)
  return plainOf(node)
}

/** Says which key was meant, and gives it. */
function unknownKey(
  key: string,
  node: Node,
  path: ConfigPath,
  known: readonly string[],
  { problems }: LoadContext,
): string | undefined {
  const meant = nearest(key, known)
  const suggestion = meant ?? (known.length > 0 ? `one of ${[...new Set(known)].join(', ')}` : undefined)
  problems.add(keyPlaceOf(node), path, 'unknown-key', `there is no key \`${key}\` here`, suggestion)
  return meant
}

function missing(schema: SchemaView, key: string, node: MapNode, path: ConfigPath, { problems }: LoadContext): void {
  const { examples, description } = schema.properties?.[key] ?? {}
  const [example] = examples ?? []
  const suggestion = example === undefined ? undefined : `${key}: ${yamlText(example)}`
  const what = description ? `: ${description}` : ''
  problems.add(keyPlaceOf(node), [...path, key], 'missing', `\`${key}\` is missing${what}`, suggestion)
}

function yamlText(value: unknown): string {
  return typeof value === 'string' && !/[:#{}[\]$&*!|>'"%@`,]|^\s|\s$|^$/.test(value) ? value : JSON.stringify(value)
}
