import type { Expression, ExpressionTree } from '../config/definition.ts'
import { type CompileOptions, compileExpression } from './compile.ts'
import { compileTree, type TreeOptions } from './tree.ts'

/** Compiles the expressions of one config: what they know beside the data is that config's, whatever others run here. */
export class Expressions {
  readonly #freeMail: ReadonlySet<string>

  /** @param freeMail domains beside those that `isFreeMail()` knows. */
  constructor({ freeMail = [] }: { readonly freeMail?: readonly string[] } = {}) {
    this.#freeMail = new Set(freeMail.map(domain => domain.toLowerCase()))
  }

  /** @throws SyncError as `compileExpression`. */
  readonly compile = (source: string, options: Omit<CompileOptions, 'freeMail'> = {}): Expression =>
    compileExpression(source, { ...options, freeMail: this.#freeMail })

  /** @throws SyncError as `compileExpression`. */
  readonly compileTree = (tree: unknown, options: Omit<TreeOptions, 'freeMail'> = {}): ExpressionTree =>
    compileTree(tree, { ...options, freeMail: this.#freeMail })
}
