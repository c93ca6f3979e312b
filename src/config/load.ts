import { createHash } from 'node:crypto'
import { resolve } from 'node:path'
import { nearest } from '../nearest.ts'
import { registry as everything } from '../registry.ts'
import { withBroughtFlows } from './brought-flows.ts'
import { readConnectors, readSystems } from './components.ts'
import type { Config, ConfigPath, ConnectorConfig, FlowConfig, Problem } from './config.ts'
import type { Registry } from './definition.ts'
import { readEngine } from './engine-config.ts'
import { REMEMBER_MS, readFlows } from './flows.ts'
import { type LoadContext, Secrets } from './load-context.ts'
import { mergeDocuments } from './merge.ts'
import { keyPlaceOf, type MapNode, type Node, plainOf } from './node.ts'
import { Problems, pathText } from './problems.ts'
import { readYaml } from './read-yaml.ts'
import { broughtBy } from './source-name.ts'
import { readSources } from './sources.ts'
import { objectsOfSyncs } from './sync-uses.ts'
import { readSyncs } from './syncs.ts'

export interface LoadOptions {
  /** Environment variables that `${NAME}` stands for. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Default: every component that there is. */
  readonly registry?: Registry
}

const SECTIONS = ['systems', 'connectors', 'flows', 'syncs', 'log', 'state', 'server', 'expressions'] as const

/**
 * Reads, resolves and checks a config. Nothing outside the files is asked: whether systems have the objects and fields
 * that it names is for `verify`.
 * @param paths files, and folders whose `*.yaml` files are taken.
 * @throws ConfigError with every problem at once.
 */
export async function loadConfig(
  paths: readonly string[],
  { env, registry = everything }: LoadOptions,
): Promise<Config> {
  const problems = new Problems()
  const sources = readSources(paths, problems)
  const files = sources.map(({ file }) => file)
  const order = [...paths.map(path => resolve(path)), ...files]
  const documents = sources.flatMap(source => readYaml(source, env, problems))
  const merged = mergeDocuments(documents, files[0] ?? '', problems)
  // Half a config would be full of names that seem to be missing.
  if (documents.length < sources.length) problems.throwIfAny(order)
  const load: LoadContext = {
    problems,
    secrets: new Secrets(),
    warnings: new Set(),
    broken: new Set(),
    files: new Map(),
    expressions: [],
  }
  const root = checkSections(merged, load)
  const parts = readParts(root, files, registry, load)
  problems.throwIfAny(order)
  return {
    files,
    ...parts,
    secrets: load.secrets.values(),
    warnings: [...load.warnings],
    expressions: load.expressions,
    hash: hashOf(root, load),
    problemAt: (...problem) => problemAt(root, ...problem),
  }
}

function readParts(root: MapNode, files: readonly string[], registry: Registry, load: LoadContext) {
  const engine = readEngine(root, files, load)
  const systems = readSystems(root, registry, load)
  const declared = readConnectors(root, registry, systems, load)
  const { retentionMs } = engine.log
  const written = readFlows(root, { load, registry, systems, connectors: declared, retentionMs })
  const flows = withBroughtFlows(written, { load, systems, rememberMs: Math.max(REMEMBER_MS, retentionMs) })
  const syncs = readSyncs(root, { load, registry, systems, flows })
  const connectors = new Map<string, ConnectorConfig>()
  for (const [name, connector] of declared) connectors.set(name, { ...connector, objects: objectsRead(name, flows) })
  for (const [name, system] of systems) {
    const objects = [...new Set([...objectsRead(name, flows), ...objectsOfSyncs(name, syncs)])]
    const definition = broughtBy(system, registry)
    if (!definition || objects.length === 0) continue
    connectors.set(name, { name, definition, config: system.config, system: name, objects })
  }
  return {
    systems: new Map([...systems].map(([name, { definition, config }]) => [name, { name, definition, config }])),
    connectors,
    flows,
    syncs,
    ...engine,
  }
}

/** The same sections under the names that were meant: a mistyped one is one mistake, and not one more for each name in it. */
function checkSections(root: MapNode, { problems }: LoadContext): MapNode {
  const entries = new Map<string, Node>()
  for (const [key, node] of root.entries) {
    if (SECTIONS.some(section => section === key)) {
      entries.set(key, together(entries.get(key), node))
      continue
    }
    const meant = nearest(key, SECTIONS)
    const suggestion = meant ?? `one of ${SECTIONS.join(', ')}`
    problems.add(keyPlaceOf(node), [key], 'unknown-key', `there is no key \`${key}\` here`, suggestion)
    if (meant !== undefined) entries.set(meant, together(entries.get(meant), node))
  }
  return { ...root, entries }
}

function together(one: Node | undefined, other: Node): Node {
  if (one?.kind !== 'map' || other.kind !== 'map') return one ?? other
  return { ...one, entries: new Map([...other.entries, ...one.entries]) }
}

function objectsRead(connector: string, flows: ReadonlyMap<string, FlowConfig>): string[] {
  const objects = [...flows.values()]
    .flatMap(flow => flow.from)
    .flatMap(source => ('connector' in source && source.connector === connector ? [source.object] : []))
  return [...new Set(objects)]
}

/** Values as they count, secrets as they are written, named files by their content. */
function hashOf(root: MapNode, { secrets, files }: LoadContext): string {
  const content = plainOf(root, node => {
    const file = files.get(node)
    if (file !== undefined) return { file }
    return secrets.has(node) ? { secret: node.source } : node.value
  })
  return createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 16)
}

/** At the deepest part of the path that the config has. */
function problemAt(
  root: MapNode,
  path: ConfigPath,
  rule: string,
  message: string,
  suggestion?: string,
  offset?: number,
): Problem {
  let node: Node = root
  for (const part of path) {
    const next: Node | undefined =
      node.kind === 'map' ? node.entries.get(String(part)) : node.kind === 'list' ? node.items[Number(part)] : undefined
    if (!next) break
    node = next
  }
  const inText = offset !== undefined && node.kind === 'scalar' ? (node.locate?.(offset) ?? node.place) : undefined
  const { file, line, column } = inText ?? keyPlaceOf(node)
  return { file, line, column, path: pathText(path), rule, message, ...(suggestion !== undefined && { suggestion }) }
}
