import type { SideName, SyncConfig } from '../config/config.ts'
import type { Engine } from '../engine.ts'
import type { Environment } from '../environment.ts'
import { SyncError } from '../errors.ts'
import type { Conflict } from '../sync/conflict.ts'
import { type Decision, decide } from '../sync/decisions.ts'
import { type FoundLink, findLink } from '../sync/find-link.ts'
import { GUARDED } from '../sync/guard.ts'
import { type Link, SIDES } from '../sync/link.ts'
import { Observer } from '../sync/observer.ts'
import { openSync } from '../sync/open.ts'
import { Reconcile, type ReconcileOptions } from '../sync/reconcile.ts'
import type { ReconcileReport } from '../sync/reconcile-report.ts'
import type { SyncRunner } from '../sync/sync-runner.ts'
import type { Assembly } from './assemble.ts'
import type { EventFinder } from './event-finder.ts'
import { Explainer } from './explain.ts'
import { listedLinks } from './link-list.ts'
import { linkReport, namedConflict, nameOf } from './link-report.ts'
import { noSuch } from './no-such.ts'
import { streamed } from './streamed.ts'
import type { Supervisor } from './supervisor.ts'
import type {
  ConflictQuery,
  LinkListQuery,
  LinkQuery,
  LinkReport,
  ListedConflict,
  ListedLink,
  Passed,
  PassQuery,
  ReconcileProgress,
  ReconcileQuery,
  RecordQuery,
  ResolvedConflict,
  ResolveQuery,
  SyncOperations,
  SyncReport,
  WhyNotReport,
  WhyReport,
} from './sync-reports.ts'
import { type OpenSync, PairCounts, syncReport, waitingAtGuard } from './sync-status.ts'
import type { WriteLedger } from './write-ledger.ts'

export interface LocalSyncOptions {
  readonly assembly: Assembly
  readonly engine: Engine
  readonly env: Environment
  readonly ledger: WriteLedger
  readonly finder: EventFinder
  /** Of the daemon; absent where none runs. */
  readonly supervisors?: ReadonlyMap<string, Supervisor<SyncRunner>>
}

/** Who decided, where nobody says. */
const SIGNED = 'the command line'

/** Operations about syncs on an opened engine, in the daemon or without one. */
export class LocalSyncOperations implements SyncOperations {
  readonly #options: LocalSyncOptions
  readonly #syncs: readonly OpenSync[]
  readonly #pairs: PairCounts

  constructor(options: LocalSyncOptions) {
    this.#options = options
    this.#pairs = new PairCounts(options.env.clock)
    this.#syncs = options.assembly.syncs.map(compiled => this.#open(compiled))
  }

  #open(compiled: Assembly['syncs'][number]): OpenSync {
    const { assembly, engine, env, supervisors } = this.#options
    const { config, peers } = compiled
    const supervisor = supervisors?.get(config.name)
    if (supervisor) {
      const { context, progress } = supervisor.runner
      return { name: config.name, compiled, context, store: context.store, progress, supervisor }
    }
    const { compile } = assembly.expressions
    const { context, progress } = openSync({ config, peers, compile, state: engine.state, env, owner: env.uuid() })
    return { name: config.name, compiled, context, store: context.store, progress }
  }

  reports(): Promise<SyncReport[]> {
    return Promise.all(this.#syncs.map(sync => syncReport(sync, this.#options.engine, this.#pairs)))
  }

  get names(): string[] {
    return this.#syncs.map(({ name }) => name)
  }

  has(name: string): boolean {
    return this.#syncs.some(sync => sync.name === name)
  }

  async pause(name: string, paused: boolean): Promise<void> {
    const { supervisor, context } = this.#sync(name)
    if (supervisor) return paused ? supervisor.pause() : supervisor.resume()
    await this.#options.engine.state.commit([{ key: context.keys.control, value: { paused } }])
  }

  async listConflicts({ sync, kind }: ConflictQuery): Promise<ListedConflict[]> {
    const listed: ListedConflict[] = []
    for (const each of this.#some(sync)) {
      for await (const conflict of each.store.conflicts()) {
        if (kind === undefined || conflict.kind === kind) listed.push(this.#listed(each, conflict))
      }
    }
    return listed.sort((a, b) => a.since - b.since || a.link.localeCompare(b.link))
  }

  #listed({ compiled: { config } }: OpenSync, conflict: Conflict): ListedConflict {
    const taskUrl = conflict.task && this.#taskUrl(config, conflict.task)
    return {
      ...namedConflict(conflict, config),
      sync: config.name,
      leftName: nameOf(config, 'left'),
      rightName: nameOf(config, 'right'),
      ...(taskUrl && { taskUrl }),
    }
  }

  listLinks(query: LinkListQuery, signal: AbortSignal): AsyncIterable<ListedLink> {
    return listedLinks(this.#some(query.sync), query, signal)
  }

  async showLink(query: LinkQuery): Promise<LinkReport> {
    const { sync, link } = await this.#find(query)
    return this.#report(sync, link)
  }

  async #report(sync: OpenSync, link: Link, places: ReadonlyMap<string, string> = new Map()): Promise<LinkReport> {
    return linkReport(sync.context, link, {
      isDue: await sync.store.isDue(link.id),
      sameKey: await sameKeyAs(sync, link),
      taskUrl: task => this.#taskUrl(sync.compiled.config, task),
      place: event => places.get(event),
    })
  }

  /** Where people see the task: the address of a self-hosted Twenty serves both. */
  #taskUrl({ tasks }: SyncConfig, task: string): string | undefined {
    const url = tasks && this.#options.assembly.systems.get(tasks.system)?.url
    if (!url) return undefined
    const page = new URL(`/object/task/${task}`, url)
    if (page.hostname === 'api.twenty.com') page.hostname = 'app.twenty.com'
    return page.href
  }

  /** P7: durable before anything is written because of it. */
  async resolveConflict({ id, sync: name, decision, by = SIGNED }: ResolveQuery): Promise<ResolvedConflict> {
    const { sync, link } = await this.#find({ id, ...(name !== undefined && { sync: name }) })
    await sync.progress.load()
    const signal = new AbortController().signal
    const decided = await decide(sync.context, link.id, decisionOf(decision, sync.compiled.config), {
      by,
      signal,
    })
    sync.supervisor?.runner.poke([decided.link])
    return { ...decided, sync: sync.name, acting: isActing(sync) }
  }

  async passGuard({ sync: name, ...counts }: PassQuery): Promise<Passed> {
    const sync = this.#sync(name)
    const { context } = sync
    const isTold = GUARDED.some(kind => counts[kind] !== undefined)
    const passed = isTold ? { creates: 0, updates: 0, deletes: 0, ...counts } : waitingAtGuard(sync)
    await context.store.transact(async transaction => {
      for (const kind of GUARDED) {
        if (passed[kind] > 0) await context.guard.pass(transaction, kind, passed[kind], context.env.clock.now())
      }
    })
    sync.supervisor?.runner.retryGuarded()
    return passed
  }

  reconcile({ sync: name, dryRun = false, apply = false }: ReconcileQuery, signal: AbortSignal) {
    const sync = this.#sync(name)
    const { config } = sync.compiled
    const names = { left: nameOf(config, 'left'), right: nameOf(config, 'right') }
    return streamed<ReconcileProgress>(async push => {
      await sync.progress.load()
      const progress: ReconcileOptions['progress'] = each => push({ ...each, name: names[each.side] })
      const report = await this.#compare(sync, { signal, dryRun, apply, progress })
      push({ report, leftName: names.left, rightName: names.right })
    })
  }

  /** Without a daemon nobody would write what follows, so nothing is taken in either. */
  #compare({ supervisor, context }: OpenSync, options: ReconcileOptions): Promise<ReconcileReport> {
    if (supervisor) return supervisor.runner.reconcile(options)
    return new Reconcile(context, new Observer(context), () => {}).run({ ...options, dryRun: true })
  }

  why(query: RecordQuery): Promise<WhyReport> {
    return this.#explainer().why(query)
  }

  whyNot(query: RecordQuery): Promise<WhyNotReport> {
    return this.#explainer().whyNot(query)
  }

  #explainer(): Explainer {
    const { assembly, engine, ledger, finder } = this.#options
    return new Explainer({
      assembly,
      engine,
      ledger,
      finder,
      syncs: this.#syncs,
      report: (sync, link, places) => this.#report(sync, link, places),
    })
  }

  async #find({ id, sync: name, system, object }: LinkQuery): Promise<FoundLink<OpenSync>> {
    const syncs = this.#some(name)
    if (system === undefined || object === undefined) return findLink(syncs, id)
    const found: FoundLink<OpenSync>[] = []
    for (const sync of syncs) {
      for (const side of SIDES) {
        const { config } = sync.compiled
        if (config[side].system !== system || config[side].object !== object) continue
        const [link] = await sync.store.load(
          (await sync.store.linkIdsOf(side, [id])).filter(each => each !== undefined),
        )
        if (link) found.push({ sync, link })
      }
    }
    const [first, second] = found
    if (second) {
      const names = found.map(({ sync }) => sync.name).join(', ')
      throw new SyncError(
        'rejected',
        'AMBIGUOUS_LINK',
        `${names} all have ${system} ${object} ${id}; name one with --sync`,
      )
    }
    if (!first)
      throw new SyncError(
        'rejected',
        'NO_SUCH_LINK',
        `no sync knows ${system} ${object} ${id}; \`twenty-sync why-not ${system} ${object} ${id}\` says why`,
      )
    return first
  }

  #some(name: string | undefined): readonly OpenSync[] {
    return name === undefined ? this.#syncs : [this.#sync(name)]
  }

  #sync(name: string): OpenSync {
    const sync = this.#syncs.find(each => each.name === name)
    if (!sync) throw noSuch('SYNC', name, this.names)
    return sync
  }
}

/** Links that share its first keys: among these a person looks for the counterpart. */
async function sameKeyAs({ store }: OpenSync, link: Link): Promise<Link[]> {
  if (link.hold?.kind !== 'ambiguous') return []
  const { key } = link.hold
  const holders = await store.transact(transaction => transaction.holders(key))
  const ids = new Set(SIDES.flatMap(side => holders[side]))
  ids.delete(link.id)
  const links = await store.load([...ids])
  return links.filter(each => each !== undefined && !each.ended) as Link[]
}

function isActing({ supervisor }: OpenSync): boolean {
  return supervisor?.status.state === 'running'
}

/** @throws SyncError rejected `NO_SUCH_SIDE`. */
function decisionOf(decision: ResolveQuery['decision'], config: SyncConfig): Decision {
  if (decision.kind !== 'take') return decision
  return { ...decision, side: sideOf(decision.side, config) }
}

function sideOf(text: string, config: SyncConfig): SideName {
  const { left, right } = config
  if (text === 'left' || text === 'right') return text
  const sides = SIDES.filter(side => config[side].system === text)
  if (sides.length === 1) return sides[0]!
  const known = left.system === right.system ? ['left', 'right'] : ['left', 'right', left.system, right.system]
  throw noSuch('SIDE', text, known)
}
