import type { ConfigExpression } from './config.ts'
import type { Node } from './node.ts'
import type { Problems } from './problems.ts'

/** What one load collects while it checks. */
export interface LoadContext {
  readonly problems: Problems
  readonly secrets: Secrets
  readonly warnings: Set<string>
  /** Systems and connectors that are there and cannot be used. That was said; who names them is right to. */
  readonly broken: Set<string>
  /** Content hashes of the files that the config names, by the value that names them. */
  readonly files: Map<Node, string>
  /** Those that see names of a component's own are left out; so are those with references, which nobody may quote (P9). */
  readonly expressions: ConfigExpression[]
}

/** Resolved secrets by the value that holds them. */
export class Secrets {
  readonly #values = new Set<string>()
  readonly #nodes = new Set<Node>()

  add(node: Node, values: readonly string[]): void {
    this.#nodes.add(node)
    for (const value of values) if (value !== '') this.#values.add(value)
  }

  has(node: Node): boolean {
    return this.#nodes.has(node)
  }

  /** Longest first: a secret may hold another. */
  values(): string[] {
    return [...this.#values].sort((left, right) => right.length - left.length || (left < right ? -1 : 1))
  }
}
