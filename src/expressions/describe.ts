import { Environment } from '@marcbachmann/cel-js'
import { dialect } from './dialect.ts'

export interface FunctionNote {
  /** `string.slug(): string` */
  readonly signature: string
  /** Only of what CEL itself does not have. */
  readonly description?: string
}

/** Every function that expressions can call: CEL's own, and those that were added. For the reference page. */
export function expressionFunctions(): {
  readonly own: readonly FunctionNote[]
  readonly added: readonly FunctionNote[]
} {
  const standard = new Set(signaturesOf(new Environment({ enableOptionalTypes: true })).map(note => note.signature))
  const all = signaturesOf(dialect)
  return {
    own: all.filter(({ signature }) => standard.has(signature)).map(({ signature }) => ({ signature })),
    added: all.filter(({ signature }) => !standard.has(signature)),
  }
}

/** Without the hook of the meter, and without asking for the type of the library's own namespaces. */
function signaturesOf(env: Environment): FunctionNote[] {
  return env
    .getDefinitions()
    .functions.filter(({ name, params }) => name !== 'captureEvaluator' && !params[0]?.type.endsWith('Namespace'))
    .map(({ signature, description }) => ({ signature: readable(signature), ...(description && { description }) }))
}

function readable(signature: string): string {
  return signature
    .replaceAll('google.protobuf.Timestamp', 'timestamp')
    .replaceAll('google.protobuf.Duration', 'duration')
}
