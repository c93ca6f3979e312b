import type { SideName } from '../config/config.ts'
import { SyncError } from '../errors.ts'
import { linkIdFor, planContext, type SyncContext } from './context.ts'
import { GUARDED } from './guard.ts'
import { fingerprint, type Link, SIDES } from './link.ts'
import { newLink, observe } from './observe.ts'
import type { Observer, Seen } from './observer.ts'
import type { PeerRecord } from './peer.ts'
import { settle } from './plan.ts'
import { movedOf, type ReconcileReport, Tally } from './reconcile-report.ts'

export interface ReconcileOptions {
  readonly signal: AbortSignal
  /** Only compares: nothing is stored and nothing written. */
  readonly dryRun: boolean
  /** Repairs however much it is. */
  readonly apply: boolean
  progress?(progress: { readonly side: SideName; readonly seen: number; readonly total?: number }): void
}

const PAGE = 100

/**
 * Compares both sides completely. First it only looks; what it found is repaired when it is little enough or a person
 * said so. Each record is read once, besides those that seem to be gone.
 */
export class Reconcile {
  readonly #context: SyncContext
  readonly #observer: Observer
  readonly #repair: (links: readonly string[]) => void
  readonly #tally = new Tally()

  /** @param repair is told of the links that have something to write. */
  constructor(context: SyncContext, observer: Observer, repair: (links: readonly string[]) => void) {
    this.#context = context
    this.#observer = observer
    this.#repair = repair
  }

  async run(options: ReconcileOptions): Promise<ReconcileReport> {
    if (this.#context.matchedAt() === undefined) {
      const message = `${this.#context.config.name}: the first walk of both sides is not over yet; \`twenty-sync status\` shows how far it is, and it takes a running daemon`
      throw new SyncError('retryable', 'NOT_MATCHED', message)
    }
    const startedAt = this.#context.env.clock.now()
    const views = new Map<string, Link>()
    const changes: Record<SideName, Seen[]> = { left: [], right: [] }
    const seen: Record<SideName, Set<string>> = { left: new Set(), right: new Set() }
    for (const side of SIDES) await this.#compareSide(side, views, changes[side], seen[side], options)
    for (const side of SIDES) changes[side].push(...(await this.#gone(side, seen[side], startedAt, views, options)))
    this.#judgeAll(views)
    const heldBack = this.#tooMuch(options)
    const report = this.#tally.report({ left: seen.left.size, right: seen.right.size })
    if (options.dryRun || heldBack) return { ...report, ...(heldBack && { heldBack }), repairing: 0 }
    return { ...report, repairing: await this.#take(changes, options) }
  }

  /** A page at a time against the links, on copies. */
  async #compareSide(
    side: SideName,
    views: Map<string, Link>,
    changes: Seen[],
    ids: Set<string>,
    { signal, progress }: ReconcileOptions,
  ): Promise<void> {
    for (let cursor: unknown; ; ) {
      const page = await this.#context.peers[side].list(cursor, { signal, priority: 'replay' })
      signal.throwIfAborted()
      for (let from = 0; from < page.records.length; from += PAGE) {
        await this.#comparePage(side, page.records.slice(from, from + PAGE), views, changes)
      }
      for (const { id } of page.records) ids.add(id)
      progress?.({ side, seen: ids.size, ...(page.total !== undefined && { total: page.total }) })
      cursor = page.next
      if (cursor === undefined) return
    }
  }

  async #comparePage(
    side: SideName,
    records: readonly PeerRecord[],
    views: Map<string, Link>,
    changes: Seen[],
  ): Promise<void> {
    const { store } = this.#context
    const linkIds = await store.linkIdsOf(
      side,
      records.map(({ id }) => id),
    )
    const missing = linkIds.filter(id => id !== undefined && !views.has(id)) as string[]
    for (const link of await store.load(missing)) if (link) views.set(link.id, link)
    for (const [at, record] of records.entries()) {
      const id = linkIds[at] ?? linkIdFor(this.#context, side, record.id)
      const link = views.get(id) ?? newLink(id)
      const before = fingerprint(link)
      this.#look(link, side, record)
      views.set(id, link)
      if (fingerprint(link) !== before) changes.push(this.#observer.read(record))
    }
  }

  #look(link: Link, side: SideName, record: PeerRecord): void {
    const { peers, mapping, env } = this.#context
    const change = { kind: 'present' as const, record }
    const now = env.clock.now()
    observe(link, { side, source: 'read', change, offsetMs: peers[side].clockOffsetMs(), now }, mapping)
  }

  /**
   * P7: a record that a complete walk did not show is asked for once more, by its id: a page that came back empty by
   * mistake must not delete anything.
   */
  async #gone(
    side: SideName,
    seen: ReadonlySet<string>,
    startedAt: number,
    views: Map<string, Link>,
    { signal }: ReconcileOptions,
  ): Promise<Seen[]> {
    const suspects: Link[] = []
    for await (const link of this.#context.store.all()) {
      const own = link[side]
      if (!own || own.deleted || link.ended || seen.has(own.id) || own.confirmedAt >= startedAt) continue
      suspects.push(views.get(link.id) ?? link)
    }
    const { read } = this.#context.peers[side].batch
    const changes: Seen[] = []
    for (let from = 0; from < suspects.length; from += read) {
      const chunk = suspects.slice(from, from + read)
      const ids = chunk.map(link => link[side]!.id)
      const records = await this.#context.peers[side].get(ids, { signal, priority: 'replay' })
      for (const [at, link] of chunk.entries()) {
        const record = records[at]
        if (record && !record.deleted) continue
        changes.push(this.#goneAs(link, side, record))
        views.set(link.id, link)
      }
    }
    return changes
  }

  #goneAs(link: Link, side: SideName, record: PeerRecord | undefined): Seen {
    const { peers, mapping, env } = this.#context
    const { id, version } = link[side]!
    const last = record ?? { id, version, deleted: true, data: {} }
    const change = { kind: record ? ('deleted' as const) : ('destroyed' as const), record: last }
    const now = env.clock.now()
    observe(link, { side, source: 'read', change, offsetMs: peers[side].clockOffsetMs(), now }, mapping)
    return { change, source: 'read' }
  }

  #judgeAll(views: ReadonlyMap<string, Link>): void {
    const { mapping, config } = this.#context
    const plan = planContext(this.#context)
    for (const link of views.values()) {
      const moved = movedOf(link)
      const due = settle(link, mapping, config, plan)
      this.#tally.count(link, due, moved)
    }
  }

  #tooMuch({ apply }: ReconcileOptions): ReconcileReport['heldBack'] {
    if (apply) return undefined
    const { guard } = this.#context.config
    const kind = GUARDED.find(each => this.#tally.writes[each] > guard[each])
    return kind && { kind, count: this.#tally.writes[kind], limit: guard[kind] }
  }

  async #take(
    changes: Readonly<Record<SideName, readonly Seen[]>>,
    { apply, signal }: ReconcileOptions,
  ): Promise<number> {
    if (apply) await this.#letPass()
    const due = new Set(this.#tally.due)
    for (const side of SIDES) {
      for (let from = 0; from < changes[side].length; from += PAGE) {
        signal.throwIfAborted()
        const observed = await this.#observer.observe(side, changes[side].slice(from, from + PAGE))
        for (const id of observed.due) due.add(id)
      }
    }
    this.#repair([...due])
    return due.size
  }

  async #letPass(): Promise<void> {
    const { store, guard, env } = this.#context
    await store.transact(async transaction => {
      for (const kind of GUARDED) {
        const count = this.#tally.writes[kind]
        if (count > 0) await guard.pass(transaction, kind, count, env.clock.now())
      }
    })
  }
}
