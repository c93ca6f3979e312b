import type { Environment } from '../environment.ts'
import { asSyncError, type SyncError } from '../errors.ts'
import type { Scope } from '../processors/processor.ts'
import { Abandoned } from './abandoned.ts'
import { type EachCounts, type EachProgress, NONE, sum, type Unit } from './each-progress.ts'
import { halvesOf, type UnitStream } from './each-units.ts'
import type { Skip } from './executor.ts'
import type { GivenUpFacts } from './given-up.ts'
import { nextInPlace, UNCLASSIFIED_TRIES } from './retry.ts'
import type { LoneItem, Run, StepRecord } from './run.ts'
import type { RunMemory } from './run-memory.ts'
import { allSteps, type EachStep, type Step } from './step.ts'

/** Items that may have ended behind one that has not: what is stored of them, and of their pages, stays small. */
const WINDOW = 1000
/** So few that are left, and have failed for so long, are not taken for an outage. */
const FEW = 5
const FEW_MS = 5 * 60_000

export interface ItemFailure extends GivenUpFacts {
  readonly item: LoneItem
}

/** What items of an `each` mean to the flow. */
export interface ItemOutcomes {
  /** P2: resolves when the item's dead letter is durable; with what stops the flow, when there are too many. */
  failed(run: Run, failure: ItemFailure): Promise<SyncError | undefined>
  passed(): void
  retried(error: SyncError): void
}

export interface EachLoopOptions {
  readonly run: Run
  readonly step: EachStep
  readonly scope: Scope
  /** Its step key. */
  readonly path: string
  readonly progress: EachProgress
  readonly stream: UnitStream
  readonly memory: RunMemory
  readonly env: Pick<Environment, 'clock' | 'random'>
  readonly outcomes: ItemOutcomes
  /** Called when items have ended. */
  readonly moved: () => void
  execute(run: Run, steps: readonly Step[], scope: Scope, prefix: string): Skip | Promise<Skip>
}

/**
 * Takes the items of an `each` through its steps, so many at a time. What fails for a while is tried again alone while
 * others go on; what fails for good ends the whole or, with `onFailure: next`, becomes a dead letter of its own.
 */
export class EachLoop {
  readonly #o: EachLoopOptions
  /** Units side by side, and those behind the first that has not ended. */
  readonly #limit: number
  readonly #window: number
  /** Steps that are done once: halves of a batch would do them once more, or be answered otherwise. */
  readonly #lasting: ReadonlySet<string>
  #running = 0
  /** Of those that run, the ones that wait for another try. */
  #failing = 0
  /** Held in an earlier run of this loop: others go first, and show whether the system is there. */
  readonly #deferred: Unit[] = []
  readonly #passesBefore: number
  #isDrained = false
  #failure: { readonly thrown: unknown } | undefined
  #wake: () => void = () => {}

  constructor(options: EachLoopOptions) {
    this.#o = options
    const { concurrency, batch, steps } = options.step
    this.#limit = Math.max(1, Math.floor(concurrency / (batch ?? 1)))
    this.#window = Math.max(2 * this.#limit, Math.floor(WINDOW / (batch ?? 1)))
    this.#passesBefore = options.run.passes
    this.#lasting = new Set(
      allSteps(steps)
        .filter(isLasting)
        .map(({ id }) => id),
    )
  }

  /** @throws what ended it, when no item is running any more: the event may be tried again. */
  async run(): Promise<void> {
    try {
      for (let unit = await this.#next(); unit; unit = await this.#next()) this.#begin(unit)
    } catch (thrown) {
      this.#failure ??= { thrown }
    }
    await this.#until(() => this.#running === 0)
    if (this.#failure) throw this.#failure.thrown
    if (this.#isEnding) throw new Abandoned()
  }

  get #isEnding(): boolean {
    const { owned, ending } = this.#o.run
    return owned.aborted || ending.aborted
  }

  get #isOpen(): boolean {
    return !this.#failure && !this.#isEnding
  }

  async #next(): Promise<Unit | undefined> {
    await this.#until(
      () => !this.#isOpen || (this.#running < this.#limit && (this.#hasRoom || this.#deferred.length > 0)),
    )
    while (this.#isOpen) {
      const isTime = this.#isDrained || !this.#hasRoom || this.#o.run.passes > this.#passesBefore
      const deferred = isTime ? this.#deferred.shift() : undefined
      if (deferred || this.#isDrained) return deferred
      const unit = await this.#fresh()
      if (unit && this.#o.progress.heldSince(unit.key) === undefined) return unit
      if (unit) this.#deferred.push(unit)
      else this.#isDrained = true
    }
    return undefined
  }

  get #hasRoom(): boolean {
    return this.#o.progress.outstanding < this.#window
  }

  /** One that did not end in an earlier run. */
  async #fresh(): Promise<Unit | undefined> {
    const { progress, stream, step, moved } = this.#o
    for (;;) {
      const unit = await stream.next()
      progress.total = stream.total ?? progress.total
      if (!unit || progress.take(unit, step.id)) return unit
      moved()
    }
  }

  async #until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
  }

  #begin(unit: Unit): void {
    this.#running++
    this.#one(unit, false)
      .catch(thrown => {
        this.#failure ??= { thrown }
      })
      .finally(() => {
        this.#running--
        this.#wake()
      })
  }

  /** As a whole or, once it was divided, half by half. */
  #one(unit: Unit, isHalf: boolean): Promise<EachCounts> {
    return this.#o.progress.isDivided(unit.key) ? this.#halves(unit, isHalf) : this.#whole(unit, isHalf)
  }

  async #whole(unit: Unit, isHalf: boolean): Promise<EachCounts> {
    const { run, step, scope, env, execute, outcomes } = this.#o
    const tries = new Tries(env.clock.now())
    try {
      for (;;) {
        try {
          const skip = await execute(run, step.steps, { ...scope, [step.item]: unit.value }, this.#prefix(unit))
          outcomes.passed()
          return this.#end(unit, isHalf, { ...NONE, [skip ? 'skipped' : 'done']: unit.items.length })
        } catch (thrown) {
          const error = this.#bearable(thrown)
          if (tries.failed(env.clock.elapsed(), run.passes)) this.#failing++
          if (!(await this.#again(unit, error, tries))) return await this.#giveUp(unit, isHalf, error, tries)
        }
      }
    } finally {
      if (tries.count > 0) this.#failing--
    }
  }

  /** @throws what is not the item's own, or is to end the whole. */
  #bearable(thrown: unknown): SyncError {
    if (thrown instanceof Abandoned || this.#o.step.onFailure === 'stop' || !this.#isOpen) throw thrown
    const error = asSyncError(thrown)
    if (error.kind === 'fatal' || error.code === 'RUN_CONTESTED') throw error
    return error
  }

  /** Resolves when it is time for another try; false: there is none. @throws the error where everything waits. */
  async #again(unit: Unit, error: SyncError, tries: Tries): Promise<boolean> {
    const { run, env, outcomes } = this.#o
    if (error.kind === 'rejected') return false
    outcomes.retried(error)
    if (error.code === 'UNCLASSIFIED' && tries.count >= UNCLASSIFIED_TRIES) return false
    const wait = nextInPlace(error, tries.count, tries.since, env.clock, env.random)
    if (wait !== undefined) {
      await env.clock.sleep(wait, AbortSignal.any([run.owned, run.ending])).catch(() => {
        throw new Abandoned()
      })
      return true
    }
    return this.#outOfTries(unit, error, tries)
  }

  /** False: it is the item's own fault. @throws the error where nothing else gets through either. */
  #outOfTries(unit: Unit, error: SyncError, tries: Tries): false {
    const { run, env, progress } = this.#o
    const { step } = run.failureOf(error, this.#prefix(unit))
    const since = progress.heldSince(unit.key)
    const passes = since === undefined ? tries.passes : this.#passesBefore
    if (run.passedSince(step.slice(step.lastIndexOf('/') + 1), passes)) return false
    progress.hold(unit.key, env.clock.now())
    run.dirty = true
    const isLast = this.#isDrained && this.#deferred.length === 0 && this.#running === this.#failing
    if (isLast && this.#failing <= FEW && since !== undefined && env.clock.now() - since >= FEW_MS) return false
    throw error
  }

  async #giveUp(unit: Unit, isHalf: boolean, error: SyncError, tries: Tries): Promise<EachCounts> {
    const { run, step, scope, memory, outcomes, progress } = this.#o
    const prefix = this.#prefix(unit)
    const steps = this.#recordsOf(unit)
    if (unit.items.length > 1 && this.#didNothing(steps)) {
      progress.divide(unit.key)
      this.#forget(unit)
      run.dirty = true
      await memory.save(run)
      return this.#halves(unit, isHalf)
    }
    const { event: _event, data: _data, ...names } = scope
    const key = unit.items.length === 1 ? unit.items[0]!.key : unit.key
    const item = { each: step.id, key, value: unit.value, prefix, names, steps: withoutReads(steps) }
    const failure = run.failureOf(error, prefix)
    const { count: attempts, firstAt } = tries
    const stop = await outcomes.failed(run, { item, failure, error, attempts, firstAt })
    for (const each of unit.items) progress.failed(each.key)
    const counts = this.#end(unit, isHalf, { ...NONE, failed: unit.items.length })
    await memory.save(run)
    if (stop) throw stop
    return counts
  }

  /** A batch that does not pass may have one item that is at fault: its halves go on apart. */
  async #halves(unit: Unit, isHalf: boolean): Promise<EachCounts> {
    const halves = halvesOf(unit)
    let counts = NONE
    for (const half of halves)
      counts = sum(counts, this.#o.progress.endingOfHalf(half.key) ?? (await this.#one(half, true)))
    return this.#end(
      unit,
      isHalf,
      counts,
      halves.map(({ key }) => key),
    )
  }

  /** P3: that it ended and that its step records go is one change, which no commit can have a part of. */
  #end(unit: Unit, isHalf: boolean, counts: EachCounts, halves: readonly string[] = []): EachCounts {
    const { run, memory, progress, moved } = this.#o
    if (!progress.keeps) {
      this.#forget(unit)
      run.noteEnd()
    }
    if (!progress.keeps || counts.failed > 0) memory.claims.end(run, this.#prefix(unit), counts.failed === 0)
    if (isHalf) progress.halfEnded(unit.key, counts, halves)
    else progress.end(unit.key, counts, halves)
    run.dirty = true
    moved()
    return counts
  }

  /** P3: of no item the beginning of another one's, whatever their keys are. */
  #prefix({ key }: Unit): string {
    return `${this.#o.path}/${key.replaceAll('%', '%25').replaceAll('/', '%2F')}/`
  }

  #recordsOf(unit: Unit): Record<string, StepRecord> {
    const prefix = this.#prefix(unit)
    return Object.fromEntries([...this.#o.run.steps].filter(([key]) => key.startsWith(prefix)))
  }

  #forget(unit: Unit): void {
    const { run } = this.#o
    const prefix = this.#prefix(unit)
    for (const records of [run.steps, run.restores, run.counted])
      for (const key of records.keys()) if (key.startsWith(prefix)) records.delete(key)
  }

  /** Nothing that the halves would do once more. */
  #didNothing(steps: Readonly<Record<string, StepRecord>>): boolean {
    return Object.entries(steps).every(
      ([key, { skipped }]) => skipped !== undefined || !this.#lasting.has(key.slice(key.lastIndexOf('/') + 1)),
    )
  }
}

function isLasting(step: Step): boolean {
  if (step.kind === 'processor') return step.remembers === true
  return step.kind === 'action' && !['read', 'safe'].includes(step.effect)
}

/** What was read is read again by a redrive: somebody may have put it right. */
function withoutReads(steps: Readonly<Record<string, StepRecord>>): Record<string, StepRecord> {
  return Object.fromEntries(Object.entries(steps).filter(([, { read }]) => !read))
}

/** Of one item. */
class Tries {
  readonly firstAt: number
  count = 0
  /** When it failed first, and what others had got through by then. */
  since = 0
  passes = 0

  constructor(firstAt: number) {
    this.firstAt = firstAt
  }

  /** True for the first time. */
  failed(at: number, passes: number): boolean {
    if (this.count++ > 0) return false
    this.since = at
    this.passes = passes
    return true
  }
}
