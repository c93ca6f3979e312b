import type { TSchema } from '@sinclair/typebox'
import type { ConnectorDefinition, Registry } from '../../src/config/definition.ts'
import { ExpressionsSchema } from '../../src/config/expressions-schema.ts'
import {
  ActionKeys,
  BranchSchema,
  EachSchema,
  FlowSchema,
  NamesProcessorKeys,
  ProcessorKeys,
} from '../../src/config/flow-schema.ts'
import { LogSchema } from '../../src/config/log-schema.ts'
import { isFreeMap, isUnion, type SchemaView, variantsOf, viewOf } from '../../src/config/schema-view.ts'
import { ServerSchema } from '../../src/config/server-schema.ts'
import { StateSchema } from '../../src/config/state-schema.ts'
import { SyncSchema } from '../../src/config/sync-schema.ts'
import type { Generated } from './files.ts'

type Json = Record<string, unknown>

export const REFERENCE = {
  type: 'string',
  pattern: '^\\$\\{[^}]+\\}$',
  description: 'A reference: `${NAME}` for an environment variable, `${file:./path}` for the content of a file.',
}
const REFERENCE_REF = { $ref: '#/definitions/reference' }

/** One draft-07 schema for the YAML language server, which reads nothing newer. */
export function editorSchema(registry: Registry): Generated {
  const schema = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'twenty-sync config',
    description: 'Systems, connectors, flows and syncs of twenty-sync.',
    type: 'object',
    additionalProperties: false,
    properties: {
      systems: named('Systems that flows write to and read from, by a name of yours.', 'system'),
      connectors: named('What takes events in, by a name of yours. Twenty systems bring theirs along.', 'connector'),
      flows: named('What happens with events, by a name of yours.', 'flow'),
      syncs: named('What is kept in step both ways, by a name of yours.', 'sync'),
      log: forEditor(viewOf(LogSchema)),
      state: forEditor(viewOf(StateSchema)),
      server: forEditor(viewOf(ServerSchema)),
      expressions: forEditor(viewOf(ExpressionsSchema)),
    },
    definitions: definitions(registry),
  }
  return { file: 'config/schema.json', content: `${JSON.stringify(schema, null, 2)}\n` }
}

function named(description: string, definition: string): Json {
  return { description, type: 'object', additionalProperties: { $ref: `#/definitions/${definition}` } }
}

function definitions({ connectors, processors, sinks }: Registry): Json {
  const declared = Object.fromEntries(Object.entries(connectors).filter(([, each]) => !each.system))
  return {
    reference: REFERENCE,
    tree: { description: 'A value, list or map of any depth in which every text is a CEL expression.' },
    system: byType('A system.', sinks, 'system'),
    connector: byType('A connector.', declared as Record<string, ConnectorDefinition>, 'connector'),
    flow: flowSchema(),
    sync: forEditor(viewOf(SyncSchema)),
    step: stepSchema({ connectors, processors, sinks }),
    ...prefixed('system', sinks, ({ config, type, summary }) => withType(config, type, summary)),
    ...prefixed('connector', declared, ({ config, type, summary }) => withType(config, type, summary)),
    ...prefixed('step', processors, ({ config, summary }) => processorSchema(viewOf(config), summary)),
    ...actionSchemas(sinks),
  }
}

function prefixed<T>(prefix: string, components: Readonly<Record<string, T>>, make: (component: T) => Json): Json {
  return Object.fromEntries(Object.entries(components).map(([type, each]) => [`${prefix}-${type}`, make(each)]))
}

/** `if` and `then` keep an editor's errors to the one type that is meant. */
function byType(description: string, components: Readonly<Record<string, { summary: string }>>, prefix: string): Json {
  const types = Object.keys(components)
  return {
    description,
    type: 'object',
    required: ['type'],
    properties: { type: { description: 'Its kind.', enum: types } },
    allOf: types.map(type => ({
      if: { properties: { type: { const: type } }, required: ['type'] },
      // biome-ignore lint/suspicious/noThenProperty: a word of JSON Schema
      then: { $ref: `#/definitions/${prefix}-${type}` },
    })),
  }
}

function withType(config: TSchema, type: string, summary: string): Json {
  return mergedObject(viewOf(config), { type: { const: type, description: summary } }, summary)
}

function mergedObject(schema: SchemaView, extra: Json, description: string): Json {
  const own = forEditor(schema)
  return {
    ...own,
    description: schema.description ?? description,
    properties: { ...extra, ...(own.properties as Json | undefined) },
    ...(own.additionalProperties === undefined && { additionalProperties: false }),
  }
}

function commonProperties(keys: TSchema): Json {
  return forEditor(viewOf(keys)).properties as Json
}

function processorSchema(schema: SchemaView, summary: string): Json {
  if (isFreeMap(schema)) {
    const properties = commonProperties(NamesProcessorKeys)
    return { description: summary, type: 'object', properties, additionalProperties: { $ref: '#/definitions/tree' } }
  }
  const variants = variantsOf(schema).map(variant =>
    variant.type === 'object' ? mergedObject(variant, commonProperties(ProcessorKeys), summary) : forEditor(variant),
  )
  return variants.length === 1 ? { ...variants[0], description: summary } : { description: summary, anyOf: variants }
}

/** A verb that several kinds of systems have takes what any of them takes. */
function actionSchemas(sinks: Registry['sinks']): Json {
  const byVerb = new Map<string, Json[]>()
  for (const { actions } of Object.values(sinks)) {
    for (const [verb, { config, summary }] of Object.entries(actions)) {
      const schema = mergedObject(viewOf(config), commonProperties(ActionKeys), summary)
      byVerb.set(verb, [...(byVerb.get(verb) ?? []), schema])
    }
  }
  return Object.fromEntries(
    [...byVerb].map(([verb, schemas]) => [`step-${verb}`, schemas.length === 1 ? schemas[0]! : several(schemas)]),
  )
}

function several(schemas: readonly Json[]): Json {
  return { description: schemas.map(({ description }) => description).join(' Or: '), anyOf: schemas }
}

function stepSchema({ processors, sinks }: Registry): Json {
  const actions = Object.values(sinks).flatMap(sink => Object.entries(sink.actions))
  const paged = actions.flatMap(([verb, { paged, summary }]) => (paged ? [[verb, summary] as const] : []))
  const own: Readonly<Record<string, Json>> = { each: eachSchema(paged), choose: chooseSchema() }
  const summaries = new Map<string, string>([
    ['each', EachSchema.description ?? ''],
    ['choose', BranchSchema.description ?? ''],
  ])
  for (const [verb, { summary }] of [...Object.entries(processors), ...actions]) summaries.set(verb, summary)
  return {
    description: 'One verb and what it takes.',
    type: 'object',
    oneOf: [...summaries].map(([verb, description]) => ({
      type: 'object',
      required: [verb],
      additionalProperties: false,
      properties: {
        [verb]: { description, ...(own[verb] ?? { $ref: `#/definitions/step-${verb}` }) },
      },
    })),
  }
}

function eachSchema(paged: readonly (readonly [verb: string, summary: string])[]): Json {
  const schema = withSteps(forEditor(viewOf(EachSchema)), 'do')
  const properties = schema.properties as Record<string, Json>
  const options = properties.over!.anyOf as Json[]
  const step = ([verb, description]: (typeof paged)[number]) => [
    verb,
    { description, $ref: `#/definitions/step-${verb}` },
  ]
  const pages = { properties: Object.fromEntries(paged.map(step)) }
  const anyOf = options.map(option =>
    option.type === 'object'
      ? { ...option, ...pages, additionalProperties: false, minProperties: 1, maxProperties: 1 }
      : option,
  )
  return { ...schema, properties: { ...properties, over: { ...properties.over, anyOf } } }
}

function chooseSchema(): Json {
  return { type: 'array', minItems: 1, items: withSteps(forEditor(viewOf(BranchSchema)), 'do') }
}

function flowSchema(): Json {
  return withSteps(forEditor(viewOf(FlowSchema)), 'steps')
}

function withSteps(schema: Json, key: string): Json {
  const properties = schema.properties as Record<string, Json>
  const steps = { ...properties[key], items: { $ref: '#/definitions/step' } }
  return { ...schema, properties: { ...properties, [key]: steps } }
}

const PASSED = [
  'description',
  'examples',
  'minItems',
  'maxItems',
  'uniqueItems',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'pattern',
  'format',
] as const

/** The schema as a config is written: references are texts, expressions may be numbers, defaults may be left out. */
export function forEditor(schema: SchemaView): Json {
  const text = schema as unknown as Json
  const base: Json = {}
  for (const keyword of [...PASSED, 'type', 'const', 'enum', 'default']) {
    if (text[keyword] !== undefined) base[keyword] = text[keyword]
  }
  if (isUnion(schema)) return unionForEditor(schema, base)
  if (schema['x-expression-tree'] || schema['x-data']) return base
  if (schema['x-expression']) return { ...base, type: ['string', 'number', 'boolean'] }
  if (schema['x-secret']) return { ...base, pattern: '\\$\\{' }
  if (schema.type === 'object') return { ...base, ...objectForEditor(schema) }
  if (schema.type === 'array') return { ...base, ...(schema.items && { items: forEditor(schema.items) }) }
  return isReferable(schema) ? orReference(base) : base
}

function objectForEditor(schema: SchemaView): Json {
  const { properties, patternProperties, additionalProperties, required = [] } = schema
  const needed = required.filter(key => properties?.[key]?.default === undefined)
  return {
    ...(properties && { properties: mapped(properties) }),
    ...(patternProperties && { patternProperties: mapped(patternProperties) }),
    additionalProperties:
      typeof additionalProperties === 'object'
        ? forEditor(additionalProperties)
        : (additionalProperties ?? (properties === undefined && patternProperties === undefined)),
    ...(needed.length > 0 && { required: needed }),
  }
}

function mapped(schemas: Readonly<Record<string, SchemaView>>): Json {
  return Object.fromEntries(Object.entries(schemas).map(([key, schema]) => [key, forEditor(schema)]))
}

/** Constants become one list, so that an editor offers them all. */
function unionForEditor(schema: SchemaView, base: Json): Json {
  const variants = variantsOf(schema)
  const constants = variants.filter(variant => 'const' in variant)
  const others = variants.filter(variant => !('const' in variant)).map(forEditor)
  const list = constants.length > 0 ? [{ enum: constants.map(variant => variant.const) }] : []
  const options = [...list, ...others]
  return { ...base, anyOf: constants.length > 0 ? [...options, REFERENCE_REF] : options }
}

function isReferable(schema: SchemaView): boolean {
  return (
    schema.type === 'integer' || schema.type === 'number' || schema.type === 'boolean' || schema.pattern !== undefined
  )
}

function orReference({ description, examples, default: standard, ...rest }: Json): Json {
  return {
    ...(description !== undefined && { description }),
    ...(examples !== undefined && { examples }),
    ...(standard !== undefined && { default: standard }),
    anyOf: [rest, REFERENCE_REF],
  }
}
