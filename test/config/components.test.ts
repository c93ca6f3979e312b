import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { editorSchema } from '../../scripts/generate/editor-schema.ts'
import { outdated, ROOT } from '../../scripts/generate/files.ts'
import { referencePages } from '../../scripts/generate/reference.ts'
import { registrySource } from '../../scripts/generate/registry.ts'
import { ExpressionsSchema } from '../../src/config/expressions-schema.ts'
import { BranchSchema, EachSchema, FlowSchema } from '../../src/config/flow-schema.ts'
import { loadConfig } from '../../src/config/load.ts'
import { LogSchema } from '../../src/config/log-schema.ts'
import { type SchemaView, variantsOf, viewOf } from '../../src/config/schema-view.ts'
import { ServerSchema } from '../../src/config/server-schema.ts'
import { StateSchema } from '../../src/config/state-schema.ts'
import { registry } from '../../src/registry.ts'
import { linesOf } from './support.ts'

const { connectors, processors, sinks } = registry

/** Every schema that an author writes by, by the name of what it belongs to. */
const schemas: Record<string, SchemaView> = Object.fromEntries([
  ...Object.values(connectors).map(each => [`connector ${each.type}`, viewOf(each.config)]),
  ...Object.values(processors).map(each => [`processor ${each.type}`, viewOf(each.config)]),
  ...Object.values(sinks).flatMap(each => [
    [`sink ${each.type}`, viewOf(each.config)],
    ...Object.entries(each.actions).map(([verb, action]) => [`sink ${each.type} ${verb}`, viewOf(action.config)]),
  ]),
  ...Object.entries({
    FlowSchema,
    EachSchema,
    BranchSchema,
    LogSchema,
    StateSchema,
    ServerSchema,
    ExpressionsSchema,
  }).map(([name, schema]) => [name, viewOf(schema)]),
])

describe('what is generated is up to date: `npm run generate`', () => {
  it.each(
    [registrySource(), editorSchema(registry), ...referencePages(registry)].map(each => [each.file, each] as const),
  )('%s', (_, generated) => {
    expect(outdated([generated]).map(({ file }) => file)).toEqual([])
  })

  it('knows every component by the name of its file', () => {
    for (const group of [connectors, processors, sinks])
      for (const [name, { type }] of Object.entries(group)) expect(type).toBe(name)
  })
})

describe('schemas of components', () => {
  it.each(Object.entries(schemas))('%s: every key is described', (_, schema) => {
    expect(undescribed(schema, '')).toEqual([])
  })

  it.each(Object.entries(schemas))('%s: every value has an example, a default or a choice', (_, schema) => {
    expect(unshown(schema, '')).toEqual([])
  })

  it.each(Object.entries(schemas))('%s: says nothing that the loader does not check', (_, schema) => {
    expect(unchecked(schema, '')).toEqual([])
  })
})

function undescribed(schema: SchemaView, path: string): string[] {
  return variantsOf(schema).flatMap(variant => [
    ...Object.entries(variant.properties ?? {}).flatMap(([key, property]) => [
      ...(property.description ? [] : [`${path}${key}`]),
      ...undescribed(property, `${path}${key}.`),
    ]),
    ...(variant.items ? undescribed(variant.items, `${path}[].`) : []),
  ])
}

/** Values of which nothing says how they look. */
function unshown(schema: SchemaView, path: string): string[] {
  return variantsOf(schema).flatMap(variant => [
    ...Object.entries(variant.properties ?? {}).flatMap(([key, property]) => [
      ...(isShown(property) ? [] : [`${path}${key}`]),
      ...unshown(property, `${path}${key}.`),
    ]),
    ...(variant.items ? unshown(variant.items, `${path}[].`) : []),
  ])
}

function isShown(schema: SchemaView): boolean {
  const speaksForItself = ['boolean', 'object', 'array'].includes(String(schema.type)) || variantsOf(schema).length > 1
  return speaksForItself || (schema.examples?.length ?? 0) > 0 || 'default' in schema || 'const' in schema
}

const NOT_WALKED = ['allOf', 'not', 'if', '$ref', 'dependentRequired', 'prefixItems', 'contains', 'propertyNames']

function unchecked(schema: SchemaView, path: string): string[] {
  return [
    ...Object.keys(schema)
      .filter(keyword => NOT_WALKED.includes(keyword))
      .map(keyword => `${path}${keyword}`),
    ...(schema.anyOf ?? []).flatMap(variant => unchecked(variant, path)),
    ...Object.entries(schema.properties ?? {}).flatMap(([key, property]) => unchecked(property, `${path}${key}.`)),
    ...(schema.items ? unchecked(schema.items, `${path}[].`) : []),
  ]
}

interface Case {
  readonly title: string
  readonly config: string
  readonly files?: Record<string, string>
}

const indented = (yaml: string, by: number) => yaml.trimEnd().replaceAll(/^/gm, ' '.repeat(by))

const FORM = 'connectors:\n  form: { type: webhook, path: /form, verify: none }\n'
const NAMES = 'transform: { answer: data.a, company: data.b, person: data.c, cursor: data.d, items: data.e }'

function stepCase(title: string, verb: string, yaml: string, systems = ''): Case {
  const config = `${systems}${FORM}flows:\n  f:\n    from: form\n    steps:\n      - ${NAMES.replace('{', '{ id: given,')}\n      - ${verb}:\n${indented(yaml, 10)}\n`
  const named = new Set((parse(yaml) as { as?: string } | null)?.as)
  return {
    title,
    config:
      named.size === 0 ? config : config.replace(new RegExp(`${(parse(yaml) as { as: string }).as}: data\\.\\w, `), ''),
  }
}

function systemCase(title: string, name: string, yaml: string): Case {
  return { title, config: `systems:\n  ${name}:\n${indented(yaml, 4)}\n` }
}

const cases: Case[] = [
  ...Object.values(connectors).flatMap(({ type, system, examples }) =>
    examples.map(({ title, yaml }) =>
      system
        ? systemCase(`connector ${type}: ${title}`, 'crm', yaml)
        : { title: `connector ${type}: ${title}`, config: `connectors:\n  a:\n${indented(yaml, 4)}\n` },
    ),
  ),
  ...Object.values(processors).flatMap(({ type, examples }) =>
    examples.map(({ title, yaml }) => stepCase(`processor ${type}: ${title}`, type, yaml)),
  ),
  ...Object.values(sinks).flatMap(({ type, examples, actions }) => [
    ...examples.map(({ title, yaml }) => systemCase(`sink ${type}: ${title}`, 'a', yaml)),
    ...Object.entries(actions).flatMap(([verb, action]) =>
      action.examples.map(({ title, yaml }) => {
        const { in: inside, via } = parse(yaml) as { in?: string; via?: string }
        const system = systemCase('', inside ?? via ?? 'a', examples[0]!.yaml).config
        return stepCase(`sink ${type} ${verb}: ${title}`, verb, yaml, system)
      }),
    ),
  ]),
]

/** Whatever is referred to, is there. */
function variablesFor(text: string): Record<string, string> {
  const names = [...text.matchAll(/\$\{([A-Z_]+)\}/g)].map(([, name]) => name!)
  return Object.fromEntries(names.map(name => [name, /URL$/.test(name) ? urlFor(name) : 'some-value']))
}

function urlFor(name: string): string {
  return name.startsWith('SMTP') ? 'smtps://a.example.com' : 'https://a.example.com'
}

/** The files that it names, one of each kind. */
function filesFor(text: string): Record<string, string> {
  const names = [...text.matchAll(/(?:^|[\s:])(\.\/[\w./-]+)/g)].map(([, name]) => name!)
  return Object.fromEntries(names.map(name => [name, contentFor(name)]))
}

function contentFor(name: string): string {
  if (name.endsWith('.liquid')) return '---\nsubject: Hello\n---\n<p>{{ data.a }}</p>\n'
  return name.endsWith('.json') ? '{}' : 'export default () => ({})\n'
}

const editor = new Ajv({ strict: false, allErrors: true }).compile(
  JSON.parse(readFileSync(join(ROOT, 'config/schema.json'), 'utf8')),
)

/** What an editor would underline. */
function underlined(text: string): string[] {
  editor(parse(text, { merge: true }))
  return (editor.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`)
}

describe('examples of components', () => {
  it.each(cases.map(each => [each.title, each.config] as const))('%s', async (_, config) => {
    expect(await linesOf({ 'c.yaml': config, ...filesFor(config) }, { env: variablesFor(config) })).toEqual([])
    expect(underlined(config)).toEqual([])
  })
})

const shipped = readdirSync(join(ROOT, 'config')).filter(name => /(?<!\.test)\.yaml$/.test(name))
const engines = readdirSync(join(ROOT, 'config/engines')).filter(name => name.endsWith('.yaml'))

describe('configs that come along', () => {
  it.each(shipped)('%s', async name => {
    const { text, found } = await shippedProblems(name)
    expect(found).toEqual([])
    expect(underlined(text)).toEqual([])
  })

  it.each(engines)('engines/%s beside another', async name => {
    const text = readFileSync(join(ROOT, 'config/engines', name), 'utf8')
    const env = { KAFKA_BROKERS: 'localhost:9092', REDIS_URL: 'redis://localhost:6379' }
    expect(await linesOf({ 'c.yaml': FORM, 'engine.yaml': text }, { env })).toEqual([])
    expect(underlined(text)).toEqual([])
  })

  it.each([...shipped, ...engines.map(name => `engines/${name}`)])('%s names the schema for editors', name => {
    const [first] = readFileSync(join(ROOT, 'config', name), 'utf8').split('\n')
    const schema = name.includes('/') ? '../schema.json' : './schema.json'
    expect(first).toBe(`# yaml-language-server: $schema=${schema}`)
  })
})

async function shippedProblems(name: string): Promise<{ text: string; found: unknown }> {
  const text = readFileSync(join(ROOT, 'config', name), 'utf8')
  // In its place, with the templates and schemas that it names.
  const loading = loadConfig([join(ROOT, 'config', name)], { env: variablesFor(text) })
  return { text, found: await loading.then(() => [], String) }
}

describe('config/schema.json', () => {
  it('describes every key', () => {
    const document = JSON.parse(readFileSync(join(ROOT, 'config/schema.json'), 'utf8')) as Record<string, unknown>
    expect(withoutDescription(document, '')).toEqual([])
  })

  it.each([
    ['a mistyped key', 'systems: { a: { type: twenty, urll: "https://a.b", apiKey: "${K}" } }'],
    ['a secret written out', 'systems: { a: { type: twenty, url: "https://a.b", apiKey: sk_live } }'],
    ['an unknown type', 'systems: { a: { type: twnety } }'],
    ['two verbs in one step', 'flows: { f: { from: a, steps: [{ filter: "true", dedupe: { by: data.a } }] } }'],
    ['a mistyped key of a step', 'flows: { f: { from: a, steps: [{ dedupe: { bye: data.a } }] } }'],
    ['a number where none may be', 'server: { port: many }'],
  ])('underlines %s', (_, text) => {
    expect(underlined(text)).not.toEqual([])
  })

  it.each([
    ['a reference where a number is wanted', 'server: { port: "${PORT}" }'],
    ['a step within each', 'flows: { f: { from: a, steps: [{ each: { over: data.a, do: [{ filter: "true" }] } }] } }'],
    [
      'common keys',
      'flows: { f: { from: a, steps: [{ create: { in: b, object: c, when: true, as: d, key: data.id } }] } }',
    ],
  ])('takes %s', (_, text) => {
    expect(underlined(text)).toEqual([])
  })
})

function withoutDescription(value: unknown, path: string): string[] {
  if (typeof value !== 'object' || value === null) return []
  const { properties, if: _, ...rest } = value as Record<string, unknown> & { properties?: Record<string, unknown> }
  const own = Object.entries(properties ?? {}).flatMap(([key, property]) => [
    ...(typeof property === 'object' && property !== null && 'description' in property ? [] : [`${path}/${key}`]),
    ...withoutDescription(property, `${path}/${key}`),
  ])
  return [...own, ...Object.entries(rest).flatMap(([key, part]) => withoutDescription(part, `${path}/${key}`))]
}
