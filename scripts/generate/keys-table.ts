import { isUnion, type SchemaView, variantsOf } from '../../src/config/schema-view.ts'

/** The keys of a schema as a Markdown table, those of maps within it by their paths. Empty for what has no keys. */
export function keysTable(schema: SchemaView): string {
  const rows = variantsOf(schema).flatMap(variant => rowsOf(variant, ''))
  if (rows.length === 0) return ''
  return ['| key | type | default | what it is | example |', '| --- | --- | --- | --- | --- |', ...rows].join('\n')
}

function rowsOf(schema: SchemaView, prefix: string): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, property]) => {
    const path = `${prefix}${key}`
    const isRequired = schema.required?.includes(key) && property.default === undefined
    return [row(path, property, isRequired === true), ...within(property, path)]
  })
}

function row(path: string, schema: SchemaView, isRequired: boolean): string {
  const [example] = schema.examples ?? []
  const cells = [
    code(path),
    typeText(schema),
    schema.default === undefined ? (isRequired ? 'required' : '') : code(flow(schema.default)),
    schema.description ?? '',
    example === undefined ? '' : code(flow(example)),
  ]
  return `| ${cells.map(cell => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`
}

/** Rows for the keys of a map, of each kind of map in a union, and of maps in a list. */
function within(schema: SchemaView, path: string): string[] {
  return variantsOf(schema).flatMap(variant => {
    if (variant.type === 'array') return variant.items ? within(variant.items, `${path}[]`) : []
    if (!variant.properties) return []
    const [name, kind] = Object.entries(variant.properties).find(([, each]) => 'const' in each) ?? []
    const place = name === undefined ? path : `${path} (${name}: ${kind?.const})`
    return rowsOf(variant, isUnion(schema) && name !== undefined ? `${place}.` : `${path}.`).filter(
      line => name === undefined || !line.startsWith(`| \`${place}.${name}\``),
    )
  })
}

/** In the words of a config's author. */
export function typeText(schema: SchemaView): string {
  if (isUnion(schema)) return unique(variantsOf(schema).map(typeText)).join(' or ')
  if ('const' in schema) return code(String(schema.const))
  if (schema.enum) return schema.enum.map(value => code(String(value))).join(' or ')
  if (schema['x-expression']) return EXPRESSIONS[schema['x-expression']]
  if (schema['x-expression-tree']) return schema.type === 'object' ? 'map of expressions' : 'value with expressions'
  if (schema['x-secret']) return 'secret'
  if (schema['x-file']) return 'file'
  if (schema['x-url']) return 'URL'
  if (schema.pattern?.includes('(ms|s|m|h|d)')) return 'duration'
  if (schema.pattern?.includes('(B|KiB|MiB|GiB)')) return 'size'
  if (schema.type === 'array') return `list of ${schema.items ? typeText(schema.items) : 'values'}`
  return NAMES[schema.type ?? ''] ?? 'value'
}

const EXPRESSIONS = {
  any: 'expression',
  boolean: 'expression (true or false)',
  string: 'expression (text)',
  list: 'expression (list)',
} as const

const NAMES: Readonly<Record<string, string>> = {
  string: 'text',
  integer: 'whole number',
  number: 'number',
  boolean: 'true or false',
  object: 'map',
}

function flow(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function code(text: string): string {
  if (text === '') return 'empty'
  return text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)]
}
