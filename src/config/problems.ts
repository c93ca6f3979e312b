import { ConfigError, type ConfigPath, type Problem } from './config.ts'
import type { Place } from './node.ts'

/** `flows.leads.steps[2].upsert.values["emails.primaryEmail"]` */
export function pathText(path: ConfigPath): string {
  let text = ''
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`
    else if (!/^[\w-]+$/.test(part)) text += `[${JSON.stringify(part)}]`
    else text += text === '' ? part : `.${part}`
  }
  return text
}

/** Collects what is wrong, so that everything is said at once. */
export class Problems {
  readonly #found: Problem[] = []

  get count(): number {
    return this.#found.length
  }

  add(place: Place, path: ConfigPath, rule: string, message: string, suggestion?: string): void {
    const { file, line, column } = place
    const problem = {
      file,
      line,
      column,
      path: pathText(path),
      rule,
      message,
      ...(suggestion !== undefined && { suggestion }),
    }
    const text = JSON.stringify(problem)
    // What an alias repeats is one problem.
    if (!this.#found.some(other => JSON.stringify(other) === text)) this.#found.push(problem)
  }

  /** @throws ConfigError when anything was found; file by file in the order given, top to bottom. */
  throwIfAny(files: readonly string[]): void {
    if (this.#found.length === 0) return
    throw new ConfigError(
      [...this.#found].sort(
        (left, right) =>
          files.indexOf(left.file) - files.indexOf(right.file) || left.line - right.line || left.column - right.column,
      ),
    )
  }
}
