import { Environment, Optional } from '@marcbachmann/cel-js'
import { described } from './functions/described.ts'
import { registerMoney } from './functions/money.ts'
import { registerNumbers } from './functions/numbers.ts'
import { matches } from './functions/patterns.ts'
import { join, registerText } from './functions/text.ts'
import { registerTime } from './functions/time.ts'
import { spend, spendSearch } from './meter.ts'

const sync = { async: false }

/** CEL as it is spoken here. Names are checked before this sees them, so that unknown ones get a suggestion. */
export const dialect: Environment = createDialect()

function createDialect(): Environment {
  const env = new Environment({
    unlistedVariablesAreDyn: true,
    homogeneousAggregateLiterals: false,
    enableOptionalTypes: true,
    limits: { maxAstNodes: 5000, maxDepth: 100, maxListElements: 1000, maxMapEntries: 500, maxCallArguments: 16 },
  })
  env.registerVariable('event', 'map').registerVariable('data', 'map')
  registerNumbers(env)
  registerText(env)
  registerTime(env)
  registerMoney(env)
  env.registerFunction(
    'default(dyn, dyn): dyn',
    orDefault,
    described('The first value, or the second where the first is null, empty text or an empty optional.'),
  )
  replaceHandlers(env)
  meterEvaluator(env)
  return env
}

/** The value, unless it is null, empty text or an empty optional. */
function orDefault(value: unknown, other: unknown): unknown {
  const present = value instanceof Optional ? (value.hasValue() ? value.value() : null) : value
  return present === null || present === '' ? other : present
}

interface Declaration {
  readonly handler: (...args: never[]) => unknown
}

/**
 * The library refuses a second function with the signature of one of its own. Its list of candidates is reached
 * through a checked expression instead; this environment has its own copy of the list, others do not see the change.
 */
function replaceHandlers(env: Environment): void {
  replaceHandler(env, '"".matches("")', () => matches)
  replaceHandler(env, '[""].join()', () => join)
  replaceHandler(env, '[""].join("")', () => join)
  const searching = ['contains', 'indexOf', 'lastIndexOf', 'split', 'startsWith', 'endsWith']
  for (const name of searching) replaceHandler(env, `"".${name}("")`, guarded)
  for (const name of ['indexOf', 'lastIndexOf', 'split']) replaceHandler(env, `"".${name}("", 0)`, guarded)
  const parts = 'Date DayOfMonth DayOfWeek DayOfYear FullYear Hours Milliseconds Minutes Month Seconds'.split(' ')
  for (const part of parts) replaceHandler(env, `timestamp(0).get${part}("UTC")`, zoned)
}

/** The library asks the platform for a whole localised text each time, which takes as long as a thousand operations. */
function zoned(original: (...args: unknown[]) => unknown) {
  return (at: Date, timeZone: string) => {
    spend(1000)
    return original(at, timeZone)
  }
}

function guarded(original: (...args: unknown[]) => unknown) {
  return (text: string, wanted: string, ...rest: unknown[]) => {
    spendSearch(text, wanted)
    return original(text, wanted, ...rest)
  }
}

function replaceHandler(
  env: Environment,
  sample: string,
  replacement: (original: (...args: unknown[]) => unknown) => Declaration['handler'],
): void {
  const parsed = env.parse(sample)
  parsed.check()
  const { candidates } = parsed.ast as unknown as { candidates: { declarations: Declaration[] } }
  const [declaration] = candidates.declarations
  if (!declaration || candidates.declarations.length !== 1) throw new Error(`cannot replace the function of ${sample}`)
  const handler = replacement(declaration.handler as (...args: unknown[]) => unknown)
  candidates.declarations[0] = Object.freeze(Object.create(declaration, { handler: { value: handler } }))
}

interface Evaluator {
  run(ast: Runnable, context: unknown): unknown
  tryEval(ast: Runnable, context: unknown): unknown
  debugType(value: unknown): { kind: string }
  debugTypeDeep(value: unknown): unknown
  registry: { getListType(of: unknown): unknown }
}

interface Runnable {
  readonly op: string
  evaluate(evaluator: Evaluator, ast: Runnable, context: unknown): unknown
}

/** A function's `this` is the environment's evaluator; every node of every expression runs through its `run`. */
function meterEvaluator(env: Environment): void {
  let captured: Evaluator | undefined
  env.registerFunction(
    'captureEvaluator(): bool',
    function (this: Evaluator) {
      captured = this
      return true
    },
    sync,
  )
  env.evaluate('captureEvaluator()')
  const evaluator = captured
  if (!evaluator) throw new Error('the expression library no longer hands its evaluator to functions')
  evaluator.run = (ast, context) => {
    const value = ast.evaluate(evaluator, ast, context)
    spend(1 + weightOf(ast.op, value))
    return value
  }
  // `||`, `&&`, `all` and `exists` go on after an error; making one costs as much as a hundred operations.
  evaluator.tryEval = (ast, context) => {
    try {
      return evaluator.run(ast, context)
    } catch (error) {
      spend(100)
      return error
    }
  }
  // The library names a type after the whole nesting of a value and keeps it for good: foreign data must not choose it.
  evaluator.debugTypeDeep = value => {
    const type = evaluator.debugType(value)
    if (type.kind !== 'list') return type
    const first = Array.isArray(value) ? value[0] : undefined
    return first === undefined ? type : evaluator.registry.getListType(evaluator.debugType(first))
  }
}

/** New text costs by its length, text that was only touched less; so do lists, which may be searched by the next node. */
function weightOf(op: string, value: unknown): number {
  if (typeof value === 'string')
    return op === '+' || op === 'call' || op === 'rcall' ? value.length / 16 : value.length / 256
  if (!Array.isArray(value)) return 0
  // These three hand on the list that a loop is filling, once per turn.
  return op === 'accuPush' || op === 'accuValue' || op === '?:' ? 0 : value.length / 4
}
