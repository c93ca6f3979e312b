import { nameProblem } from '../expressions/scope-names.ts'
import type { ConfigPath } from './config.ts'
import type { LoadContext } from './load-context.ts'
import type { Place } from './node.ts'

/** Names that expressions of a flow see at one point. Inner steps of `each` see more than comes out of them. */
export class StepNames {
  readonly #known: Set<string>
  #open: boolean

  constructor(outer?: StepNames) {
    this.#known = new Set(outer ? outer.#known : ['event', 'data'])
    this.#open = outer ? outer.#open : false
  }

  /** undefined once a step could not be understood: what it adds is not known, and nothing is reported as unknown. */
  get visible(): readonly string[] | undefined {
    return this.#open ? undefined : [...this.#known]
  }

  /** A step could not be understood. */
  open(): void {
    this.#open = true
  }

  add(name: string, place: Place, path: ConfigPath, { problems }: LoadContext): void {
    const isTaken = this.#known.has(name)
    const message = nameProblem(name) ?? (isTaken ? 'an earlier step defines this name already' : undefined)
    if (message !== undefined) problems.add(place, path, isTaken ? 'duplicate-name' : 'name', message, 'another name')
    this.#known.add(name)
  }
}
