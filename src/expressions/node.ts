import { type ASTNode, parse } from '@marcbachmann/cel-js'

/**
 * The parts of a parsed expression that are used here. The library documents the tree, but not what a macro turned
 * into (`meta`) nor the function that runs a checked node (`handle`), so both are optional.
 */
export interface Node {
  readonly op: string
  readonly args: unknown
  readonly start: number
  readonly end: number
  readonly meta?: { readonly alternate?: Node; readonly macro?: MacroParts }
  handle?: (left: unknown, right: unknown, ast: unknown, evaluator: unknown) => unknown
}

interface MacroParts {
  /** `cel.bind(name, value, result)` */
  readonly var?: string
  readonly val?: Node
  readonly exp?: Node
  /** `has(…)` and others. */
  readonly args?: readonly Node[]
  readonly receiver?: Node
  readonly arg?: Node
}

/** A loop: `all`, `exists`, `map`, `filter`. */
export interface LoopParts {
  readonly iterable: Node
  readonly iterVarName: string
  readonly init: Node
  readonly step: Node
}

const nodeClass = parse('true').ast.constructor

export function asNode(ast: ASTNode): Node {
  return ast as unknown as Node
}

export function isNode(value: unknown): value is Node {
  return value instanceof nodeClass
}

/** What a name stands for that a loop or a bind has added: a value, or each item of one. */
interface Bound {
  readonly node: Node
  readonly isItem: boolean
  /** The names that are known where the value stands. */
  readonly names: BoundNames
}

export type BoundNames = ReadonlyMap<string, Bound>

type Visit = (node: Node, bound: BoundNames) => void

const NONE: BoundNames = new Map()

/** Visits every node as it will run, macros expanded, with the names that loops and binds have added there. */
export function walk(node: Node, visit: Visit, bound = NONE): void {
  const { alternate, macro } = node.meta ?? {}
  if (alternate) {
    walk(alternate, visit, bound)
    return
  }
  visit(node, bound)
  if (macro) walkMacro(macro, visit, bound)
  else if (node.op === 'comprehension') walkLoop(node.args as LoopParts, visit, bound)
  else for (const child of childrenOf(node.args)) walk(child, visit, bound)
}

function walkMacro(macro: MacroParts, visit: Visit, bound: BoundNames): void {
  if (macro.var && macro.val && macro.exp) {
    walk(macro.val, visit, bound)
    walk(macro.exp, visit, new Map(bound).set(macro.var, { node: macro.val, isItem: false, names: bound }))
    return
  }
  for (const child of [macro.receiver, macro.arg, ...(macro.args ?? [])]) if (child) walk(child, visit, bound)
}

function walkLoop({ iterable, iterVarName, init, step }: LoopParts, visit: Visit, bound: BoundNames): void {
  walk(iterable, visit, bound)
  walk(init, visit, bound)
  walk(step, visit, new Map(bound).set(iterVarName, { node: iterable, isItem: true, names: bound }))
}

function childrenOf(args: unknown): Node[] {
  if (isNode(args)) return [args]
  return Array.isArray(args) ? args.flatMap(childrenOf) : []
}
