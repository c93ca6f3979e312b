import type { Expression } from '../config/definition.ts'
import { asSyncError, type SyncError } from '../errors.ts'
import type { Fields } from '../event.ts'
import type { ProcessResult, Scope } from '../processors/processor.ts'
import type { Plan } from '../sinks/sink.ts'
import type { Batcher, PlannedEffect } from './batcher.ts'
import type { ActionStep, EachStep, ProcessorStep, Step } from './step.ts'

/** What became of one step for one event. */
export type Traced = { readonly step: string; readonly verb: string } & (
  | { readonly outcome: 'passed over' }
  | { readonly outcome: 'done'; readonly result?: unknown }
  | { readonly outcome: 'skipped'; readonly reason: string }
  /** `unanswered`: later steps can read what it would give, and nobody knows that. */
  | { readonly outcome: 'planned'; readonly plan: Plan; readonly unanswered?: true }
  | { readonly outcome: 'failed'; readonly error: SyncError }
)

type Tell = (traced: Traced) => void

/**
 * The same steps, told of as they run.
 * @param answers what writes, which are not made, give to later steps, by id of the step.
 */
export function traced(steps: readonly Step[], tell: Tell, answers: Fields = {}): Step[] {
  return steps.map(step => {
    const watched = { ...step, ...(step.when && { when: tracedWhen(step, step.when, tell) }) }
    if (watched.kind === 'processor') return tracedProcessor(watched, tell)
    if (watched.kind === 'action') return tracedAction(watched, tell, answers)
    if (watched.kind === 'each') return tracedEach(watched, tell, answers)
    const branches = watched.branches.map(branch => ({ ...branch, steps: traced(branch.steps, tell, answers) }))
    return { ...watched, branches }
  })
}

function tracedEach(step: EachStep, tell: Tell, answers: Fields): EachStep {
  const over = 'kind' in step.over ? tracedAction(step.over, tell, answers) : step.over
  return { ...step, over, steps: traced(step.steps, tell, answers) }
}

function tracedWhen(step: Step, when: Expression, tell: Tell): Expression {
  return {
    ...when,
    evaluate(scope) {
      const holds = told(step, tell, () => when.evaluate(scope))
      if (holds !== true) tell({ ...named(step), outcome: 'passed over' })
      return holds
    },
  }
}

function tracedProcessor(step: ProcessorStep, tell: Tell): ProcessorStep {
  const { processor } = step
  return {
    ...step,
    processor: {
      async process(scope, context) {
        const result = await toldLater(step, tell, async () => processor.process(scope, context))
        tell({ ...named(step), ...outcomeOf(result) })
        return result
      },
    },
  }
}

function outcomeOf(result: ProcessResult) {
  if ('skip' in result) return { outcome: 'skipped', reason: result.skip } as const
  if ('result' in result) return { outcome: 'done', result: result.result } as const
  return { outcome: 'done', ...(result.names && { result: result.names }) } as const
}

function tracedAction(step: ActionStep, tell: Tell, answers: Fields): ActionStep {
  const { batcher } = step.system
  const page: Batcher['page'] = async (item, cursor, owned) => {
    const found = await toldLater(step, tell, () => batcher.page(item, cursor, owned))
    tell({ ...named(step), outcome: 'done', result: `a page of ${found.items.length}` })
    return found
  }
  const plan: Batcher['plan'] = async (item, owned) => {
    const planned = await toldLater(step, tell, () => batcher.plan(item, owned))
    if (step.effect === 'read') return tracedRead(step, planned, tell)
    const isAnswered = Object.hasOwn(answers, step.id)
    const isKnown = isAnswered || step.as === undefined || planned.plan.result !== undefined || planned.plan.target
    tell({ ...named(step), outcome: 'planned', plan: planned.plan, ...(!isKnown && { unanswered: true }) })
    return isAnswered ? { ...planned, plan: { ...planned.plan, result: answers[step.id] } } : planned
  }
  return {
    ...step,
    args: (scope: Scope) => told(step, tell, () => step.args(scope)),
    system: { ...step.system, batcher: withMethods(batcher, { plan, page }) },
  }
}

/** A read that its plan has not made is made by its delivery. */
function tracedRead(step: ActionStep, planned: PlannedEffect, tell: Tell): PlannedEffect {
  const found = (result: unknown) => tell({ ...named(step), outcome: 'done', result: result ?? null })
  if ('result' in planned.plan) {
    found(planned.plan.result)
    return planned
  }
  return {
    ...planned,
    async deliver() {
      const delivery = await toldLater(step, tell, () => planned.deliver())
      if (delivery.status === 'failed') tell({ ...named(step), outcome: 'failed', error: delivery.error })
      else found(delivery.result)
      return delivery
    },
  }
}

function withMethods(batcher: Batcher, methods: Pick<Batcher, 'plan' | 'page'>): Batcher {
  return new Proxy(batcher, {
    get(target, name) {
      if (name in methods) return methods[name as keyof typeof methods]
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

function told<T>(step: Step, tell: Tell, work: () => T): T {
  try {
    return work()
  } catch (thrown) {
    tell({ ...named(step), outcome: 'failed', error: asSyncError(thrown) })
    throw thrown
  }
}

async function toldLater<T>(step: Step, tell: Tell, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (thrown) {
    tell({ ...named(step), outcome: 'failed', error: asSyncError(thrown) })
    throw thrown
  }
}

function named({ id, verb }: Step) {
  return { step: id, verb }
}
