import type { Assembly } from './assemble.ts'
import type { CompiledFlow } from './compiled-flow.ts'
import type { EffectFinder, FoundEffect } from './effect-finder.ts'
import { type EventFinder, placeOf } from './event-finder.ts'
import type { EventSummary } from './operations.ts'
import type { RecordQuery, WhyReport } from './sync-reports.ts'
import type { WriteLedger } from './write-ledger.ts'

/** More would hide what a person looks for. */
const MOST_EFFECTS = 100

/** What flows wrote to a record, and what they did because of it. Reads only. */
export class FlowWrites {
  readonly #flows: readonly CompiledFlow[]
  readonly #ledger: WriteLedger
  readonly #events: EventFinder
  readonly #effects: EffectFinder

  constructor(options: {
    assembly: Pick<Assembly, 'flows'>
    ledger: WriteLedger
    events: EventFinder
    effects: EffectFinder
  }) {
    this.#flows = options.assembly.flows.map(({ compiled }) => compiled)
    this.#ledger = options.ledger
    this.#events = options.events
    this.#effects = options.effects
  }

  /** Newest last. The ledger knows the fields, for a week and where something here reads the system's changes. */
  async to(query: RecordQuery): Promise<WhyReport['flows']> {
    const stored = await this.#ledger.writesTo(query.system, query.object, query.id)
    const recent = stored.map(write => ({ ...write, flow: this.#nameOf(write.flow) }))
    const isRecent = (effect: FoundEffect) =>
      recent.some(({ flow, event }) => flow === effect.flow && event === effect.event)
    const older = (await this.#effects.writesTo(query)).filter(effect => !isRecent(effect))
    const events = await this.#eventsOf([...older, ...recent])
    return [
      ...older.sort(byTime).map(({ flow, step, verb, event, at }) => {
        return { flow, step, operation: verb, ...located(event, events), fields: [], ...(at !== undefined && { at }) }
      }),
      ...recent.map(({ flow, operation, event, fields, version }) => {
        return { flow, operation, ...located(event, events), fields: Object.keys(fields), ...(version && { version }) }
      }),
    ]
  }

  /** Newest last: what the newest events of the record, which lie in these topics, led to. */
  async becauseOf({ id }: RecordQuery, topics: readonly string[]): Promise<WhyReport['effects']> {
    const all: WhyReport['effects'][number][] = []
    for (const topic of topics) {
      const events = await this.#events.allOf(topic, id)
      const byId = new Map(events.map(event => [event.id, event]))
      for (const effect of await this.#effects.causedBy(topic, [...byId.keys()])) all.push(caused(effect, byId))
    }
    return all.slice(-MOST_EFFECTS)
  }

  #nameOf(identity: string): string {
    return this.#flows.find(flow => flow.identity === identity)?.name ?? identity
  }

  async #eventsOf(writes: readonly { flow: string; event: string }[]): Promise<Map<string, EventSummary>> {
    const found = new Map<string, EventSummary>()
    const flows = this.#flows.filter(({ name }) => writes.some(({ flow }) => flow === name))
    for (const topic of new Set(flows.flatMap(({ topics }) => [...topics.keys()]))) {
      const ids = writes.map(({ event }) => event).filter(event => !found.has(event))
      for (const [id, event] of await this.#events.withIds(topic, ids)) found.set(id, event)
    }
    return found
  }
}

function caused(
  { flow, step, verb, system, event, at, record }: FoundEffect,
  events: ReadonlyMap<string, EventSummary>,
) {
  const { ref, skipped, open } = record
  return {
    flow,
    step,
    system,
    operation: verb,
    event,
    type: events.get(event)!.type,
    place: placeOf(events.get(event)!),
    ...(at !== undefined && { at }),
    ...(ref && { wrote: { object: ref.object, id: ref.id } }),
    ...(skipped !== undefined && { skipped }),
    ...(open && { open }),
  }
}

function located(event: string, events: ReadonlyMap<string, EventSummary>) {
  const found = events.get(event)
  return { event, ...(found && { place: placeOf(found), about: found.subject }) }
}

function byTime({ at: a = '' }: FoundEffect, { at: b = '' }: FoundEffect): number {
  return a.localeCompare(b)
}
