import { createRequire } from 'node:module'
import type { Liquid, LiquidError, StaticAnalysis, Template } from 'liquidjs'
import { SyncError } from '../../errors.ts'

type Variables = StaticAnalysis['globals']
type Variable = Variables[string][number]

/** `html` escapes every output that is not `| raw`; `text` writes it as it is. */
export type Escaping = 'html' | 'text'

export interface Compiled {
  /** Names of the scope that it reads. */
  readonly names: readonly string[]
  readonly uses: readonly Use[]
  /** @throws SyncError rejected `MISSING_FIELD` for what is not there; `TEMPLATE_FAILED`. */
  render(scope: object): string
}

/** One place where a template reads a value. */
export interface Use {
  /** A name of the scope, then keys; null for a key that only the data tells, and for what lists and texts have of themselves. */
  readonly path: readonly [string, ...(string | null)[]]
  /** Where it stands, from 0, and for people, from 1. */
  readonly offset: number
  readonly line: number
  readonly column: number
  /** It may be absent there: in a tag, such as `if`, or before a `default`. */
  readonly mayLack: boolean
}

/** A template that cannot be read. */
export class TemplateFault extends Error {
  readonly line: number | undefined
  readonly column: number | undefined

  constructor(message: string, line?: number, column?: number) {
    super(message)
    this.line = line
    this.column = column
  }
}

/** Tags that read other files or keep state between them: what a mail says stands in one file. */
const TAGS_LEFT_OUT = ['include', 'render', 'layout', 'block']
const LONGEST_TEMPLATE = 1024 * 1024
const LONGEST_RENDER_MS = 2000
const MOST_MEMORY = 20_000_000

const engines = new Map<Escaping, Liquid>()
const required = createRequire(import.meta.url)

/** @param where names the template in errors. @throws TemplateFault */
export function compileLiquid(text: string, escaping: Escaping, where: string): Compiled {
  const engine = engineFor(escaping)
  let template: Template[]
  let globals: Variables
  try {
    template = engine.parse(text)
    globals = engine.analyzeSync(template, { partials: false }).globals
  } catch (thrown) {
    throw faultOf(thrown)
  }
  return {
    names: Object.keys(globals),
    uses: Object.values(globals).flatMap(found => found.map(variable => useOf(variable, text))),
    render(scope) {
      try {
        return String(engine.renderSync(template, scope))
      } catch (thrown) {
        throw renderError(thrown, where)
      }
    },
  }
}

/** Of every value, by Liquid itself. */
const OF_ITSELF = new Set<unknown>(['size', 'first', 'last'])

function useOf({ segments, location }: Variable, text: string): Use {
  const { row: line, col: column } = location
  const [name, ...keys] = segments
  const path = keys.map(key => (typeof key === 'string' && !OF_ITSELF.has(key) ? key : null))
  const offset = text.split('\n', line - 1).join('\n').length + (line > 1 ? 1 : 0) + column - 1
  return { path: [String(name), ...path], offset, line, column, mayLack: mayLackAt(text, offset) }
}

function mayLackAt(text: string, offset: number): boolean {
  const output = text.lastIndexOf('{{', offset)
  if (output < text.lastIndexOf('{%', offset)) return true
  return text.slice(output, text.indexOf('}}', offset) >>> 0).includes('default')
}

function engineFor(escaping: Escaping): Liquid {
  const known = engines.get(escaping)
  if (known) return known
  // Loaded by the first template: most configs have none, and a config is checked without waiting.
  const { Liquid: Engine } = required('liquidjs') as typeof import('liquidjs')
  const engine = new Engine({
    ...(escaping === 'html' && { outputEscape: 'escape' }),
    strictFilters: true,
    // As in expressions: what is not there is an error, and `if` and `default` may ask for it.
    strictVariables: true,
    lenientIf: true,
    ownPropertyOnly: true,
    parseLimit: LONGEST_TEMPLATE,
    renderLimit: LONGEST_RENDER_MS,
    memoryLimit: MOST_MEMORY,
    timezoneOffset: 0,
  })
  for (const tag of TAGS_LEFT_OUT) delete engine.tags[tag]
  engines.set(escaping, engine)
  return engine
}

function faultOf(thrown: unknown): TemplateFault {
  const [line, column] = positionOf(thrown)
  return new TemplateFault(messageOf(thrown), line, column)
}

function renderError(thrown: unknown, where: string): SyncError {
  const [line, column] = positionOf(thrown)
  const place = line === undefined ? where : `${where}:${line}:${column}`
  const isMissing = thrown instanceof Error && /^undefined variable/.test(thrown.message)
  const message = `${place}: ${messageOf(thrown)}`
  if (isMissing) {
    const advice = 'where it may be absent, ask with `if` or give a `default`'
    return new SyncError('rejected', 'MISSING_FIELD', `${message}; ${advice}`, { cause: thrown })
  }
  return new SyncError('rejected', 'TEMPLATE_FAILED', message, { cause: thrown })
}

function positionOf(thrown: unknown): readonly [number, number] | readonly [] {
  const { token } = thrown as Partial<LiquidError>
  if (typeof token?.getPosition !== 'function') return []
  const [line = 1, column = 1] = token.getPosition()
  return [line, column]
}

/** Without the place, which is said in our own way. */
function messageOf(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message : String(thrown)
  return text.replace(/, (?:file:.*, )?line:\d+, col:\d+$/s, '')
}
