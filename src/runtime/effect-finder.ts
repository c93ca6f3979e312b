import type { Entry, StateStore } from '../state/state-store.ts'
import type { Assembly } from './assemble.ts'
import type { CompiledFlow } from './compiled-flow.ts'
import { FlowKeys } from './flow-keys.ts'
import type { RunRecord, StepRecord } from './run.ts'
import type { EffectRecord } from './run-memory.ts'
import { type ActionStep, allSteps } from './step.ts'
import type { RecordQuery } from './sync-reports.ts'

const READ = 200

/** What a step of a flow did in a system for one event, as far as the flow remembers it. */
export interface FoundEffect {
  readonly flow: string
  /** As in the run's record: inside `each` with the item's key. */
  readonly step: string
  readonly verb: string
  readonly system: string
  readonly event: string
  /** When the event's run was written last. */
  readonly at?: string
  readonly record: Pick<StepRecord, 'ref' | 'skipped' | 'open'>
}

/** Finds effects in what flows keep of their events for `remember`; nothing is stored for it. Reads only. */
export class EffectFinder {
  readonly #state: StateStore
  readonly #flows: readonly CompiledFlow[]

  constructor({ state, assembly }: { state: StateStore; assembly: Pick<Assembly, 'flows'> }) {
    this.#state = state
    this.#flows = assembly.flows.map(({ compiled }) => compiled)
  }

  /** Those whose answer named the record. Of an item of an `each`, a `safe` effect is not remembered. */
  async writesTo({ system, object, id }: RecordQuery): Promise<FoundEffect[]> {
    const found = new Found()
    for (const flow of this.#flows) {
      const steps = effectsOf(flow).filter(step => step.system.name === system)
      const sources = [
        ...(steps.some(({ effect }) => effect === 'safe') ? [this.#ofRuns(flow)] : []),
        ...(steps.some(({ effect }) => effect !== 'safe') ? [this.#ofEffects(flow)] : []),
      ]
      for (const source of sources) {
        for await (const effect of source) {
          const { ref, skipped } = effect.record
          const isOfIt = effect.system === system && ref?.object === object && ref.id === id
          if (isOfIt && skipped === undefined) found.add(effect)
        }
      }
    }
    return this.#dated(found.all)
  }

  /** What flows did because of these events of a topic, in the order of the events. */
  async causedBy(topic: string, events: readonly string[]): Promise<FoundEffect[]> {
    const found = new Found()
    const order = new Map(events.map((event, at) => [event, at]))
    for (const flow of this.#flows) {
      if (events.length === 0 || !flow.topics.has(topic)) continue
      for (const [event, run] of await this.#runs(flow, events)) found.add(...ofRun(flow, event, run))
      // Of an item that ended, its effects alone are left.
      if (!allSteps(flow.steps).some(({ kind }) => kind === 'each')) continue
      for await (const effect of this.#ofEffects(flow)) if (order.has(effect.event)) found.add(effect)
    }
    const dated = await this.#dated(found.all)
    return dated.sort((a, b) => order.get(a.event)! - order.get(b.event)!)
  }

  async *#ofRuns(flow: CompiledFlow): AsyncIterable<FoundEffect> {
    const prefix = new FlowKeys(flow.identity).run('')
    for await (const entry of this.#state.scan(prefix)) yield* ofRun(flow, entry.key.slice(prefix.length), entry)
  }

  async *#ofEffects(flow: CompiledFlow): AsyncIterable<FoundEffect> {
    const steps = byId(flow)
    for await (const { value } of this.#state.scan(new FlowKeys(flow.identity).effects)) {
      const { event, key, ...record } = value as EffectRecord
      const place = placeIn(key.slice(flow.identity.length + 1), steps)
      if (place) yield { ...place, flow: flow.name, event, record }
    }
  }

  /** With the times of their runs. */
  async #dated(effects: readonly FoundEffect[]): Promise<FoundEffect[]> {
    const times = new Map<string, string>()
    for (const flow of this.#flows) {
      const events = effects.filter(effect => effect.flow === flow.name && !effect.at).map(({ event }) => event)
      for (const [event, run] of await this.#runs(flow, [...new Set(events)]))
        if (run) times.set(`${flow.name}/${event}`, (run.value as RunRecord).at)
    }
    return effects.map(effect => {
      const at = effect.at ?? times.get(`${effect.flow}/${effect.event}`)
      return { ...effect, ...(at !== undefined && { at }) }
    })
  }

  async #runs({ identity }: CompiledFlow, events: readonly string[]): Promise<[string, Entry | undefined][]> {
    const keys = new FlowKeys(identity)
    const runs: [string, Entry | undefined][] = []
    for (let from = 0; from < events.length; from += READ) {
      const some = events.slice(from, from + READ)
      const entries = await this.#state.get(some.map(event => keys.run(event)))
      runs.push(...some.map((event, at): [string, Entry | undefined] => [event, entries[at]]))
    }
    return runs
  }
}

/** Each once, although a run's record and the effect's own key may both tell of it. */
class Found {
  readonly #effects = new Map<string, FoundEffect>()

  add(...effects: readonly FoundEffect[]): void {
    for (const effect of effects) {
      const key = JSON.stringify([effect.flow, effect.event, effect.step])
      if (!this.#effects.has(key)) this.#effects.set(key, effect)
    }
  }

  get all(): FoundEffect[] {
    return [...this.#effects.values()]
  }
}

function effectsOf({ steps }: CompiledFlow): ActionStep[] {
  return allSteps(steps).filter((step): step is ActionStep => step.kind === 'action' && step.effect !== 'read')
}

function byId(flow: CompiledFlow): Map<string, ActionStep> {
  return new Map(effectsOf(flow).map(step => [step.id, step]))
}

function ofRun(flow: CompiledFlow, event: string, entry: Entry | undefined): FoundEffect[] {
  if (!entry) return []
  const { at, steps } = entry.value as RunRecord
  const known = byId(flow)
  return Object.entries(steps).flatMap(([step, record]) => {
    const action = known.get(step.slice(step.lastIndexOf('/') + 1))
    return action ? [{ ...named(action, step), flow: flow.name, event, at, record }] : []
  })
}

/** Ids and keys of items take turns, and neither has a slash; behind the step's id is what the key is of its own. */
function placeIn(path: string, steps: ReadonlyMap<string, ActionStep>) {
  const parts = path.split('/')
  for (let at = 0; at < parts.length; at += 2) {
    const step = steps.get(parts[at]!)
    if (step) return named(step, parts.slice(0, at + 1).join('/'))
  }
  return undefined
}

function named({ system, verb }: ActionStep, step: string) {
  return { step, verb, system: system.name }
}
