import { nearest } from '../nearest.ts'
import { readAction } from './action-step.ts'
import { readChoose } from './choose-step.ts'
import type { DeclaredSystem } from './components.ts'
import type { ConfigPath, StepConfig } from './config.ts'
import type { Registry } from './definition.ts'
import { readEach } from './each-step.ts'
import { ActionKeys } from './flow-schema.ts'
import type { LoadContext } from './load-context.ts'
import { found, keyPlaceOf, type MapNode, type Node, quoted } from './node.ts'
import { readProcessor } from './processor-step.ts'
import type { StepNames } from './step-names.ts'

/** What all steps of one flow share. */
export interface StepsContext {
  readonly load: LoadContext
  readonly registry: Registry
  readonly systems: ReadonlyMap<string, DeclaredSystem>
  /** Types of the connectors that the flow reads. */
  readonly sources: readonly string[]
  /** Ids taken so far in this flow, and where. */
  readonly ids: Map<string, Node>
}

/** A step as written, its verb known. */
export interface WrittenStep {
  readonly verb: string
  /** What stands under the verb. */
  readonly node: Node
  readonly path: ConfigPath
}

export function readSteps(node: Node, path: ConfigPath, names: StepNames, context: StepsContext): StepConfig[] {
  if (node.kind !== 'list') return []
  return node.items.flatMap((item, at) => {
    const step = readStep(item, [...path, at], names, context)
    if (!step) names.open()
    return step ? [step] : []
  })
}

export function readStep(
  node: Node,
  path: ConfigPath,
  names: StepNames,
  context: StepsContext,
): StepConfig | undefined {
  const verb = verbOf(node, path, context)
  if (verb === undefined || node.kind !== 'map') return undefined
  const written = { verb, node: node.entries.get(verb)!, path: [...path, verb] }
  if (verb === 'each') return readEach(written, names, context)
  if (verb === 'choose') return readChoose(written, names, context)
  const processor = context.registry.processors[verb]
  return processor ? readProcessor(processor, written, names, context) : readAction(written, names, context)
}

/** The one key of a step. */
function verbOf(node: Node, path: ConfigPath, { load, registry }: StepsContext): string | undefined {
  const verbs = new Set([
    'each',
    'choose',
    ...Object.keys(registry.processors),
    ...Object.values(registry.sinks).flatMap(sink => Object.keys(sink.actions)),
  ])
  if (node.kind !== 'map') {
    const message = `a step is a map with one verb, like \`upsert: { … }\`, not ${found(node)}`
    load.problems.add(node.place, path, 'type', message, `one of ${[...verbs].join(', ')}`)
    return undefined
  }
  const keys = [...node.entries.keys()]
  const known = keys.filter(key => verbs.has(key))
  const [verb] = known
  if (verb === undefined) return unknownVerb(node, path, [...verbs], load)
  for (const key of keys) if (key !== verb) extraKey(key, verb, node, path, known, load)
  return verb
}

function unknownVerb(node: MapNode, path: ConfigPath, verbs: readonly string[], { problems }: LoadContext): undefined {
  const [first] = node.entries
  if (!first) return void problems.add(node.place, path, 'missing', 'a step needs a verb', `one of ${verbs.join(', ')}`)
  const [key, value] = first
  const suggestion = nearest(key, verbs) ?? `one of ${verbs.join(', ')}`
  problems.add(keyPlaceOf(value), [...path, key], 'unknown-verb', `there is no step \`${key}\``, suggestion)
  return undefined
}

function extraKey(
  key: string,
  verb: string,
  node: MapNode,
  path: ConfigPath,
  known: readonly string[],
  { problems }: LoadContext,
): void {
  const place = keyPlaceOf(node.entries.get(key)!)
  const at = [...path, key]
  if (known.includes(key)) problems.add(place, at, 'step-verbs', `this step has \`${verb}\` already`, `- ${key}: …`)
  else if (key in ActionKeys.properties) {
    problems.add(
      place,
      at,
      'misplaced-key',
      `\`${key}\` belongs under \`${verb}\`, indented further`,
      `${verb}: { ${key}: … }`,
    )
  } else
    problems.add(
      place,
      at,
      'unknown-key',
      `a step has one key, its verb; \`${key}\` is a second one`,
      `${verb}: { ${key}: … }`,
    )
}

/** The explicit id, or the derived one; no two alike in a flow, as effects are remembered under it. */
export function stepId(
  explicit: unknown,
  derived: string,
  node: Node,
  path: ConfigPath,
  { ids, load }: StepsContext,
  idKey = 'id',
): string {
  const id = typeof explicit === 'string' ? explicit : derived
  const first = ids.get(id)
  if (!first) {
    ids.set(id, node)
    return id
  }
  const explicitNode = node.kind === 'map' ? node.entries.get(idKey) : undefined
  const called = explicitNode ? quoted(explicitNode) : `"${id}"`
  const at = keyPlaceOf(explicitNode ?? node)
  const message = `two steps of this flow are called ${called} (the first in line ${keyPlaceOf(first).line}); what was done is remembered by that name`
  load.problems.add(at, path, 'duplicate-id', message, `${idKey}: ${unused(id, ids)}`)
  return id
}

/** Of a step that has no place for an id, and nothing to remember under it. */
export function numberedId({ verb, node, path }: WrittenStep, context: StepsContext): string {
  return stepId(undefined, context.ids.has(verb) ? unused(verb, context.ids) : verb, node, path, context)
}

function unused(id: string, ids: ReadonlyMap<string, unknown>): string {
  let count = 2
  while (ids.has(`${id}-${count}`)) count++
  return `${id}-${count}`
}
