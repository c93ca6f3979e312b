import { nearest } from '../nearest.ts'
import type { DeclaredSystem } from './components.ts'
import type { ConfigPath, ConnectorConfig, FlowSource } from './config.ts'
import type { ConnectorDefinition, Registry } from './definition.ts'
import type { LoadContext } from './load-context.ts'
import { quoted, type ScalarNode } from './node.ts'

/** The object under which a flow's dead letters are read. */
export const DEAD_LETTERS = 'dead-letters'

export interface KnownSources {
  readonly load: LoadContext
  readonly registry: Registry
  readonly systems: ReadonlyMap<string, DeclaredSystem>
  readonly connectors: ReadonlyMap<string, Omit<ConnectorConfig, 'objects'>>
  /** Names of flows as they are written. */
  readonly flowNames: ReadonlySet<string>
}

const PART = /^[A-Za-z][A-Za-z0-9_-]*$/

/** The connector that a system brings along. */
export function broughtBy(system: DeclaredSystem, registry: Registry): ConnectorDefinition | undefined {
  return Object.values(registry.connectors).find(connector => connector.system === system.definition.type)
}

/** `lead-form`, `twenty.person`, `twenty.person.created`, `<flow>.dead-letters`. */
export function readSource(node: ScalarNode, path: ConfigPath, known: KnownSources): FlowSource | undefined {
  const { problems } = known.load
  const text = String(node.value)
  const [name = '', object, action, ...rest] = text.split('.')
  if (rest.length > 0 || [name, object, action].some(part => part !== undefined && !PART.test(part))) {
    problems.add(
      node.place,
      path,
      'source',
      `${quoted(node)} is no source`,
      'connector, connector.object or connector.object.action',
    )
    return undefined
  }
  if (object === DEAD_LETTERS && action === undefined && known.flowNames.has(name)) return { deadLettersOf: name }
  const objects = objectsOf(name, known)
  if (objects === 'unknown') return unknownSource(name, node, path, known)
  if (objects === 'none') {
    const { type } = known.systems.get(name)!.definition
    problems.add(node.place, path, 'source', `"${name}" is of type ${type}, and gives no events`)
    return undefined
  }
  return sourceOf({ name, object, action }, objects, node, path, known)
}

/** Objects by name where they are known before the system was asked; undefined where they are not. */
function objectsOf(
  name: string,
  { connectors, systems, registry }: KnownSources,
): readonly string[] | undefined | 'unknown' | 'none' {
  const connector = connectors.get(name)
  if (connector) return connector.definition.objects?.(connector.config as never)
  const system = systems.get(name)
  if (!system) return 'unknown'
  const brought = broughtBy(system, registry)
  return brought ? brought.objects?.(system.config as never) : 'none'
}

function sourceOf(
  { name, object, action }: { name: string; object: string | undefined; action: string | undefined },
  objects: readonly string[] | undefined,
  node: ScalarNode,
  path: ConfigPath,
  { load: { problems } }: KnownSources,
): FlowSource | undefined {
  const chosen = object ?? (objects?.length === 1 ? objects[0] : undefined)
  if (chosen === undefined) {
    const example = objects?.[0] ?? 'person'
    problems.add(
      node.place,
      path,
      'source',
      `which object of "${name}"?`,
      `${name}.${example} or ${name}.${example}.created`,
    )
    return undefined
  }
  if (objects && !objects.includes(chosen)) {
    const shown = node.references.length > 0 ? quoted(node) : `"${chosen}"`
    const suggestion = `${name}.${nearest(chosen, objects) ?? objects[0]}`
    problems.add(
      node.place,
      path,
      'source',
      `"${name}" has no object ${shown}; it has ${objects.join(', ')}`,
      suggestion,
    )
    return undefined
  }
  return { connector: name, object: chosen, ...(action !== undefined && { action }) }
}

function unknownSource(name: string, node: ScalarNode, path: ConfigPath, known: KnownSources): undefined {
  const { connectors, systems, registry, flowNames, load } = known
  if (load.broken.has(name)) return undefined
  const names = [
    ...connectors.keys(),
    ...[...systems.values()].filter(each => broughtBy(each, registry)).map(each => each.name),
  ]
  if (flowNames.has(name)) {
    const message = `"${name}" is a flow; what it gave up on can be read`
    load.problems.add(node.place, path, 'source', message, `${name}.${DEAD_LETTERS}`)
    return
  }
  const suggestion = nearest(name, names) ?? (names.length > 0 ? `one of ${names.join(', ')}` : undefined)
  const shown = node.references.length > 0 ? quoted(node) : `"${name}"`
  load.problems.add(node.place, path, 'source', `there is no connector or system ${shown} to read from`, suggestion)
}
