import type { Fields } from '../event.ts'
import { checkValue } from './check-value.ts'
import type { ConfigPath, StepConfig } from './config.ts'
import { EachSchema } from './flow-schema.ts'
import type { LoadContext } from './load-context.ts'
import { found, mapWhere, type Node } from './node.ts'
import { viewOf } from './schema-view.ts'
import { StepNames } from './step-names.ts'
import { readSteps, type StepsContext, stepId, type WrittenStep } from './steps.ts'

export function readEach(
  { verb, node, path }: WrittenStep,
  names: StepNames,
  context: StepsContext,
): StepConfig | undefined {
  const { load } = context
  if (node.kind !== 'map') {
    load.problems.add(node.place, path, 'type', `\`each\` must be a map, and is ${found(node)}`, 'over: data.items')
    return undefined
  }
  const around = { load, ...(names.visible && { names: names.visible }) }
  const schema = viewOf(EachSchema)
  const outer = checkValue(
    schema,
    mapWhere(node, key => key !== 'key'),
    path,
    { ...around, otherKeys: ['key'] },
  ) as Fields
  const item = typeof outer.as === 'string' ? outer.as : 'item'
  const inner = new StepNames(names)
  const itemNode = node.entries.get('as') ?? node
  inner.add(item, itemNode.place, [...path, 'as'], load)
  const keyNode = node.entries.get('key')
  const key = keyNode && keyOf(keyNode, path, inner, load)
  const id = stepId(outer.id, verb, node, path, context)
  const list = node.entries.get('do')
  return {
    id,
    verb,
    path,
    config: {},
    ...(typeof outer.when === 'string' && { when: outer.when }),
    use: {
      kind: 'each',
      over: String(outer.over),
      item,
      ...(key !== undefined && { key }),
      concurrency: typeof outer.concurrency === 'number' ? outer.concurrency : 10,
      do: list ? readSteps(list, [...path, 'do'], inner, context) : [],
    },
  }
}

function keyOf(node: Node, path: ConfigPath, names: StepNames, load: LoadContext): string {
  const schema = viewOf(EachSchema.properties.key)
  return String(checkValue(schema, node, [...path, 'key'], { load, ...(names.visible && { names: names.visible }) }))
}
