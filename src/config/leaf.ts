import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import ajvFormats from 'ajv-formats'
import { DURATION } from './definition.ts'
import type { SchemaView } from './schema-view.ts'

/** A rule that a value of the right type breaks. */
export interface Breach {
  readonly rule: string
  readonly message: string
  readonly suggestion?: string
}

/** Keywords that the walk over the tree checks itself, and those that check nothing. */
const ELSEWHERE = new Set(
  [
    'type properties patternProperties additionalProperties required items anyOf oneOf const enum',
    'default description examples title $id x-expression x-expression-scope x-expression-tree x-expression-absent x-secret x-file x-url',
  ].flatMap(line => line.split(' ')),
)

const ajv = new Ajv({ strict: false, allErrors: true, validateSchema: false })
;(ajvFormats as unknown as (ajv: Ajv) => void)(ajv)

const compiled = new WeakMap<object, ValidateFunction | null>()

/** What else the schema asks of this one value: lengths, limits, patterns. Not of what lies inside it. */
export function breaches(schema: SchemaView, value: unknown): readonly Breach[] {
  const validate = validatorOf(schema)
  if (!validate || validate(value)) return []
  return (validate.errors ?? []).map(error => breachOf(error, schema))
}

function validatorOf(schema: SchemaView): ValidateFunction | null {
  const known = compiled.get(schema)
  if (known !== undefined) return known
  // TypeBox keeps its own marks under symbols: entries leave them out.
  const rest = Object.entries(schema).filter(([keyword]) => !ELSEWHERE.has(keyword))
  const validate = rest.length === 0 ? null : ajv.compile(Object.fromEntries(rest))
  compiled.set(schema, validate)
  return validate
}

const BYTES = '^\\d+(B|KiB|MiB|GiB)$'

function breachOf({ keyword, params, message }: ErrorObject, schema: SchemaView): Breach {
  const example = exampleOf(schema)
  switch (keyword) {
    case 'pattern':
      if (schema.pattern === DURATION)
        return breach(keyword, 'this is not a duration', 'a number and ms, s, m, h or d: 30s, 5m, 24h')
      if (schema.pattern === BYTES)
        return breach(keyword, 'this is not a size', 'a number and B, KiB, MiB or GiB: 64KiB, 5MiB')
      return breach(keyword, `this does not fit the pattern ${schema.pattern}`, example)
    case 'minLength':
    case 'minItems':
    case 'minProperties':
      if (params.limit === 1) return breach('empty', 'this is empty', example)
      return breach(keyword, `this must have at least ${params.limit}`, example)
    case 'maxLength':
    case 'maxItems':
    case 'maxProperties':
      return breach(keyword, `this may have at most ${params.limit}`)
    case 'minimum':
      return breach(keyword, `this must be at least ${params.limit}`)
    case 'maximum':
      return breach(keyword, `this must be at most ${params.limit}`)
    case 'uniqueItems':
      return breach(keyword, 'the same is in this list twice')
    default:
      return breach(keyword, `this ${message ?? 'is not allowed'}`, example)
  }
}

function breach(rule: string, message: string, suggestion?: string): Breach {
  return { rule, message, ...(suggestion !== undefined && { suggestion }) }
}

function exampleOf({ examples }: SchemaView): string | undefined {
  const [first] = examples ?? []
  if (first === undefined) return undefined
  return `like ${typeof first === 'string' ? first : JSON.stringify(first)}`
}
