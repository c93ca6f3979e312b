import type { Fields } from '../event.ts'
import { checkValue } from './check-value.ts'
import type { ConfigPath, StepConfig } from './config.ts'
import { EachSchema } from './flow-schema.ts'
import type { LoadContext } from './load-context.ts'
import { found, keyPlaceOf, type MapNode, mapWhere, type Node } from './node.ts'
import { viewOf } from './schema-view.ts'
import { StepNames } from './step-names.ts'
import { readStep, readSteps, type StepsContext, stepId, type WrittenStep } from './steps.ts'

const CONCURRENCY = 10

export function readEach(written: WrittenStep, names: StepNames, context: StepsContext): StepConfig | undefined {
  const { verb, node, path } = written
  const { load } = context
  if (node.kind !== 'map') {
    load.problems.add(node.place, path, 'type', `\`each\` must be a map, and is ${found(node)}`, 'over: data.items')
    return undefined
  }
  const around = { load, ...(names.visible && { names: names.visible }) }
  const own = mapWhere(node, key => key !== 'key')
  const outer = checkValue(viewOf(EachSchema), own, path, { ...around, otherKeys: ['key'] }) as Fields
  const over = readOver(node, path, names, context) ?? String(outer.over)
  const item = typeof outer.as === 'string' ? outer.as : 'item'
  const inner = new StepNames(names)
  inner.add(item, (node.entries.get('as') ?? node).place, [...path, 'as'], load)
  const keyNode = node.entries.get('key')
  const key = keyNode && keyOf(keyNode, path, inner, load)
  const id = stepId(outer.id, verb, node, path, context)
  const list = node.entries.get('do')
  const steps = list ? readSteps(list, [...path, 'do'], inner, context) : []
  const summary = typeof outer.summary === 'string' ? outer.summary : undefined
  if (summary !== undefined) names.add(summary, keyPlaceOf(node.entries.get('summary')!), [...path, 'summary'], load)
  return {
    id,
    verb,
    path,
    config: {},
    ...(typeof outer.when === 'string' && { when: outer.when }),
    ...(summary !== undefined && { as: summary }),
    use: {
      kind: 'each',
      over,
      item,
      ...(key !== undefined && { key }),
      ...(typeof outer.batch === 'number' && { batch: outer.batch }),
      concurrency: typeof outer.concurrency === 'number' ? outer.concurrency : CONCURRENCY,
      onFailure: outer.onFailure === 'stop' || outer.onFailure === 'next' ? outer.onFailure : defaultFor(over),
      do: steps,
    },
  }
}

/** What a person reads through to the end goes on; a list is a whole of its own, like an order and its lines. */
function defaultFor(over: string | StepConfig): 'stop' | 'next' {
  return typeof over === 'string' ? 'stop' : 'next'
}

/** An action in place of a list. undefined where there is none, or none that is understood. */
function readOver(node: MapNode, path: ConfigPath, names: StepNames, context: StepsContext): StepConfig | undefined {
  const over = node.entries.get('over')
  if (over?.kind !== 'map') return undefined
  const at = [...path, 'over']
  // It leaves neither a result nor a trace of its own.
  const step = readStep(over, at, new StepNames(names), { ...context, ids: new Map() })
  if (!step) return undefined
  const { problems } = context.load
  const inside = over.entries.get(step.verb)!
  if (step.use.kind !== 'action' || !isPaged(step, context)) {
    const pageable = [
      ...new Set([...context.systems.values()].flatMap(({ definition }) => pagedOf(definition.actions))),
    ]
    const message = `\`${step.verb}\` does not give a list page by page`
    const advice = pageable.length > 0 ? `a list, or one of ${pageable.join(', ')}` : 'a list'
    problems.add(keyPlaceOf(inside), at, 'not-paged', message, advice)
    return undefined
  }
  for (const key of ['as', 'when', 'key', 'onUnknown', 'id', 'stepId']) {
    const extra = inside.kind === 'map' && !(key in step.config) ? inside.entries.get(key) : undefined
    if (!extra) continue
    const message = `what \`each\` goes over has no \`${key}\` of its own`
    problems.add(keyPlaceOf(extra), [...at, step.verb, key], 'misplaced-key', message, `each: { ${key}: … }`)
  }
  return step
}

function isPaged({ verb, use }: StepConfig, { systems }: StepsContext): boolean {
  return use.kind === 'action' && systems.get(use.system)!.definition.actions[verb]!.paged === true
}

function pagedOf(actions: Readonly<Record<string, { readonly paged?: true }>>): string[] {
  return Object.entries(actions).flatMap(([verb, { paged }]) => (paged ? [verb] : []))
}

function keyOf(node: Node, path: ConfigPath, names: StepNames, load: LoadContext): string {
  const schema = viewOf(EachSchema.properties.key)
  return String(checkValue(schema, node, [...path, 'key'], { load, ...(names.visible && { names: names.visible }) }))
}
