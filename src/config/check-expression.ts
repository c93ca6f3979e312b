import { SyncError } from '../errors.ts'
import { compileExpression } from '../expressions/compile.ts'
import type { Surroundings } from './check-value.ts'
import type { ConfigPath } from './config.ts'
import type { Node, ScalarNode } from './node.ts'
import type { SchemaView } from './schema-view.ts'

/** Compiles a CEL text for its faults, and gives it back. */
export function checkExpression(schema: SchemaView, node: ScalarNode, path: ConfigPath, around: Surroundings): string {
  const text = typeof node.value === 'string' ? node.value : node.source
  const own = schema['x-expression-scope']
  const names = own ?? around.names
  compile(text, node, path, around, { ...(names && { names }), result: schema['x-expression'] ?? 'any' })
  if (!own) note(text, node, path, around)
  return text
}

/** Compiles every text of a tree: lists and maps are walked, other values stand for themselves. */
export function checkTree(node: Node, path: ConfigPath, around: Surroundings): void {
  if (node.kind === 'list') {
    for (const [at, item] of node.items.entries()) checkTree(item, [...path, at], around)
  } else if (node.kind === 'map') {
    for (const [key, value] of node.entries) checkTree(value, [...path, key], around)
  } else if (typeof node.value === 'string' && !node.unresolved) {
    compile(node.value, node, path, around, around.names ? { names: around.names } : {})
    note(node.value, node, path, around)
  }
}

function note(source: string, node: ScalarNode, path: ConfigPath, { load }: Surroundings): void {
  if (node.references.length === 0) load.expressions.push({ path, source })
}

function compile(
  text: string,
  node: ScalarNode,
  path: ConfigPath,
  { load }: Surroundings,
  options: Parameters<typeof compileExpression>[1],
): void {
  if (node.references.length > 0) load.secrets.add(node, node.references.filter(isTelling))
  try {
    compileExpression(text, options)
  } catch (error) {
    if (!(error instanceof SyncError)) throw error
    const { offset = 0, suggestion } = (error.details ?? {}) as { offset?: number; suggestion?: string }
    if (node.references.length > 0) {
      // P9: what the compiler says quotes the text, and with it what was referred to.
      const advice =
        "what a reference stands for becomes part of the expression; as text it stands in quotes: '${NAME}'"
      load.problems.add(
        node.place,
        path,
        'expression',
        `\`${node.source}\` is no expression once its references are filled in`,
        advice,
      )
      return
    }
    load.problems.add(node.locate?.(offset) ?? node.place, path, 'expression', error.message, suggestion)
  }
}

/** Long enough not to be found by chance in what is logged. */
function isTelling(value: string): boolean {
  return value.length >= 8
}
