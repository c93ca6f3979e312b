import type { Fields } from '../event.ts'
import { checkTree } from './check-expression.ts'
import { checkValue, type Surroundings } from './check-value.ts'
import type { ConfigPath, StepConfig } from './config.ts'
import type { ProcessorDefinition } from './definition.ts'
import { NamesProcessorKeys, ProcessorKeys } from './flow-schema.ts'
import { keyPlaceOf, type MapNode, mapWhere, type Node, plainOf } from './node.ts'
import { reportFaults } from './report-faults.ts'
import { isFreeMap, type SchemaView, variantsOf, viewOf } from './schema-view.ts'
import type { StepNames } from './step-names.ts'
import { numberedId, type StepsContext, stepId, type WrittenStep } from './steps.ts'

/** A step that computes. Its own keys and the common ones stand side by side under the verb. */
export function readProcessor(
  definition: ProcessorDefinition,
  written: WrittenStep,
  names: StepNames,
  context: StepsContext,
): StepConfig {
  const { load } = context
  const { verb, node, path } = written
  const schema = viewOf(definition.config)
  const around = { load, ...(names.visible && { names: names.visible }) }
  const common = node.kind === 'map' ? commonKeys(schema) : []
  const own = node.kind === 'map' ? mapWhere(node, key => !common.includes(key)) : node
  const before = load.problems.count
  const config = isFreeMap(schema)
    ? checkInOrder(schema, own, path, names, around)
    : (checkValue(schema, own, path, { ...around, otherKeys: common }) as Fields)
  const isSound = load.problems.count === before
  if (isSound) reportFaults(definition.check?.(config as never), node, path, load)
  const keys = node.kind === 'map' ? checkCommon(schema, node, common, written, around) : {}
  const idKey = common.includes('id') ? 'id' : 'stepId'
  const explicit = keys.id ?? keys.stepId
  const id = node.kind === 'map' ? stepId(explicit, verb, node, path, context, idKey) : numberedId(written, context)
  addNames(definition, config, isSound, written, names, context)
  if (definition.gives !== undefined && node.kind === 'map' && !node.entries.has('as')) {
    const message = '`as` is missing: the name by which later steps see the result'
    load.problems.add(keyPlaceOf(node), [...path, 'as'], 'missing', message, `as: ${definition.gives}`)
    names.open()
  }
  if (typeof keys.as === 'string') names.add(keys.as, placeOf(node as MapNode, 'as'), [...path, 'as'], load)
  return {
    id,
    verb,
    path,
    config,
    ...(typeof keys.when === 'string' && { when: keys.when }),
    ...(typeof keys.as === 'string' && { as: keys.as }),
    use: { kind: 'processor', definition },
  }
}

/** Each key is a name, and what stands below it may use it. */
function checkInOrder(
  schema: SchemaView,
  node: Node,
  path: ConfigPath,
  names: StepNames,
  around: Surroundings,
): Fields {
  if (node.kind !== 'map') return checkValue(schema, node, path, around) as Fields
  const seen = names.visible && [...names.visible]
  for (const [key, value] of node.entries) {
    checkTree(value, [...path, key], { ...around, ...(seen && { names: seen }) })
    seen?.push(key)
  }
  return plainOf(node) as Fields
}

/** Common keys that the processor does not have itself; its own win. */
function commonKeys(schema: SchemaView): string[] {
  if (isFreeMap(schema)) return Object.keys(NamesProcessorKeys.properties)
  const own = new Set(variantsOf(schema).flatMap(variant => Object.keys(variant.properties ?? {})))
  return Object.keys(ProcessorKeys.properties).filter(key => !own.has(key))
}

function checkCommon(
  schema: SchemaView,
  node: MapNode,
  common: readonly string[],
  { path, verb }: WrittenStep,
  around: Surroundings,
): Fields {
  const keys = mapWhere(node, key => common.includes(key))
  const id = keys.entries.get('id')
  if (isFreeMap(schema) && id && !(id.kind === 'scalar' && /^[A-Za-z][\w-]*$/.test(String(id.value)))) {
    const message = `under \`${verb}\`, \`id\` is what the step is called`
    around.load.problems.add(id.place, [...path, 'id'], 'name', message, 'another name for the value, like recordId')
    return {}
  }
  return checkValue(viewOf(ProcessorKeys), keys, path, around) as Fields
}

function addNames(
  definition: ProcessorDefinition,
  config: Fields,
  isSound: boolean,
  { node, path }: WrittenStep,
  names: StepNames,
  { load }: StepsContext,
): void {
  for (const name of addedBy(definition, config, isSound) ?? []) {
    const isKey = node.kind === 'map' && node.entries.has(name)
    names.add(name, isKey ? placeOf(node, name) : node.place, isKey ? [...path, name] : path, load)
  }
  if (!isSound && addedBy(definition, config, isSound) === undefined) names.open()
}

/** undefined when a config that is not sound does not let itself be asked. */
function addedBy(definition: ProcessorDefinition, config: Fields, isSound: boolean): readonly string[] | undefined {
  if (!definition.adds) return []
  try {
    return definition.adds(config as never)
  } catch (error) {
    if (isSound) throw error
    return undefined
  }
}

function placeOf(node: MapNode, key: string) {
  const entry = node.entries.get(key) ?? node
  return entry.keyPlace ?? entry.place
}
