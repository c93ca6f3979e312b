import { EvaluationError } from '@marcbachmann/cel-js'
import type { Expression } from '../config/definition.ts'
import { SyncError } from '../errors.ts'
import { isDangerousKey } from '../json.ts'
import type { Scope } from '../processors/processor.ts'
import { type Checked, checkExpression, type ResultKind } from './check.ts'
import { useFreeMail } from './functions/free-mail.ts'
import { jsonValue } from './json-value.ts'
import { spendOn, startMeter } from './meter.ts'
import { type Node, walk } from './node.ts'

export interface CompileOptions {
  /** The names that it may read; absent: any. Another name is an error with a suggestion. */
  readonly names?: readonly string[]
  /** Domains beside those that `isFreeMail()` knows, in small letters. */
  readonly freeMail?: ReadonlySet<string>
  /** What it must give. Checked now where the types tell, else when it is evaluated. */
  readonly result?: ResultKind
}

/**
 * Compiles CEL. A name that the scope lacks, because its step did not run, is null.
 * @throws SyncError rejected `EXPRESSION_INVALID`; `details` is an ExpressionDefect.
 */
export function compileExpression(
  source: string,
  { names, freeMail, result = 'any' }: CompileOptions = {},
): Expression {
  const checked = checkExpression(source, names, result)
  guard(checked.root)
  const output = outputOf(checked)
  const { run, names: used } = checked
  return {
    source,
    names: used,
    evaluate(scope) {
      startMeter()
      useFreeMail(freeMail)
      try {
        return expected(output(run(complete(scope, used))), result)
      } catch (error) {
        throw failure(error, source)
      }
    },
  }
}

/** Only what the expression reads is looked at: most scopes are complete and are used as they are. */
function complete(scope: Scope, names: readonly string[]): Scope {
  for (const name of names) {
    if (scope[name] === undefined) return { ...Object.fromEntries(names.map(each => [each, null])), ...scope }
  }
  return scope
}

/** Values that come out of the scope untouched are JSON already; what was computed is made so. */
function outputOf({ root, type }: Checked): (value: unknown) => unknown {
  if (type === 'bool' || type === 'string') return value => value
  return isPath(root) ? value => value : jsonValue
}

function isPath(node: Node): boolean {
  if (node.op === 'id') return !node.meta?.alternate
  return (node.op === '.' || node.op === '[]') && isPath((node.args as [Node, unknown])[0])
}

/**
 * Two things that the evaluator does without asking: it compares whole trees for one operation's price, and it reads
 * any key that the data names.
 */
function guard(root: Node): void {
  walk(root, node => {
    const { handle } = node
    if (!handle) return
    if (node.op === '==' || node.op === '!=' || node.op === 'in') {
      node.handle = (left, right, ast, evaluator) => {
        if (typeof left === 'object' && left !== null) spendOn(right)
        return handle(left, right, ast, evaluator)
      }
    }
    if (node.op === '[]' || node.op === '[?]') {
      node.handle = (left, right, ast, evaluator) => {
        if (typeof right === 'string' && isDangerousKey(right)) throw new Error(`"${right}" can never be read`)
        return handle(left, right, ast, evaluator)
      }
    }
  })
}

const TYPE_OF = { boolean: 'boolean', string: 'string', list: 'object' } as const
const WORDS = { boolean: 'true or false', string: 'text', list: 'a list' } as const

function expected(value: unknown, result: ResultKind): unknown {
  if (result === 'any') return value
  // A number where text is wanted has one reading only: record ids and order numbers come as either.
  if (result === 'string' && typeof value === 'number') return String(value)
  if (result === 'list' ? Array.isArray(value) : typeof value === TYPE_OF[result]) return value
  throw new Error(`it gave ${describe(value)}, and ${WORDS[result]} is needed`)
}

function describe(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  return Array.isArray(value) ? 'a list' : typeof value === 'object' ? 'a map' : `a ${typeof value}`
}

const MISSING = new Set(['no_such_key', 'index_out_of_bounds'])

function failure(error: unknown, source: string): SyncError {
  if (error instanceof SyncError) return error
  if (error instanceof EvaluationError && MISSING.has(error.code)) return missing(error, source)
  return new SyncError('rejected', 'EXPRESSION_FAILED', `expression \`${source}\` failed: ${reason(error)}`, {
    cause: error,
  })
}

function reason(error: unknown): string {
  // The library tells kinds of objects apart by their constructor, and a field of that name hides it.
  if (error instanceof EvaluationError && error.code === 'unsupported_type') {
    return 'it reads a value that is not JSON, or one with a field named "constructor", which expressions cannot read'
  }
  if (error instanceof EvaluationError) return error.summary
  return error instanceof Error ? error.message : String(error)
}

function missing(error: EvaluationError, source: string): SyncError {
  const { node } = error
  const path = node ? source.slice(node.start, node.end) : source
  const optional = path.replace(/\.(\w+)$/, '.?$1').replace(/\[([^\]]*)\]$/, '[?$1]')
  const message = `expression \`${source}\` reads ${path}, which is absent; where it may be, read ${optional}`
  return new SyncError('rejected', 'MISSING_FIELD', message, { cause: error, details: { path } })
}
