import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

const ROOT = resolve(import.meta.dirname, '../..')
const SRC = join(ROOT, 'src')

interface Source {
  /** Path below `src/`. */
  readonly file: string
  readonly text: string
  /** Paths below `src/`, and bare package names. */
  readonly imports: readonly string[]
}

const sources: Source[] = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter(file => file.endsWith('.ts'))
  .map(file => {
    const text = readFileSync(join(SRC, file), 'utf8')
    return { file, text, imports: importsOf(file, text) }
  })

function importsOf(file: string, text: string): string[] {
  return [
    ...text.matchAll(
      /(?:^|\n)\s*(?:import|export)[^'"\n]*(?:\{[^}]*\}[^'"\n]*)?from\s*['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)|(?:^|\n)import\s+['"]([^'"]+)['"]/g,
    ),
  ].map(([, from, dynamic, bare]) => {
    const target = (from ?? dynamic ?? bare)!
    return target.startsWith('.') ? relative(SRC, resolve(dirname(join(SRC, file)), target)) : target
  })
}

/** `connectors/twenty/poll.ts` is of the folder `connectors`; a file at the top is of itself. */
function folderOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.indexOf('/')) : path
}

const BASE = [
  'event.ts',
  'errors.ts',
  'identity.ts',
  'environment.ts',
  'json.ts',
  'json-schema.ts',
  'nearest.ts',
  'next-turn.ts',
  'shape.ts',
  'cloudevents.ts',
  'on-abort.ts',
  'schedule.ts',
]

/** What each folder may import besides itself and BASE. A folder that is not named here may import anything below `src/`. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  connectors: ['clients', 'config/definition.ts', 'state/state-store.ts', 'state/coordinator.ts'],
  processors: ['config/definition.ts', 'expressions'],
  sinks: [
    'clients',
    'config/definition.ts',
    'state/state-store.ts',
    'state/coordinator.ts',
    'sync/peer.ts',
    'sync/tasks.ts',
  ],
  // A system's config says how its webhooks are verified.
  clients: ['config/definition.ts', 'state/state-store.ts', 'state/coordinator.ts', 'connectors/webhook/verify.ts'],
  log: ['config/config.ts', 'embedded', 'tls-fault.ts'],
  state: ['config/config.ts', 'embedded', 'tls-fault.ts'],
  embedded: ['log', 'state'],
  expressions: ['config/definition.ts', 'processors/processor.ts'],
  environment: [],
  server: [
    'connectors/connector.ts',
    'config/definition.ts',
    'config/config.ts',
    'runtime/operations.ts',
    'log/event-log.ts',
    'sync/conflict.ts',
    'sync/link-state.ts',
  ],
}

/** Parts of components that others of their folder may use: what is the same for every sender and every source. */
const SHARED = new Set(['connectors/known-records.ts', 'connectors/webhook/verify.ts'])

describe('layers', () => {
  it.each(Object.entries(MAY_IMPORT))('%s imports only what lies below it', (folder, allowed) => {
    const broken = sources
      .filter(({ file }) => folderOf(file) === folder)
      .flatMap(({ file, imports }) =>
        imports
          .filter(target => target.endsWith('.ts') && folderOf(target) !== folder)
          .filter(target => !BASE.includes(target) && !allowed.includes(target) && !allowed.includes(folderOf(target)))
          .map(target => `src/${file} imports src/${target}`),
      )
    expect(broken).toEqual([])
  })

  it('keeps connectors, processors and sinks apart: a component does not import another component', () => {
    const broken = sources.flatMap(({ file, imports }) =>
      ['connectors', 'processors', 'sinks']
        .filter(folder => folderOf(file) === folder)
        .flatMap(folder =>
          imports.filter(target => folderOf(target) === folder && componentOf(target) !== componentOf(file)),
        )
        .filter(target => !/\/(connector|processor|sink)\.ts$/.test(target) && !SHARED.has(target))
        .map(target => `src/${file} imports src/${target}`),
    )
    expect(broken).toEqual([])
  })

  it.each([
    ['kafkajs', 'log/kafka'],
    ['ioredis', 'state/redis'],
    ['@kafkajs/confluent-schema-registry', 'log/kafka'],
    ['undici', 'environment'],
    ['pg', 'clients/postgres'],
    ['stripe', 'clients/stripe'],
    ['node:sqlite', 'embedded'],
  ])('the package %s appears in src/%s alone', (name, folder) => {
    const users = sources.filter(({ imports }) => imports.includes(name)).map(({ file }) => file)
    expect(users.filter(file => !file.startsWith(`${folder}/`))).toEqual([])
  })

  it('never imports the sandbox, tests or scripts', () => {
    const broken = sources.flatMap(({ file, imports }) =>
      imports.filter(target => target.startsWith('..')).map(target => `src/${file} imports ${target}`),
    )
    expect(broken).toEqual([])
  })
})

/** `twenty` of `connectors/twenty/poll.ts` and of `connectors/twenty.ts`. */
function componentOf(path: string): string {
  return path.split('/')[1]!.replace(/\.ts$/, '')
}

describe('what would make a run unrepeatable', () => {
  it.each([
    ['the wall clock', /\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(|\bprocess\.hrtime/],
    ['timers', /\bsetTimeout\(|\bsetInterval\(/],
    ['randomness', /\bMath\.random\b|\brandomUUID\b|\brandomBytes\b/],
    ['the network', /(?:await|return|=>?)\s+fetch\(/],
  ])('%s is touched in src/environment alone', (_, pattern) => {
    const users = sources
      .filter(({ file }) => !file.startsWith('environment/'))
      .filter(({ text }) => pattern.test(withoutComments(text)))
      .map(({ file }) => file)
    expect(users.filter(file => !OUTSIDE_THE_RUN.has(file))).toEqual([])
  })

  it('nothing evaluates text as code', () => {
    const users = sources
      .filter(({ text }) => /\beval\(|new Function\(|node:vm/.test(withoutComments(text)))
      .map(({ file }) => file)
    expect(users).toEqual([])
  })
})

/** A terminal's own matters, outside of any run that could be repeated. */
const OUTSIDE_THE_RUN = new Set<string>([])

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|[^:])\/\/.*$/gm, '$1')
}
