import type { Environment } from '../environment.ts'
import { asSyncError, SyncError } from '../errors.ts'
import { shortHash } from '../identity.ts'
import type { Scope } from '../processors/processor.ts'
import type { Page } from '../sinks/sink.ts'
import { Abandoned } from './abandoned.ts'
import { EachLoop, type EachLoopOptions, type ItemOutcomes } from './each-loop.ts'
import { type EachCounts, EachProgress, NONE } from './each-progress.ts'
import { assertApart, type Pages, UnitStream } from './each-units.ts'
import { EffectItem } from './effect-item.ts'
import type { Run } from './run.ts'
import type { RunMemory } from './run-memory.ts'
import type { ActionStep, EachStep } from './step.ts'

/** Of a list as short as this every step record stays until the event is done, so that `why` can tell of each item. */
const SHORT = 200

interface Source {
  /** Tells this list, or this question, from another. */
  readonly of: string
  readonly pages: Pages
  readonly keyOf: (value: unknown, index: number) => string
  readonly keeps: boolean
  /** Called when no item of the page is looked at again. */
  readonly forget: (page: number) => void
}

/** An `each` that is under way. */
export interface Loop extends EachCounts {
  readonly event: string
  readonly step: string
  readonly total?: number
}

/** Runs `each` steps: over lists, and over what a system gives page by page. */
export class Each {
  readonly #flow: string
  readonly #memory: RunMemory
  readonly #env: Pick<Environment, 'clock' | 'random'>
  readonly #outcomes: ItemOutcomes
  readonly #execute: EachLoopOptions['execute']
  readonly #underWay = new Map<EachProgress, { readonly event: string; readonly step: string }>()

  constructor(options: {
    flow: string
    memory: RunMemory
    env: Pick<Environment, 'clock' | 'random'>
    outcomes: ItemOutcomes
    execute: EachLoopOptions['execute']
  }) {
    this.#flow = options.flow
    this.#memory = options.memory
    this.#env = options.env
    this.#outcomes = options.outcomes
    this.#execute = options.execute
  }

  /** Those over long lists; of the others nobody asks how far they are. */
  get underWay(): Loop[] {
    return [...this.#underWay].flatMap(([{ keeps, counts, total }, about]) =>
      keeps ? [] : [{ ...about, ...counts, ...(total !== undefined && { total }) }],
    )
  }

  /** @param path its step key. */
  async run(run: Run, step: EachStep, scope: Scope, path: string): Promise<EachCounts> {
    const earlier = run.steps.get(path)?.each
    if (earlier?.over) return earlier
    const source = this.#sourceOf(run, step, scope, path)
    if (!source) return NONE
    const progress = new EachProgress(source.of, source.keeps, earlier)
    run.loops.set(path, progress)
    this.#underWay.set(progress, { event: run.event.id, step: path })
    try {
      await this.#loop(run, step, scope, path, progress, source)
      return progress.counts
    } finally {
      const each = progress.record()
      if (each) run.steps.set(path, { each })
      else run.steps.delete(path)
      run.loops.delete(path)
      this.#underWay.delete(progress)
    }
  }

  async #loop(run: Run, step: EachStep, scope: Scope, path: string, progress: EachProgress, source: Source) {
    const { pages, keyOf, forget } = source
    let kept = progress.at.page
    const forgetBefore = (page: number) => {
      while (kept < page) forget(kept++)
    }
    const stream = new UnitStream({ pages, step: step.id, from: progress.at, batch: step.batch, keyOf })
    const loop = new EachLoop({
      run,
      step,
      scope,
      path,
      progress,
      stream,
      memory: this.#memory,
      env: this.#env,
      outcomes: this.#outcomes,
      moved: () => forgetBefore(progress.at.page),
      execute: this.#execute,
    })
    await loop.run()
    if (progress.keeps) return
    progress.over()
    forgetBefore(stream.page + 1)
    run.dirty = true
  }

  #sourceOf(run: Run, step: EachStep, scope: Scope, path: string): Source | undefined {
    const keyOf = (value: unknown, index: number) =>
      step.key ? String(step.key.evaluate({ ...scope, [step.item]: value })) : String(index)
    return 'kind' in step.over ? this.#paged(run, step.over, scope, path, keyOf) : this.#listed(step, scope, keyOf)
  }

  #listed(step: EachStep, scope: Scope, keyOf: Source['keyOf']): Source | undefined {
    const { over } = step
    if ('kind' in over) return undefined
    const list = over.evaluate(scope)
    if (list === undefined || list === null) return undefined
    if (!Array.isArray(list)) {
      const message = `step "${step.id}": \`${over.source}\` gave ${typeof list}, not a list`
      throw new SyncError('rejected', 'NOT_A_LIST', message)
    }
    const keys = list.map(keyOf)
    assertApart(step.id, keys)
    return {
      of: shortHash(JSON.stringify(keys)),
      pages: { read: async () => ({ items: list, total: list.length }) },
      keyOf: (_, index) => keys[index]!,
      keeps: list.length <= SHORT,
      forget: () => {},
    }
  }

  #paged(run: Run, over: ActionStep, scope: Scope, path: string, keyOf: Source['keyOf']): Source {
    const args = over.args(scope)
    const of = shortHash(JSON.stringify([path, args]))
    const priority = run.mode === 'replay' ? 'replay' : 'live'
    const seen = over.spec.seesScope ? { ...scope } : undefined
    const key = `${this.#flow}/${path}/${run.event.id}`
    const item = new EffectItem(over.action, args, key, run.event.time, false, priority, seen)
    const ask = (cursor: string | undefined) => read(over, item, cursor, run.ending)
    return {
      of,
      pages: { read: ({ page, cursor }) => this.#memory.page(run, of, page, () => ask(cursor)) },
      keyOf,
      keeps: false,
      forget: page => this.#memory.forgetPage(run, of, page),
    }
  }
}

async function read(
  { system }: ActionStep,
  item: EffectItem,
  cursor: string | undefined,
  ending: AbortSignal,
): Promise<Page> {
  try {
    return await system.batcher.page(item, cursor, ending)
  } catch (thrown) {
    if (thrown instanceof Abandoned) throw thrown
    const error = asSyncError(thrown)
    // Whoever else uses the system learns of it at once.
    if (error.kind === 'fatal') system.failed(error)
    throw error
  }
}
