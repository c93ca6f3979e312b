import type { Fields } from '../event.ts'
import { checkValue } from './check-value.ts'
import type { ChooseBranch, ConfigPath, StepConfig } from './config.ts'
import { BranchSchema } from './flow-schema.ts'
import { found, keyPlaceOf, type Node } from './node.ts'
import { viewOf } from './schema-view.ts'
import { StepNames } from './step-names.ts'
import { numberedId, readSteps, type StepsContext, type WrittenStep } from './steps.ts'

const EXAMPLE = '- { when: "…", do: [ … ] }'

/** Branches. Names that they define stay inside: which of them runs is not known before. */
export function readChoose(written: WrittenStep, names: StepNames, context: StepsContext): StepConfig | undefined {
  const { verb, node, path } = written
  const { problems } = context.load
  if (node.kind !== 'list') {
    problems.add(node.place, path, 'type', `\`choose\` must be a list of branches, and is ${found(node)}`, EXAMPLE)
    return undefined
  }
  if (node.items.length === 0) problems.add(node.place, path, 'empty', 'this is empty', EXAMPLE)
  const id = numberedId(written, context)
  const branches = node.items.map((item, at) => readBranch(item, [...path, at], names, context))
  const otherwise = node.items.findIndex(isWithoutWhen)
  const after = otherwise < 0 ? undefined : node.items[otherwise + 1]
  if (after) {
    const message = 'this branch is never reached: the one before it has no `when`, so it takes all that is left'
    problems.add(keyPlaceOf(after), [...path, otherwise + 1], 'unreachable', message, 'the branch without `when` last')
  }
  return { id, verb, path, config: {}, use: { kind: 'choose', branches } }
}

function readBranch(node: Node, path: ConfigPath, names: StepNames, context: StepsContext): ChooseBranch {
  const around = { load: context.load, ...(names.visible && { names: names.visible }) }
  const { when } = checkValue(viewOf(BranchSchema), node, path, around) as Fields
  const list = node.kind === 'map' ? node.entries.get('do') : undefined
  return {
    ...(typeof when === 'string' && { when }),
    do: list ? readSteps(list, [...path, 'do'], new StepNames(names), context) : [],
  }
}

function isWithoutWhen(node: Node): boolean {
  return node.kind === 'map' && !node.entries.has('when')
}
