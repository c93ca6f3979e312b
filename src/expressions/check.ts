import { ParseError, type ParseResult, TypeError as TypeProblem } from '@marcbachmann/cel-js'
import { SyncError } from '../errors.ts'
import { isDangerousKey } from '../json.ts'
import { nearest } from '../nearest.ts'
import { dialect } from './dialect.ts'
import { compilePattern } from './functions/patterns.ts'
import { asNode, type BoundNames, isNode, type Node, walk } from './node.ts'
import { EVENT_FIELDS } from './scope-names.ts'
import { syntaxDefect } from './syntax.ts'

/** Where in the text, from 0, and what would be right. In `details` of `EXPRESSION_INVALID`. */
export interface ExpressionDefect {
  readonly offset: number
  readonly expression: string
  readonly suggestion?: string
}

export type ResultKind = 'any' | 'boolean' | 'string' | 'list'

export interface Checked {
  readonly run: ParseResult
  readonly root: Node
  /** CEL's name of the result's type; `dyn` where only the data will tell. */
  readonly type: string
  /** Names of the scope that it reads. */
  readonly names: readonly string[]
}

const MAX_LENGTH = 10_000

/** @throws SyncError rejected `EXPRESSION_INVALID` with an ExpressionDefect as details. */
export function checkExpression(source: string, names: readonly string[] | undefined, result: ResultKind): Checked {
  try {
    return checkedSource(source, names, result)
  } catch (thrown) {
    if (!(thrown instanceof Invalid)) throw thrown
    const { offset, message, suggestion } = thrown
    const details: ExpressionDefect = { offset, expression: source, ...(suggestion !== undefined && { suggestion }) }
    throw new SyncError('rejected', 'EXPRESSION_INVALID', message, { details })
  }
}

function checkedSource(source: string, names: readonly string[] | undefined, result: ResultKind): Checked {
  if (source.length > MAX_LENGTH) throw invalid(0, `an expression has at most ${MAX_LENGTH} characters`)
  const run = parse(source)
  const root = asNode(run.ast)
  const used = checkNames(root, names, source)
  const checked = run.check()
  if (!checked.valid) throw typeProblem(checked.error)
  checkResult(checked.type ?? 'dyn', result)
  return { run, root, type: checked.type ?? 'dyn', names: used }
}

function parse(source: string): ParseResult {
  try {
    return dialect.parse(source)
  } catch (error) {
    if (!(error instanceof ParseError)) throw invalid(0, error instanceof Error ? error.message : String(error))
    const complaint = { offset: error.range?.start ?? 0, summary: readable(error.summary) }
    const { offset, message, suggestion } = syntaxDefect(source, complaint, parses)
    throw invalid(offset, message, suggestion)
  }
}

function parses(source: string): boolean {
  try {
    dialect.parse(source)
    return true
  } catch {
    return false
  }
}

function checkNames(root: Node, visible: readonly string[] | undefined, source: string): string[] {
  const used = new Set<string>()
  walk(root, (node, bound) => {
    if (node.op === 'id') checkName(node, bound, visible, used)
    else if (node.op === '.' || node.op === '.?') checkField(node, bound)
    else if (node.op === '[]' || node.op === '[?]') checkKey(node)
    else if (node.op === 'rcall' || node.op === 'call') checkCall(node, source)
  })
  return [...used]
}

function checkName(node: Node, bound: BoundNames, visible: readonly string[] | undefined, used: Set<string>): void {
  const name = String(node.args)
  if (bound.has(name)) return
  const isScopeName = name === 'event' || name === 'data' || !dialect.hasVariable(name)
  if (visible ? visible.includes(name) : isScopeName) {
    used.add(name)
    return
  }
  // Words of the language: `int`, `optional`.
  if (!isScopeName) return
  const meant = nearest(name, visible ?? [])
  const suggestion = meant ?? `one of ${(visible ?? []).join(', ')}; text stands in quotes: '${name}'`
  throw invalid(node.start, `there is no "${name}" here`, suggestion)
}

function checkField(node: Node, bound: BoundNames): void {
  const [left, field] = node.args as [Node, string]
  if (isDangerousKey(field)) throw invalid(node.start, `"${field}" can never be read`)
  if (left.op !== 'id' || left.args !== 'event' || bound.has('event')) return
  if (EVENT_FIELDS.some(known => known === field)) return
  const meant = nearest(field, EVENT_FIELDS)
  throw invalid(
    node.end - field.length,
    `an event has no "${field}"`,
    meant ? `event.${meant}` : `the record's own fields are in data: data.${field}`,
  )
}

function checkKey(node: Node): void {
  const [, key] = node.args as [Node, Node]
  if (key.op === 'value' && typeof key.args === 'string' && isDangerousKey(key.args)) {
    throw invalid(key.start, `"${key.args}" can never be read`)
  }
}

function checkCall(node: Node, source: string): void {
  const [name, receiver, args] = node.args as [string, unknown, unknown]
  const onValue = isNode(receiver)
  checkFunction(name, onValue, onValue ? source.indexOf(name, receiver.end) : node.start)
  const [pattern] = (Array.isArray(args) ? args : []) as Node[]
  if (name !== 'matches' || !onValue || pattern?.op !== 'value' || typeof pattern.args !== 'string') return
  try {
    compilePattern(pattern.args)
  } catch (error) {
    throw invalid(pattern.start, error instanceof Error ? error.message : String(error))
  }
}

const functions = dialect.getDefinitions().functions.filter(known => known.name !== 'captureEvaluator')

/** Names of other languages, and what does the same here. */
const FOREIGN: Readonly<Record<string, string>> = {
  toLowerCase: 'lowerAscii',
  lower: 'lowerAscii',
  toUpperCase: 'upperAscii',
  upper: 'upperAscii',
  includes: 'contains',
  length: 'size',
  len: 'size',
  replaceAll: 'replace',
  some: 'exists',
  every: 'all',
}

/** A name that exists, of another arity or type, is left to the type check, which knows more. */
function checkFunction(name: string, onValue: boolean, offset: number): void {
  const known = functions.filter(each => (each.receiverType !== null) === onValue).map(each => each.name)
  if (known.includes(name)) return
  if (functions.some(each => each.name === name)) {
    const suggestion = onValue ? `${name}(value)` : `value.${name}()`
    throw invalid(offset, `${name}() is not called like this`, suggestion)
  }
  const meant = FOREIGN[name] ?? nearest(name, known)
  throw invalid(offset, `there is no function "${name}"`, meant && `${meant}()`)
}

function typeProblem(error: unknown): Invalid {
  if (!(error instanceof TypeProblem)) return invalid(0, error instanceof Error ? error.message : String(error))
  const { summary } = error
  const overload = /^no such overload: (\S+) (\S+) (.+)$/.exec(summary)
  if (overload) {
    const [, left, operator, right] = overload
    const suggestion =
      operator === '+' && (left === 'string' || right === 'string') ? 'string(…) makes text' : undefined
    return invalid(
      error.range?.start ?? 0,
      `${operator} does not work between ${plain(left!)} and ${plain(right!)}`,
      suggestion,
    )
  }
  const call = /^found no matching overload for '(?:(\S+)\.)?(\w+)\((.*)\)'$/.exec(summary)
  if (call) {
    const [, receiver, name, args] = call
    const suggestion = functions
      .filter(known => known.name === name)
      .map(known => readable(known.signature))
      .join(' or ')
    const on = receiver ? ` on ${plain(receiver)}` : ''
    return invalid(error.range?.start ?? 0, `${name}(${readable(args!)}) does not work${on}`, suggestion || undefined)
  }
  return invalid(error.range?.start ?? 0, readable(summary))
}

const EXPECTED: Record<Exclude<ResultKind, 'any'>, { type: string; words: string; example: string }> = {
  boolean: { type: 'bool', words: 'true or false', example: "data.stage == 'WON'" },
  string: { type: 'string', words: 'text', example: "data.email + '/' + data.formId" },
  list: { type: 'list', words: 'a list', example: 'data.items' },
}

function checkResult(type: string, result: ResultKind): void {
  if (result === 'any' || type.startsWith('dyn')) return
  const { type: wanted, words, example } = EXPECTED[result]
  if (type === wanted || type.startsWith(`${wanted}<`)) return
  if (type.startsWith('optional'))
    throw invalid(0, `this may be empty, and ${words} is needed`, '.orValue(…) at its end')
  throw invalid(0, `this gives ${plain(type)}, and ${words} is needed`, `like ${example}`)
}

const PLAIN: Record<string, string> = {
  bool: 'true or false',
  string: 'text',
  int: 'a whole number',
  double: 'a number',
  list: 'a list',
  map: 'a map',
  null: 'null',
  bytes: 'bytes',
}

function plain(type: string): string {
  const name = readable(type).replace(/<.*$/, '')
  return PLAIN[name] ?? `a ${name}`
}

function readable(text: string): string {
  return text
    .replaceAll('google.protobuf.Timestamp', 'timestamp')
    .replaceAll('google.protobuf.Duration', 'duration')
    .replaceAll('dyn.', 'value.')
}

/** On its way to `checkExpression`, which knows the whole text. */
class Invalid extends Error {
  readonly offset: number
  readonly suggestion: string | undefined

  constructor(offset: number, message: string, suggestion?: string) {
    super(message)
    this.offset = offset
    this.suggestion = suggestion
  }
}

function invalid(offset: number, message: string, suggestion?: string): Invalid {
  return new Invalid(offset, message, suggestion)
}
