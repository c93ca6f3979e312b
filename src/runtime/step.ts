import type { Expression } from '../config/definition.ts'
import type { SyncError } from '../errors.ts'
import type { Fields } from '../event.ts'
import type { Processor, Scope } from '../processors/processor.ts'
import type { ActionSpec, Effect } from '../sinks/sink.ts'
import type { Batcher } from './batcher.ts'
import type { CapLimits } from './caps.ts'

/** A system as the flows use it. */
export interface RunningSystem {
  readonly name: string
  readonly batcher: Batcher
  /** Its changes come back as events of a connector, so writes go into the ledger. */
  readonly echoes: boolean
  /** An answer that no event will get past: bad credentials, for example. */
  failed(error: SyncError): void
}

interface StepBase {
  readonly id: string
  readonly verb: string
  readonly when?: Expression
  readonly as?: string
}

export interface ProcessorStep extends StepBase {
  readonly kind: 'processor'
  readonly processor: Processor
  /** It keeps something in the state. */
  readonly remembers?: true
}

export interface ActionStep extends StepBase {
  readonly kind: 'action'
  readonly system: RunningSystem
  readonly action: string
  readonly spec: ActionSpec
  readonly effect: Effect
  readonly args: (scope: Scope) => Fields
  /** Replaces the event id in the effect key. */
  readonly key?: Expression
  readonly onUnknown: 'hold' | 'repeat'
  readonly caps?: CapLimits
  /** Nothing follows it in the flow: its result needs no commit of its own. */
  readonly last: boolean
}

export interface EachStep extends StepBase {
  readonly kind: 'each'
  /** A list, or what a system gives page by page. */
  readonly over: Expression | ActionStep
  readonly item: string
  readonly key?: Expression
  /** So many items at once; absent: one by one. */
  readonly batch?: number
  /** Items side by side. */
  readonly concurrency: number
  /** What becomes of the others when an item fails for good: the event ends, or the item alone. */
  readonly onFailure: 'stop' | 'next'
  readonly steps: readonly Step[]
}

export interface ChooseStep extends StepBase {
  readonly kind: 'choose'
  readonly branches: readonly { readonly when?: Expression; readonly steps: readonly Step[] }[]
}

export type Step = ProcessorStep | ActionStep | EachStep | ChooseStep

/** The steps and those inside of them. */
export function allSteps(steps: readonly Step[]): Step[] {
  return steps.flatMap(step => [step, ...allSteps(innerSteps(step))])
}

function innerSteps(step: Step): readonly Step[] {
  if (step.kind === 'each') return 'kind' in step.over ? [step.over, ...step.steps] : step.steps
  return step.kind === 'choose' ? step.branches.flatMap(branch => branch.steps) : []
}

/** True when the steps remember anything at all about an event: effects, a dedupe claim, a crossing, a page, an item given up. */
export function hasMemory(steps: readonly Step[]): boolean {
  return allSteps(steps).some(step => {
    if (step.kind === 'action') return step.effect !== 'read'
    if (step.kind === 'processor') return step.remembers === true
    return step.kind === 'each' && ('kind' in step.over || step.onFailure === 'next')
  })
}
