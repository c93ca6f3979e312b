import type { ExpressionTree } from '../config/definition.ts'
import type { Scope } from '../processors/processor.ts'
import { type CompileOptions, compileExpression } from './compile.ts'

type Evaluate = (scope: Scope) => unknown

export interface TreeOptions extends Pick<CompileOptions, 'names' | 'freeMail'> {
  /** What an entry of a map is whose optional is empty. Default: left out. */
  readonly absent?: 'null' | undefined
}

/** Strings are CEL, lists and maps are walked, everything else stands for itself. */
export function compileTree(tree: unknown, { absent, ...options }: TreeOptions = {}): ExpressionTree {
  const names = new Set<string>()
  const compile = (source: string): Evaluate => {
    const expression = compileExpression(source, options)
    for (const name of expression.names) names.add(name)
    return scope => expression.evaluate(scope)
  }
  const evaluate = compileNode(tree, compile, absent === 'null' ? null : undefined)
  return { names: [...names], evaluate }
}

function compileNode(node: unknown, compile: (source: string) => Evaluate, absent: null | undefined): Evaluate {
  if (typeof node === 'string') return compile(node)
  if (typeof node !== 'object' || node === null) return () => node
  if (Array.isArray(node)) {
    const items = node.map(item => compileNode(item, compile, absent))
    return scope => items.map(item => item(scope)).filter(value => value !== undefined)
  }
  const entries = Object.entries(node).map(([key, value]) => ({ key, evaluate: compileNode(value, compile, absent) }))
  return scope => {
    const map: Record<string, unknown> = {}
    for (const { key, evaluate } of entries) {
      const value = evaluate(scope)
      const entry = value === undefined ? absent : value
      if (entry !== undefined) map[key] = entry
    }
    return map
  }
}
