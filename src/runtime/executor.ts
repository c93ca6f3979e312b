import type { Environment } from '../environment.ts'
import { asSyncError, SyncError } from '../errors.ts'
import type { ProcessResult, Scope } from '../processors/processor.ts'
import type { Delivery, Item, Plan } from '../sinks/sink.ts'
import { Abandoned } from './abandoned.ts'
import type { PlannedEffect } from './batcher.ts'
import { Each, type Loop } from './each.ts'
import type { ItemOutcomes } from './each-loop.ts'
import { EffectItem } from './effect-item.ts'
import type { LoneItem, Run, StepRecord } from './run.ts'
import type { RunMemory } from './run-memory.ts'
import { type ActionStep, allSteps, type ChooseStep, type EachStep, type ProcessorStep, type Step } from './step.ts'
import type { Cause, WriteLedger } from './write-ledger.ts'

/** The event ended at a step, without harm. undefined: it went through. */
export type Skip = { readonly skip: string } | undefined

/**
 * Takes an event through steps. Effects follow one order, which is what a crash between any two lines is safe by:
 * plan (reads), intent committed, call, result committed.
 */
export class Executor {
  readonly #flow: string
  readonly #memory: RunMemory
  readonly #ledger: WriteLedger

  readonly #loops: Each

  constructor(options: {
    flow: string
    memory: RunMemory
    ledger: WriteLedger
    env: Pick<Environment, 'clock' | 'random'>
    items: ItemOutcomes
  }) {
    const { flow, memory, env, items: outcomes } = options
    this.#flow = flow
    this.#memory = memory
    this.#ledger = options.ledger
    this.#loops = new Each({ flow, memory, env, outcomes, execute: (...args) => this.execute(...args) })
  }

  get loops(): Loop[] {
    return this.#loops.underWay
  }

  /** All that the run is about: the flow's steps, or those of one item alone. @throws as `execute`. */
  run(run: Run, steps: readonly Step[]): Skip | Promise<Skip> {
    const { item } = run
    if (!item) return this.execute(run, steps)
    const each = allSteps(steps).find((step): step is EachStep => step.kind === 'each' && step.id === item.each)
    if (!each) throw noSuchEach(item)
    return this.execute(run, each.steps, { ...run.scope, ...item.names, [each.item]: item.value }, item.prefix)
  }

  /** Sync when every step is: a promise per event and step would cost more than most steps. @throws SyncError, Abandoned */
  execute(run: Run, steps: readonly Step[], scope: Scope = run.scope, prefix = '', from = 0): Skip | Promise<Skip> {
    for (let at = from; at < steps.length; at++) {
      const outcome = this.#step(run, steps[at]!, scope, prefix)
      if (outcome instanceof Promise) {
        return outcome.then(skip => skip ?? this.execute(run, steps, scope, prefix, at + 1))
      }
      if (outcome) return outcome
    }
    return undefined
  }

  #step(run: Run, step: Step, scope: Scope, prefix: string): Skip | Promise<Skip> {
    try {
      const outcome = this.#begin(run, step, scope, prefix)
      return outcome instanceof Promise ? outcome.catch(thrown => failed(run, step, scope, prefix, thrown)) : outcome
    } catch (thrown) {
      return failed(run, step, scope, prefix, thrown)
    }
  }

  #begin(run: Run, step: Step, scope: Scope, prefix: string): Skip | Promise<Skip> {
    if (step.when && step.when.evaluate(scope) !== true) {
      // null, so that `company.?id` of a later step is simply absent.
      if (step.as) scope[step.as] = null
      return undefined
    }
    if (step.kind === 'processor') return this.#process(run, step, scope, prefix)
    if (step.kind === 'action') return this.#act(run, step, scope, prefix)
    if (step.kind === 'choose') return this.#choose(run, step, scope, prefix)
    return this.#each(run, step, scope, prefix)
  }

  /** What a branch defines stays in it; what it skips is skipped, as by a step beside it. */
  #choose(run: Run, { branches }: ChooseStep, scope: Scope, prefix: string): Skip | Promise<Skip> {
    const branch = branches.find(({ when }) => !when || when.evaluate(scope) === true)
    return branch && this.execute(run, branch.steps, { ...scope }, prefix)
  }

  #process(run: Run, step: ProcessorStep, scope: Scope, prefix: string): Skip | Promise<Skip> {
    const result = step.processor.process(scope, {
      event: run.event,
      signal: run.owned,
      claim: (value, withinMs) => this.#memory.claims.claim(run, step.id, value, { prefix, withinMs }),
      recall: (key, judge) => this.#memory.recall(run, step.id, prefix + step.id, key, judge),
    })
    return result instanceof Promise ? result.then(value => joined(value, step, scope)) : joined(result, step, scope)
  }

  async #each(run: Run, step: EachStep, scope: Scope, prefix: string): Promise<Skip> {
    const { done, skipped, failed } = await this.#loops.run(run, step, scope, prefix + step.id)
    if (step.as) scope[step.as] = { count: done + skipped + failed, done, skipped, failed }
    return undefined
  }

  async #act(run: Run, step: ActionStep, scope: Scope, prefix: string): Promise<Skip> {
    const stepKey = prefix + step.id
    const known = run.steps.get(stepKey)
    if (known && !known.open) {
      join(step, scope, known.result)
      return undefined
    }
    const item = this.#item(run, step, scope, prefix, known)
    if (step.effect === 'read') return this.#read(run, step, item, scope, stepKey)
    const earlier = await this.#memory.earlierEffect(run, step, item, known)
    if (earlier && !earlier.open) {
      // P3: this effect was done before, by this event or by another with its key.
      const result = earlier.ref ?? null
      const { event: _event, key: _key, ...record } = earlier
      this.#memory.keep(run, stepKey, { ...record, result, skipped: 'done before' })
      join(step, scope, result)
      return undefined
    }
    // P3: under one key the other side takes one request, which a config that was swapped since does not change.
    item.request = earlier?.request
    if (run.mode === 'replay' && step.effect !== 'safe' && !run.allEffects) {
      run.steps.set(stepKey, { skipped: `${step.effect} effects are not repeated by a replay` })
      return undefined
    }
    return this.#effect(run, step, item, scope, stepKey)
  }

  #item(run: Run, step: ActionStep, scope: Scope, prefix: string, known: StepRecord | undefined): EffectItem {
    const key = (known?.open && known.key) || this.#keyOf(run, step, scope, prefix)
    const priority = run.mode === 'replay' ? 'replay' : 'live'
    // A copy: names of later steps join the run's own.
    const seen = step.spec.seesScope ? { ...scope } : undefined
    return new EffectItem(step.action, step.args(scope), key, run.event.time, known?.open === true, priority, seen)
  }

  #keyOf(run: Run, step: ActionStep, scope: Scope, prefix: string): string {
    const own = step.key ? String(step.key.evaluate(scope)) : run.event.id
    return `${this.#flow}/${prefix}${step.id}/${own}`
  }

  async #read(run: Run, step: ActionStep, item: Item, scope: Scope, stepKey: string): Promise<Skip> {
    const planned = await step.system.batcher.plan(item, run.owned, run.isCollected)
    try {
      const delivery: Delivery =
        planned.plan.operation === 'read' && !('result' in planned.plan)
          ? await planned.deliver()
          : { status: 'delivered', result: planned.plan.result }
      if (delivery.status === 'failed') throw delivery.error
      // Rides in the next commit: a resumed run must see what the first one saw.
      this.#memory.keep(run, stepKey, { result: delivery.result ?? null, read: true })
      run.notePassed(step.id)
      join(step, scope, delivery.result)
    } finally {
      await planned.release()
    }
    return undefined
  }

  async #effect(run: Run, step: ActionStep, item: Item, scope: Scope, stepKey: string): Promise<Skip> {
    const planned = await step.system.batcher.plan(item, run.owned, run.isCollected)
    try {
      if (run.dryRun) {
        run.plans.push({ step: stepKey, plan: planned.plan })
        join(step, scope, foreseen(planned.plan))
        return undefined
      }
      if (planned.plan.operation === 'none') {
        this.#memory.keep(run, stepKey, { result: planned.plan.result ?? null, skipped: 'already as wanted' })
        join(step, scope, planned.plan.result)
        return undefined
      }
      const record = await this.#write(run, step, planned, stepKey)
      join(step, scope, record.result)
      return undefined
    } finally {
      await planned.release()
    }
  }

  async #write(run: Run, step: ActionStep, planned: PlannedEffect, stepKey: string): Promise<StepRecord> {
    const { plan } = planned
    const stale = await this.#memory.intend(run, step, plan, stepKey)
    if (stale) {
      const record = { skipped: 'stale', result: plan.result ?? null }
      this.#memory.keep(run, stepKey, record)
      return record
    }
    if (step.system.echoes) {
      await this.#ledger.open(step.system.name, plan, this.#cause(run))
    }
    // A process whose ownership ran out starts no call.
    if (run.owned.aborted) {
      if (!plan.item.outcomeUnknown) await this.#memory.withdraw(run, step, plan, stepKey).catch(() => {})
      throw new Abandoned()
    }
    run.effects = true
    return this.#deliver(run, step, planned, stepKey)
  }

  async #deliver(run: Run, step: ActionStep, planned: PlannedEffect, stepKey: string): Promise<StepRecord> {
    const { plan } = planned
    let delivery: Delivery
    try {
      delivery = await planned.deliver()
    } catch (thrown) {
      delivery = { status: 'failed', error: asSyncError(thrown) }
    }
    if (delivery.status === 'failed') return this.#failed(run, step, plan, stepKey, delivery.error)
    run.notePassed(step.id)
    const ref = delivery.status === 'delivered' ? delivery.ref : undefined
    const record: StepRecord = {
      result: delivery.result ?? null,
      ...(ref && { ref }),
      ...(delivery.status === 'skipped' && { skipped: delivery.reason }),
    }
    if (step.system.echoes) await this.#ledger.close(step.system.name, plan, delivery, this.#cause(run))
    await this.#memory.done(run, step, plan, stepKey, record)
    return record
  }

  #cause(run: Run): Cause {
    return { flow: this.#flow, event: run.event.id, hops: run.hops }
  }

  async #failed(run: Run, step: ActionStep, plan: Plan, stepKey: string, error: SyncError): Promise<never> {
    if (!error.outcomeUnknown) {
      // P3: that this call did nothing says nothing of an earlier one, whose answer was lost.
      if (!plan.item.outcomeUnknown) {
        await this.#memory.withdraw(run, step, plan, stepKey)
        if (step.system.echoes) await this.#ledger.withdraw(step.system.name, plan)
      }
      throw error
    }
    if (step.effect === 'blind' && step.onUnknown === 'hold') throw outcomeUnknown(step, error)
    throw error
  }
}

/** P3: what cannot be told apart is held for a person, not repeated. */
export function outcomeUnknown(step: ActionStep, cause?: unknown): SyncError {
  return new SyncError(
    'rejected',
    'OUTCOME_UNKNOWN',
    `step "${step.id}": the call to ${step.system.name} began and its answer is not known; it may have had its effect. ` +
      'Look there, then redrive or discard; `onUnknown: repeat` on the step repeats instead',
    { cause, outcomeUnknown: true },
  )
}

function noSuchEach({ each, key }: LoneItem): SyncError {
  const message = `the flow has no step "${each}" any more, in which item "${key}" could be done; give the step that id, or discard`
  return new SyncError('rejected', 'NO_SUCH_STEP', message)
}

function joined(result: ProcessResult, step: ProcessorStep, scope: Scope): Skip {
  if ('skip' in result) return { skip: result.skip }
  if ('result' in result) {
    if (step.as) scope[step.as] = result.result
    return undefined
  }
  if (result.names) Object.assign(scope, result.names)
  if (step.as && result.names) scope[step.as] = result.names
  return undefined
}

/** Items run side by side: each failure is noted with the step and the names that it saw itself. */
function failed(run: Run, step: Step, scope: Scope, prefix: string, thrown: unknown): never {
  if (thrown instanceof Abandoned) throw thrown
  const error = asSyncError(thrown)
  run.noteFailure(error, prefix + step.id, scope)
  // Whoever else uses the system learns of it at once.
  if (error.kind === 'fatal' && step.kind === 'action') step.system.failed(error)
  throw error
}

/** What later steps of a dry run see. What will not be done has no other result than it has in earnest. */
function foreseen({ operation, result, after, target }: Plan): unknown {
  return operation === 'none' ? result : (result ?? { ...after, ...target })
}

function join(step: ActionStep, scope: Scope, result: unknown): void {
  if (step.as) scope[step.as] = result ?? null
}
