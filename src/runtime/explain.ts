import type { SideName } from '../config/config.ts'
import type { Engine } from '../engine.ts'
import type { LoggedEvent } from '../log/event-log.ts'
import { type Link, SIDES } from '../sync/link.ts'
import type { Assembly } from './assemble.ts'
import { EffectFinder } from './effect-finder.ts'
import { type EventFinder, placeOf } from './event-finder.ts'
import { FlowWrites } from './flow-writes.ts'
import { noSuch } from './no-such.ts'
import type { EventStory } from './operations.ts'
import type { Finding, LinkReport, RecordName, RecordQuery, WhyNotReport, WhyReport } from './sync-reports.ts'
import type { OpenSync } from './sync-status.ts'
import { whyNotInStep } from './why-not-sync.ts'
import type { WriteLedger } from './write-ledger.ts'

export interface ExplainerOptions {
  readonly assembly: Assembly
  readonly engine: Engine
  readonly ledger: WriteLedger
  readonly finder: EventFinder
  readonly syncs: readonly OpenSync[]
  readonly report: (sync: OpenSync, link: Link, places?: ReadonlyMap<string, string>) => Promise<LinkReport>
}

interface Use {
  readonly sync: OpenSync
  readonly side: SideName
  readonly link: Link | undefined
}

type FlowStory = EventStory['flows'][number]

/** Why a record is as it is, and why something did not happen to it. Reads only. */
export class Explainer {
  readonly #options: ExplainerOptions
  readonly #writes: FlowWrites

  constructor(options: ExplainerOptions) {
    const { assembly, engine, ledger, finder } = options
    this.#options = options
    const effects = new EffectFinder({ state: engine.state, assembly })
    this.#writes = new FlowWrites({ assembly, ledger, events: finder, effects })
  }

  /** @throws SyncError rejected `NO_SUCH_SYSTEM`. */
  async why({ system, object, id }: RecordQuery): Promise<WhyReport> {
    this.#known(system)
    const { report } = this.#options
    const uses = await this.#uses({ system, object, id })
    const syncs: LinkReport[] = []
    for (const { sync, link } of uses) if (link) syncs.push(await report(sync, link, await this.#placesOf(sync, link)))
    const query = { system, object, id }
    const topics = this.#topicsOf({ system, object }, uses)
    return {
      ...query,
      writesKept: this.#connectorsOf(system).length > 0,
      syncs,
      flows: await this.#writes.to(query),
      effects: await this.#writes.becauseOf(query, topics),
    }
  }

  async #placesOf({ compiled: { topics } }: OpenSync, { fields }: Link): Promise<Map<string, string>> {
    const places = new Map<string, string>()
    for (const side of SIDES) {
      const ids = Object.values(fields).flatMap(({ why }) => (why?.from === side && why.event ? [why.event] : []))
      for (const [id, event] of await this.#options.finder.withIds(topics[side], ids)) places.set(id, placeOf(event))
    }
    return places
  }

  /** @throws SyncError rejected `NO_SUCH_SYSTEM`. */
  async whyNot(query: RecordQuery): Promise<WhyNotReport> {
    const { system, object, id } = query
    this.#known(system)
    const uses = await this.#uses(query)
    const { count, newest } = await this.#newest(query, uses)
    const readers = newest ? await this.#options.finder.storiesOf(newest) : []
    const findings = [
      ...this.#arrival(query, uses, newest),
      ...(await Promise.all(readers.map(story => this.#flowFinding(story, newest!, query)))),
      ...(await Promise.all(uses.map(use => whyNotInStep(use, newest, query)))),
    ]
    return {
      system,
      object,
      id,
      events: count,
      ...(newest && {
        lastEvent: { id: newest.event.id, type: newest.event.type, time: newest.event.time, place: placeOf(newest) },
      }),
      findings,
    }
  }

  /** Where the events of such a record lie. */
  #topicsOf({ system, object }: RecordName, uses: readonly Use[]): string[] {
    const topics = new Set(uses.map(({ sync, side }) => sync.compiled.topics[side]))
    for (const connector of this.#connectorsOf(system)) {
      const isRead = this.#options.assembly.connectors.get(connector)?.objects.includes(object)
      if (isRead) topics.add(this.#options.assembly.names.source(connector, object))
    }
    return [...topics]
  }

  async #newest(query: RecordQuery, uses: readonly Use[]) {
    const { id } = query
    let all: { count: number; newest?: LoggedEvent } = { count: 0 }
    for (const topic of this.#topicsOf(query, uses)) {
      const { count, newest = all.newest } = await this.#options.finder.newestOf(topic, id)
      all = { count: all.count + count, ...(newest && { newest }) }
    }
    return all
  }

  /** What concerns the record before any flow or sync. */
  #arrival({ system, object, id }: RecordQuery, uses: readonly Use[], newest: LoggedEvent | undefined): Finding[] {
    const { assembly } = this.#options
    const connectors = this.#connectorsOf(system)
    const flows = assembly.flows.filter(({ compiled }) =>
      connectors.some(connector => compiled.topics.has(assembly.names.source(connector, object))),
    )
    if (flows.length === 0 && uses.length === 0) {
      return [
        {
          verdict: 'not used',
          says: `no flow and no sync uses ${object} of ${system}`,
          next: 'name it in `from` of a flow, or in a sync',
        },
      ]
    }
    if (newest || uses.some(({ link }) => link)) return []
    return [
      {
        verdict: 'never arrived',
        says: `nothing ever told of ${object} ${id}, as far as the log goes back`,
        next: `look whether it is in ${system} and the id is right; \`twenty-sync status\` shows whether webhooks and polls of ${system} work`,
      },
    ]
  }

  async #flowFinding(story: FlowStory, logged: LoggedEvent, { system }: RecordQuery): Promise<Finding> {
    const { flow, outcome, reason, steps, deadLetter } = story
    const { partition, offset } = logged
    const dryRun = `twenty-sync replay ${flow} --from ${partition}:${offset} --to ${partition}:${offset + 1} --dry-run`
    const because = reason ? `: ${reason}` : ''
    switch (outcome) {
      case 'done': {
        const stale = steps.filter(({ skipped }) => skipped === 'stale').map(({ step }) => step)
        if (stale.length > 0) {
          const says = `${stale.join(', ')} wrote nothing: a newer event had been there before`
          return { flow, verdict: 'stale', says, next: 'nothing: the record has what the newer event brought' }
        }
        const wrote = steps.flatMap(({ step, wrote: what }) => (what ? [`${step} wrote ${what}`] : []))
        return { flow, verdict: 'done', says: wrote.length > 0 ? wrote.join(', ') : 'went through all steps' }
      }
      case 'parked':
        return { flow, verdict: 'parked', says: `waits for a later try${because}`, next: 'twenty-sync status' }
      case 'dead letter': {
        const next = deadLetter
          ? `twenty-sync dead-letters show ${deadLetter.slice(0, 8)}`
          : 'twenty-sync dead-letters list'
        return { flow, verdict: 'dead letter', says: `the flow gave up on it${because}`, next }
      }
      case 'waiting':
      case 'running':
        return { flow, verdict: 'waiting', says: 'its turn has not come yet', next: 'twenty-sync status' }
      default: {
        const cause = this.#options.ledger.causeOf(logged.event, await this.#ledgerEntry(system, logged))
        const isOwn = cause?.flow === flow || reason === 'own write'
        if (isOwn) {
          const says = `this event is the echo of the flow's own write${cause ? `, for event ${cause.event}` : ''}`
          return { flow, verdict: 'echo', says, next: 'nothing: a flow does not run on what it wrote itself' }
        }
        return { flow, verdict: 'filtered', says: `${outcome}${because}`, next: dryRun }
      }
    }
  }

  async #ledgerEntry(system: string, { event }: LoggedEvent) {
    const { ledger, engine } = this.#options
    const [entry] = await engine.state.get([ledger.keyOf(system, event)])
    return entry
  }

  async #uses({ system, object, id }: RecordQuery): Promise<Use[]> {
    const uses: Use[] = []
    for (const sync of this.#options.syncs) {
      for (const side of SIDES) {
        const own = sync.compiled.config[side]
        if (own.system !== system || own.object !== object) continue
        const [linkId] = await sync.store.linkIdsOf(side, [id])
        const [link] = linkId === undefined ? [] : await sync.store.load([linkId])
        uses.push({ sync, side, link })
      }
    }
    return uses
  }

  /** A connector without a system stands for itself. */
  #connectorsOf(system: string): string[] {
    return [...this.#options.assembly.config.connectors.values()]
      .filter(connector => (connector.system ?? connector.name) === system)
      .map(({ name }) => name)
  }

  #known(system: string): void {
    const { systems, connectors } = this.#options.assembly.config
    const alone = [...connectors.values()].filter(connector => !connector.system).map(({ name }) => name)
    const known = [...systems.keys(), ...alone]
    if (!known.includes(system)) throw noSuch('SYSTEM', system, known)
  }
}
