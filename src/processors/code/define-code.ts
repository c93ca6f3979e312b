/** What a `code` file sees: `event`, `data`, and the names of earlier steps. A copy; changing it changes nothing. */
export type CodeInput = Record<string, unknown> & {
  readonly event: {
    readonly id: string
    readonly type: string
    readonly time: string
    readonly source: string
    readonly subject: string
    readonly object: string
    readonly recordId: string
    readonly action: string
    readonly changed: readonly string[]
    readonly key: string
    readonly extensions: Readonly<Record<string, string>>
  }
  readonly data: Readonly<Record<string, unknown>>
}

export interface CodeContext {
  /** Aborted when the event is given up. */
  readonly signal: AbortSignal
}

/** Values for the names under `adds`, or why the event ends here. JSON only. */
export type CodeResult = Readonly<Record<string, unknown>> | { readonly skip: string }

export type CodeFunction = (input: CodeInput, context: CodeContext) => CodeResult | Promise<CodeResult>

/**
 * Gives a `code` file its types: `export default defineCode(({ data }) => ({ score: … }))`, with
 * `import { defineCode } from 'twenty-sync'`.
 * The same input must give the same result: no clock, no randomness, no calls to other systems.
 */
export function defineCode(code: CodeFunction): CodeFunction {
  return code
}
