import type { Fields } from '../event.ts'
import { nearest } from '../nearest.ts'
import { checkValue } from './check-value.ts'
import type { ConfigPath, ConnectorConfig, SystemConfig } from './config.ts'
import type { Registry, SinkDefinition } from './definition.ts'
import { saysInsecure } from './engine-config.ts'
import type { LoadContext } from './load-context.ts'
import { found, keyPlaceOf, type MapNode, mapWhere, quoted } from './node.ts'
import { reportFaults } from './report-faults.ts'
import { viewOf } from './schema-view.ts'

/** First words of topics of our own: a connector of this name would share them. */
const TAKEN = new Set(['dead-letters', 'redrive', 'flow', 'sync', 'replay'])
const NAME = /^[A-Za-z][A-Za-z0-9_-]*$/
const MAX_NAME = 60

/** The entries of a section whose keys are names, as far as the names can be used. */
export function namedEntries(root: MapNode, section: string, load: LoadContext): [string, MapNode][] {
  const node = root.entries.get(section)
  if (!node) return []
  if (node.kind !== 'map') {
    load.problems.add(node.place, [section], 'type', `\`${section}\` must be a map of names, and is ${found(node)}`)
    return []
  }
  return [...node.entries].flatMap(([name, entry]) => {
    const path = [section, name]
    if (!NAME.test(name) || name.length > MAX_NAME) {
      const message = `"${name}" cannot be a name: it becomes part of topics and keys`
      load.problems.add(keyPlaceOf(entry), path, 'name', message, 'a letter, then letters, digits, - and _')
    }
    if (entry.kind === 'map') return [[name, entry] as [string, MapNode]]
    load.problems.add(entry.place, path, 'type', `this must be a map, and is ${found(entry)}`)
    load.broken.add(name)
    return []
  })
}

export interface DeclaredSystem extends SystemConfig {
  readonly node: MapNode
}

export function readSystems(root: MapNode, registry: Registry, load: LoadContext): Map<string, DeclaredSystem> {
  const systems = new Map<string, DeclaredSystem>()
  for (const [name, node] of namedEntries(root, 'systems', load)) {
    const definition = definitionOf(node, ['systems', name], registry.sinks, 'system', load)
    if (definition) {
      const config = readComponent(definition, node, ['systems', name], load)
      systems.set(name, { name, definition, config, node })
    } else load.broken.add(name)
  }
  return systems
}

/** What the `connectors` section declares. Those that systems bring along come later, when a flow reads from them. */
export function readConnectors(
  root: MapNode,
  registry: Registry,
  systems: ReadonlyMap<string, DeclaredSystem>,
  load: LoadContext,
): Map<string, Omit<ConnectorConfig, 'objects'>> {
  const connectors = new Map<string, Omit<ConnectorConfig, 'objects'>>()
  const paths = new Map<string, string>()
  const declarable = Object.fromEntries(Object.entries(registry.connectors).filter(([, each]) => !each.system))
  for (const [name, node] of namedEntries(root, 'connectors', load)) {
    const path = ['connectors', name]
    checkConnectorName(name, node, path, systems, load)
    const brought = Object.values(registry.connectors).find(each => each.system && each.type === typeText(node))
    if (brought) {
      load.broken.add(name)
      const message = `a ${brought.type} system brings its connector along: define it under \`systems\``
      load.problems.add(
        typePlace(node),
        [...path, 'type'],
        'enum',
        message,
        `from: <name of the system>.person.created`,
      )
      continue
    }
    const definition = definitionOf(node, path, declarable, 'connector', load)
    if (!definition) {
      load.broken.add(name)
      continue
    }
    const config = readComponent(definition, node, path, load)
    connectors.set(name, { name, definition, config })
    checkRoute(name, node, config, paths, load)
  }
  return connectors
}

function checkConnectorName(
  name: string,
  node: MapNode,
  path: ConfigPath,
  systems: ReadonlyMap<string, DeclaredSystem>,
  load: LoadContext,
): void {
  if (TAKEN.has(name)) {
    load.problems.add(keyPlaceOf(node), path, 'name', `topics of our own begin with "${name}"`, `${name}-events`)
  }
  const system = systems.get(name)
  if (!system) return
  const { file, line, column } = keyPlaceOf(system.node)
  const message = `"${name}" is a system too (${file}:${line}:${column}), and \`from\` knows both by name`
  load.problems.add(keyPlaceOf(node), path, 'duplicate-name', message, `${name}-events`)
}

/** Two connectors at one address: the second would never hear anything. */
function checkRoute(name: string, node: MapNode, config: Fields, paths: Map<string, string>, load: LoadContext): void {
  const { path } = config
  if (typeof path !== 'string') return
  const other = paths.get(path)
  if (other === undefined) return void paths.set(path, name)
  const place = (node.entries.get('path') ?? node).place
  load.problems.add(
    place,
    ['connectors', name, 'path'],
    'duplicate-path',
    `connector "${other}" listens at ${path} already`,
  )
}

function typeText(node: MapNode): string | undefined {
  const type = node.entries.get('type')
  return type?.kind === 'scalar' ? (type.value === null ? type.source : String(type.value)) : undefined
}

function typePlace(node: MapNode) {
  return (node.entries.get('type') ?? node).place
}

function definitionOf<T>(
  node: MapNode,
  path: ConfigPath,
  known: Readonly<Record<string, T>>,
  what: string,
  { problems }: LoadContext,
): T | undefined {
  const type = typeText(node)
  const types = Object.keys(known).join(', ')
  if (type === undefined) {
    problems.add(
      keyPlaceOf(node),
      [...path, 'type'],
      'missing',
      `\`type\` is missing: the kind of ${what}`,
      `one of ${types}`,
    )
    return undefined
  }
  if (Object.hasOwn(known, type)) return known[type]
  const suggestion = nearest(type, Object.keys(known)) ?? `one of ${types}`
  problems.add(
    typePlace(node),
    [...path, 'type'],
    'enum',
    `there is no ${what} of type ${quoted(node.entries.get('type') ?? node)}`,
    suggestion,
  )
  return undefined
}

function readComponent(
  { config, check }: Pick<SinkDefinition, 'config' | 'check'>,
  node: MapNode,
  path: ConfigPath,
  load: LoadContext,
): Fields {
  const own = mapWhere(node, key => key !== 'type')
  const around = { load, insecure: saysInsecure(node), otherKeys: ['type'], names: ['event', 'data'] }
  const before = load.problems.count
  const value = checkValue(viewOf(config), own, path, around) as Fields
  if (load.problems.count === before) reportFaults(check?.(value as never), node, path, load)
  return value
}
