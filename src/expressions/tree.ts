import type { ExpressionTree } from '../config/definition.ts'
import type { Scope } from '../processors/processor.ts'
import { type CompileOptions, compileExpression } from './compile.ts'

type Evaluate = (scope: Scope) => unknown

/** Strings are CEL, lists and maps are walked, everything else stands for itself. */
export function compileTree(tree: unknown, options: Pick<CompileOptions, 'names'> = {}): ExpressionTree {
  const names = new Set<string>()
  const evaluate = compileNode(tree, source => {
    const expression = compileExpression(source, options)
    for (const name of expression.names) names.add(name)
    return scope => expression.evaluate(scope)
  })
  return { names: [...names], evaluate }
}

function compileNode(node: unknown, compile: (source: string) => Evaluate): Evaluate {
  if (typeof node === 'string') return compile(node)
  if (typeof node !== 'object' || node === null) return () => node
  if (Array.isArray(node)) {
    const items = node.map(item => compileNode(item, compile))
    return scope => items.map(item => item(scope)).filter(value => value !== undefined)
  }
  const entries = Object.entries(node).map(([key, value]) => ({ key, evaluate: compileNode(value, compile) }))
  return scope => {
    const map: Record<string, unknown> = {}
    for (const { key, evaluate } of entries) {
      const value = evaluate(scope)
      if (value !== undefined) map[key] = value
    }
    return map
  }
}
