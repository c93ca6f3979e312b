import { createRequire } from 'node:module'
import type { Liquid, LiquidError, Template } from 'liquidjs'
import { SyncError } from '../../errors.ts'

/** `html` escapes every output that is not `| raw`; `text` writes it as it is. */
export type Escaping = 'html' | 'text'

export interface Compiled {
  /** Names of the scope that it reads. */
  readonly names: readonly string[]
  /** @throws SyncError rejected `MISSING_FIELD` for what is not there; `TEMPLATE_FAILED`. */
  render(scope: object): string
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
  let names: string[]
  try {
    template = engine.parse(text)
    names = engine.globalVariablesSync(template, { partials: false })
  } catch (thrown) {
    throw faultOf(thrown)
  }
  return {
    names,
    render(scope) {
      try {
        return String(engine.renderSync(template, scope))
      } catch (thrown) {
        throw renderError(thrown, where)
      }
    },
  }
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
