import { readFileSync } from 'node:fs'
import { Ajv, type AnySchema, type ErrorObject, type Options } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { RE2JS } from 're2js'
import { parse } from 'yaml'

export interface Failure {
  /** Within the checked value: `.items[0].price`; empty for the value itself. */
  readonly path: string
  /** Never quotes the data. */
  readonly message: string
}

const MAX_FAILURES = 20

/** Patterns run in time that grows with the text alone, whatever the schema's author wrote. */
const linearRegExp: NonNullable<NonNullable<Options['code']>['regExp']> = Object.assign(
  (pattern: string) => {
    const regex = RE2JS.compile(pattern)
    return { test: (text: string) => regex.test(text), toString: () => `/${pattern}/` }
  },
  { code: 'linearRegExp' },
)

/** Of draft 7, and not in the package: `email` beyond ASCII. */
const INTERNATIONAL_EMAIL = /^[^@\s<>(),;:"\p{C}]{1,64}@[^@\s<>(),;:"\p{C}.]+(?:\.[^@\s<>(),;:"\p{C}.]+)+$/u

const OPTIONS: Options = {
  allErrors: true,
  // A keyword that does not exist is a mistake worth stopping for; style is the author's own.
  strict: true,
  strictTypes: false,
  strictTuples: false,
  strictRequired: false,
  code: { regExp: linearRegExp },
}

/** The schema itself, or the content of the file that is named. @throws Error when it cannot be read. */
export function readSchema(schema: unknown): AnySchema {
  const content: unknown = typeof schema === 'string' ? parse(readFileSync(schema, 'utf8')) : schema
  if (typeof content === 'boolean') return content
  if (typeof content === 'object' && content !== null && !Array.isArray(content)) return content
  throw new Error('a JSON Schema is a map')
}

/** Compiles the schema once. @throws Error that says what is wrong with it. */
export function compileSchema(schema: AnySchema): (value: unknown) => readonly Failure[] {
  const validate = engineFor(schema).compile(schema)
  return value => {
    if (validate(value)) return []
    // `if`, `anyOf` and the like repeat what their parts already said.
    return (validate.errors ?? []).slice(0, MAX_FAILURES).map(failure)
  }
}

/** A fresh one each time: schemas with an `$id` would meet their own earlier version after a reload. */
function engineFor(schema: AnySchema): Ajv | Ajv2020 {
  const draft = typeof schema === 'object' ? String(schema.$schema ?? '') : ''
  const engine = draft.includes('2020-12') || draft.includes('2019-09') ? new Ajv2020(OPTIONS) : new Ajv(OPTIONS)
  // The package's default export is typed as a namespace under NodeNext.
  const add = addFormats as unknown as (engine: Ajv | Ajv2020) => void
  add(engine)
  engine.addFormat('idn-email', INTERNATIONAL_EMAIL)
  return engine
}

function failure({ instancePath, keyword, params, message }: ErrorObject): Failure {
  const path = pathOf(instancePath)
  if (keyword === 'required') return { path: `${path}.${params.missingProperty}`, message: 'is missing' }
  if (keyword === 'additionalProperties') {
    return { path: `${path}.${params.additionalProperty}`, message: 'is not expected' }
  }
  if (keyword === 'enum') return { path, message: `must be one of ${params.allowedValues.join(', ')}` }
  return { path, message: message ?? keyword }
}

/** `/items/0/price` to `.items[0].price` */
function pathOf(pointer: string): string {
  return pointer
    .split('/')
    .slice(1)
    .map(part => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map(part => (/^\d+$/.test(part) ? `[${part}]` : `.${part}`))
    .join('')
}
