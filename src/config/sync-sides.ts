import type { Fields } from '../event.ts'
import { nearest } from '../nearest.ts'
import type { DeclaredSystem } from './components.ts'
import type { ConfigPath, SideName, SyncConfig, SyncSideConfig } from './config.ts'
import type { Registry } from './definition.ts'
import type { LoadContext } from './load-context.ts'
import { keyPlaceOf, type MapNode, type Node, quoted, textAt } from './node.ts'
import { broughtBy } from './source-name.ts'

export interface SidesContext {
  readonly load: LoadContext
  readonly registry: Registry
  readonly systems: ReadonlyMap<string, DeclaredSystem>
}

/** A side, its schema checked: the system is there, can be a side, and has the object as far as that is known here. */
export function readSide(
  side: SideName,
  config: Fields,
  node: MapNode,
  path: ConfigPath,
  context: SidesContext,
): SyncSideConfig {
  const { system, object, where, create, deletes, stateField, syncedAtField } = config
  const found = systemAt(node.entries.get(side), 'system', [...path, side, 'system'], context)
  if (found) checkSystem(found, node.entries.get(side)!, [...path, side], context)
  return {
    system: typeof system === 'string' ? system : '',
    object: typeof object === 'string' ? object : '',
    ...(typeof where === 'string' && { where }),
    create: create !== false,
    deletes: deletes === 'propagate' || deletes === 'ignore' ? deletes : 'hold',
    ...(typeof stateField === 'string' && { stateField }),
    ...(typeof syncedAtField === 'string' && { syncedAtField }),
  }
}

/** P5: one record that is both sides of a link would be in step with itself. */
export function checkApart(sync: SyncConfig, node: MapNode, path: ConfigPath, { load, systems }: SidesContext): void {
  const { left, right } = sync
  if (!systems.has(left.system) || left.system !== right.system || left.object !== right.object) return
  const side = node.entries.get('right')
  const object = side?.kind === 'map' ? side.entries.get('object') : undefined
  const place = keyPlaceOf(side ?? node)
  const message = `both sides are ${object ? quoted(object) : 'the same'} of "${left.system}": a sync is between two`
  load.problems.add(place, [...path, 'right'], 'same-side', message, 'another system, or another object')
}

/** `tasks` as written, and where nothing is written the first side that is a Twenty. */
export function tasksOf(
  config: unknown,
  sides: readonly SyncSideConfig[],
  node: Node | undefined,
  path: ConfigPath,
  context: SidesContext,
): SyncConfig['tasks'] {
  if (config === false) return undefined
  const given = typeof config === 'object' && config !== null ? (config as Fields) : {}
  const { assignee, most } = given
  const system = taskSystem(given, sides, node, path, context)
  if (system === undefined) return undefined
  return {
    system,
    ...(typeof assignee === 'string' && { assignee }),
    most: typeof most === 'number' ? most : 50,
  }
}

function taskSystem(
  given: Fields,
  sides: readonly SyncSideConfig[],
  node: Node | undefined,
  path: ConfigPath,
  context: SidesContext,
): string | undefined {
  const { load, systems } = context
  const at = [...path, 'tasks', 'in']
  if (typeof given.in !== 'string') {
    const side = sides.find(({ system }) => isTwenty(systems.get(system)))
    const isUnclear = sides.some(({ system }) => !systems.has(system))
    if (node && !side && !isUnclear) {
      const message = '`in` is missing: no side of this sync is a Twenty, which alone has tasks'
      load.problems.add(
        keyPlaceOf(node),
        at,
        'missing',
        message,
        suggestionOf('', twentiesOf(systems)) ?? 'tasks: false',
      )
    }
    return side?.system
  }
  const found = systemAt(node, 'in', at, context, twentiesOf(systems))
  if (!found || isTwenty(found)) return given.in
  const place = node?.kind === 'map' ? node.entries.get('in')!.place : found.node.place
  const message = `"${found.name}" is of type ${found.definition.type}; tasks are in a Twenty system`
  load.problems.add(place, at, 'no-tasks', message, suggestionOf('', twentiesOf(systems)))
  return undefined
}

/** The system that a key names, when it is there. */
function systemAt(
  node: Node | undefined,
  key: string,
  path: ConfigPath,
  { load, systems }: SidesContext,
  candidates: readonly string[] = peersOf(systems),
): DeclaredSystem | undefined {
  const name = node && textAt(node, key)
  const entry = node?.kind === 'map' ? node.entries.get(key) : undefined
  if (name === undefined || entry?.kind !== 'scalar' || entry.unresolved) return undefined
  const system = systems.get(name)
  if (!system && !load.broken.has(name)) {
    load.problems.add(
      entry.place,
      path,
      'unknown-system',
      `there is no system ${quoted(entry)}`,
      suggestionOf(name, candidates),
    )
  }
  return system
}

function checkSystem(system: DeclaredSystem, side: Node, path: ConfigPath, context: SidesContext): void {
  const { load, registry, systems } = context
  const { name, definition, config } = system
  if (side.kind !== 'map') return
  if (!definition.peer) {
    const message = `"${name}" is of type ${definition.type}, which cannot be a side of a sync`
    const place = side.entries.get('system')!.place
    load.problems.add(place, [...path, 'system'], 'no-peer', message, suggestionOf('', peersOf(systems)))
    return
  }
  const object = side.entries.get('object')
  const objects = broughtBy(system, registry)?.objects?.(config as never)
  if (!objects || object?.kind !== 'scalar' || typeof object.value !== 'string' || object.unresolved) return
  if (objects.includes(object.value)) return
  const message = `"${name}" has no object ${quoted(object)}; it has ${objects.join(', ')}`
  load.problems.add(object.place, [...path, 'object'], 'unknown-object', message, suggestionOf(object.value, objects))
}

function peersOf(systems: SidesContext['systems']): string[] {
  return [...systems.values()].filter(({ definition }) => definition.peer).map(({ name }) => name)
}

function twentiesOf(systems: SidesContext['systems']): string[] {
  return [...systems.values()].filter(isTwenty).map(({ name }) => name)
}

function isTwenty(system: DeclaredSystem | undefined): boolean {
  return system?.definition.type === 'twenty'
}

function suggestionOf(name: string, candidates: readonly string[]): string | undefined {
  const near = name === '' ? undefined : nearest(name, candidates)
  if (near !== undefined || candidates.length === 1) return near ?? candidates[0]
  return candidates.length > 0 ? `one of ${candidates.join(', ')}` : undefined
}
