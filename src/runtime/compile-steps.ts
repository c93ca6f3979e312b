import type { Config, StepConfig } from '../config/config.ts'
import type { Environment } from '../environment.ts'
import type { Expressions } from '../expressions/expressions.ts'
import { effectOf } from '../sinks/sink.ts'
import { compileArgs } from './compile-args.ts'
import type { ActionStep, ChooseStep, EachStep, ProcessorStep, RunningSystem, Step } from './step.ts'

/** What the steps of one flow are made with. */
export interface StepsContext {
  readonly flow: string
  readonly env: Environment
  readonly config: Pick<Config, 'systems'>
  readonly expressions: Expressions
  readonly systems: ReadonlyMap<string, RunningSystem>
  /** Called for each component that has something to close. */
  onClose(close: () => Promise<void> | undefined): void
}

type Use<Kind extends StepConfig['use']['kind']> = Extract<StepConfig['use'], { kind: Kind }>

/** @param outermost nothing follows the last of these steps in the flow. */
export function compileSteps(steps: readonly StepConfig[], context: StepsContext, outermost = true): Step[] {
  return steps.map((step, at) => compileStep(step, context, outermost && at === steps.length - 1))
}

function compileStep(step: StepConfig, context: StepsContext, last: boolean): Step {
  const { use } = step
  switch (use.kind) {
    case 'processor':
      return processorOf(step, use, context)
    case 'action':
      return actionOf(step, use, context, last)
    case 'each':
      return eachOf(step, use, context)
    case 'choose':
      return chooseOf(step, use, context, last)
  }
}

function baseOf({ id, verb, when, as }: StepConfig, { expressions }: StepsContext) {
  return {
    id,
    verb,
    ...(when !== undefined && { when: expressions.compile(when) }),
    ...(as !== undefined && { as }),
  }
}

function processorOf(step: StepConfig, { definition }: Use<'processor'>, context: StepsContext): ProcessorStep {
  const processor = definition.create(step.config as never, {
    name: `${context.flow}.${step.id}`,
    flow: context.flow,
    env: context.env,
    compile: source => context.expressions.compile(source),
    compileTree: tree => context.expressions.compileTree(tree),
  })
  context.onClose(() => processor.close?.())
  const { remembers } = definition
  return { ...baseOf(step, context), kind: 'processor', processor, ...(remembers && { remembers }) }
}

function actionOf(step: StepConfig, use: Use<'action'>, context: StepsContext, last: boolean): ActionStep {
  const spec = context.config.systems.get(use.system)!.definition.actions[step.verb]!
  return {
    ...baseOf(step, context),
    kind: 'action',
    system: context.systems.get(use.system)!,
    action: step.verb,
    spec,
    effect: effectOf(spec, step.config),
    args: compileArgs(spec.config, step.config, context.expressions),
    ...(use.key && { key: context.expressions.compile(use.key) }),
    onUnknown: use.onUnknown,
    ...(use.caps && { caps: use.caps }),
    last,
  }
}

function eachOf(step: StepConfig, use: Use<'each'>, context: StepsContext): EachStep {
  return {
    ...baseOf(step, context),
    kind: 'each',
    over: typeof use.over === 'string' ? context.expressions.compile(use.over) : pagesOf(use.over, context),
    item: use.item,
    ...(use.key && { key: context.expressions.compile(use.key) }),
    ...(use.batch !== undefined && { batch: use.batch }),
    concurrency: use.concurrency,
    onFailure: use.onFailure,
    steps: compileSteps(use.do, context, false),
  }
}

function pagesOf(step: StepConfig, context: StepsContext): ActionStep {
  return actionOf(step, step.use as Use<'action'>, context, false)
}

function chooseOf(step: StepConfig, { branches }: Use<'choose'>, context: StepsContext, last: boolean): ChooseStep {
  return {
    ...baseOf(step, context),
    kind: 'choose',
    branches: branches.map(branch => ({
      ...(branch.when !== undefined && { when: context.expressions.compile(branch.when) }),
      steps: compileSteps(branch.do, context, last),
    })),
  }
}
