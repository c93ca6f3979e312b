import type { Fields } from '../event.ts'
import { nearest } from '../nearest.ts'
import { checkValue } from './check-value.ts'
import type { DeclaredSystem } from './components.ts'
import type { StepConfig } from './config.ts'
import { saysInsecure } from './engine-config.ts'
import { ActionKeys } from './flow-schema.ts'
import { found, keyPlaceOf, type MapNode, mapWhere, quoted, textAt } from './node.ts'
import { reportFaults } from './report-faults.ts'
import { viewOf } from './schema-view.ts'
import type { StepNames } from './step-names.ts'
import { type StepsContext, stepId, type WrittenStep } from './steps.ts'

/** A step that something happens in a system with. undefined when the system is not known. */
export function readAction(written: WrittenStep, names: StepNames, context: StepsContext): StepConfig | undefined {
  const { verb, node, path } = written
  const { load } = context
  if (node.kind !== 'map') {
    load.problems.add(node.place, path, 'type', `\`${verb}\` must be a map, and is ${found(node)}`)
    return undefined
  }
  const system = systemOf(node, written, context)
  const as = textAt(node, 'as')
  if (!system) {
    if (as !== undefined) names.add(as, keyPlaceOf(node.entries.get('as')!), [...path, 'as'], load)
    return undefined
  }
  const action = system.definition.actions[verb]!
  const own = viewOf(action.config)
  const common = Object.keys(ActionKeys.properties).filter(key => !own.properties?.[key])
  const around = { load, insecure: saysInsecure(system.node), ...(names.visible && { names: names.visible }) }
  const before = load.problems.count
  const config = checkValue(
    own,
    mapWhere(node, key => !common.includes(key)),
    path,
    { ...around, otherKeys: common },
  ) as Fields
  if (load.problems.count === before) reportFaults(action.check?.(config as never, names.visible), node, path, load)
  const keys = checkValue(
    viewOf(ActionKeys),
    mapWhere(node, key => common.includes(key)),
    path,
    around,
  ) as Fields
  const caps = node.entries.get('caps')
  if (caps && action.effect === 'read') {
    const message = `\`caps\` limits what is done, and \`${verb}\` only reads`
    load.problems.add(keyPlaceOf(caps), [...path, 'caps'], 'misplaced-key', message, 'leave it out')
  }
  const derived = `${verb}-${typeof config.object === 'string' ? config.object : system.name}`
  const id = stepId(keys.id ?? keys.stepId, derived, node, path, context, common.includes('id') ? 'id' : 'stepId')
  if (typeof keys.as === 'string') names.add(keys.as, keyPlaceOf(node.entries.get('as')!), [...path, 'as'], load)
  return {
    id,
    verb,
    path,
    config: { ...action.defaults?.(config as never, context.sources), ...config },
    ...(typeof keys.when === 'string' && { when: keys.when }),
    ...(typeof keys.as === 'string' && { as: keys.as }),
    use: {
      kind: 'action',
      system: system.name,
      ...(typeof keys.key === 'string' && { key: keys.key }),
      onUnknown: keys.onUnknown === 'repeat' ? 'repeat' : 'hold',
      ...(isFields(keys.caps) && { caps: keys.caps }),
    },
  }
}

/** What `in` or `via` names, else the only system that has the action. */
function systemOf(node: MapNode, { verb, path }: WrittenStep, context: StepsContext): DeclaredSystem | undefined {
  const { load, systems } = context
  const key = node.entries.has('in') ? 'in' : 'via'
  const named = node.entries.get(key)
  if (key === 'in' && node.entries.has('via')) {
    const via = node.entries.get('via')!
    load.problems.add(
      keyPlaceOf(via),
      [...path, 'via'],
      'misplaced-key',
      '`in` and `via` both name the system; one is enough',
    )
  }
  const able = [...systems.values()].filter(system => Object.hasOwn(system.definition.actions, verb))
  if (!named) return onlyOne(able, node, { verb, node, path }, context)
  const name = textAt(node, key)
  const at = [...path, key]
  if (name === undefined) {
    load.problems.add(named.place, at, 'type', `this must be the name of a system, and is ${found(named)}`)
    return undefined
  }
  const system = systems.get(name)
  if (system && Object.hasOwn(system.definition.actions, verb)) return system
  if (load.broken.has(name)) return undefined
  const names = able.map(each => each.name)
  if (system) {
    const { type, actions } = system.definition
    const message = `"${name}" is a ${type} system and has no \`${verb}\`; it has ${Object.keys(actions).join(', ')}`
    load.problems.add(
      named.place,
      at,
      'unknown-system',
      message,
      names.length > 0 ? `${key}: ${names.join(' or ')}` : undefined,
    )
  } else {
    const suggestion = nearest(name, systems.keys()) ?? (names.length > 0 ? `one of ${names.join(', ')}` : undefined)
    load.problems.add(named.place, at, 'unknown-system', `there is no system ${quoted(named)}`, suggestion)
  }
  return undefined
}

function onlyOne(
  able: readonly DeclaredSystem[],
  node: MapNode,
  { verb, path }: WrittenStep,
  { load, registry }: StepsContext,
): DeclaredSystem | undefined {
  if (able.length === 1) return able[0]
  // One of them may be the one.
  if (able.length === 0 && load.broken.size > 0) return undefined
  const place = keyPlaceOf(node)
  if (able.length > 1) {
    const names = able.map(system => system.name)
    const message = `several systems have \`${verb}\`: ${names.join(', ')}`
    load.problems.add(place, [...path, 'in'], 'missing', message, `in: ${names[0]}`)
    return undefined
  }
  const types = Object.values(registry.sinks).filter(sink => Object.hasOwn(sink.actions, verb))
  const message = `no system here has \`${verb}\``
  const suggestion = `a system of type ${types.map(sink => sink.type).join(' or ')} under \`systems\``
  load.problems.add(place, path, 'unknown-system', message, suggestion)
  return undefined
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null
}
