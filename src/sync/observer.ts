import type { SideName } from '../config/config.ts'
import type { LoggedEvent } from '../log/event-log.ts'
import { adopterOf } from './adopt.ts'
import { linkIdFor, planContext, type SyncContext } from './context.ts'
import { isCreating } from './creating.ts'
import { fingerprint, isUnclear, type Link } from './link.ts'
import type { LinkTransaction } from './link-transaction.ts'
import { match } from './match.ts'
import { newLink, observe } from './observe.ts'
import type { PeerChange, PeerRecord } from './peer.ts'
import { settle } from './plan.ts'

/** One record as it came by an event, or as it was read. */
export interface Seen {
  readonly change: PeerChange
  readonly source: 'event' | 'read'
  readonly event?: string
}

export interface Observed {
  /** Links with something to write or to read. */
  readonly due: readonly string[]
  /** Places of what has to wait: a write to its link is under way, and this may be its echo. */
  readonly deferred: readonly number[]
}

/** Takes what the sides show into the links. Makes no call: what follows from it is for the settler. */
export class Observer {
  readonly #context: SyncContext

  constructor(context: SyncContext) {
    this.#context = context
  }

  seen(side: SideName, { event }: LoggedEvent): Seen {
    return { change: this.#context.peers[side].changeOf(event), source: 'event', event: event.id }
  }

  read(record: PeerRecord): Seen {
    return { change: { kind: record.deleted ? 'deleted' : 'present', record }, source: 'read' }
  }

  /** P2: durable when resolved. One commit for the whole page. */
  observe(side: SideName, page: readonly Seen[]): Promise<Observed> {
    return this.#context.store.transact(async transaction => {
      await this.#prefetch(transaction, side, page)
      const due = new Map<string, boolean>()
      const deferred: number[] = []
      const waiting = new Set<string>()
      const creating = await isCreating(this.#context, transaction, side)
      for (const [place, seen] of page.entries()) {
        const { id } = seen.change.record
        const link = await transaction.linkOf(side, id)
        if (waiting.has(id) || link?.intent || (!link && creating)) {
          waiting.add(id)
          deferred.push(place)
          continue
        }
        if (!link) this.#requireUnknown(transaction, side, id)
        const changed = await this.#take(transaction, side, seen, link)
        if (changed === 'wait') {
          waiting.add(id)
          deferred.push(place)
        } else if (changed) due.set(changed.link.id, changed.due)
      }
      return { due: [...due].filter(([, isDue]) => isDue).map(([id]) => id), deferred }
    })
  }

  /** Few reads for the whole page, however many records it has. */
  async #prefetch(transaction: LinkTransaction, side: SideName, page: readonly Seen[]): Promise<void> {
    const { mapping, keys } = this.#context
    const ids = page.map(({ change }) => change.record.id)
    await transaction.prefetchRecords(side, ids)
    await transaction.prefetchLinks(ids.map(id => linkIdFor(this.#context, side, id)))
    await transaction.prefetchLinksOf(side, ids)
    const matches = page.flatMap(({ change }) =>
      mapping.keysOf(side, change.record.data).map(({ key }) => keys.match(key)),
    )
    await transaction.prefetch(matches)
  }

  /** P3: another process may be about to make this very record, or may have linked it meanwhile. */
  #requireUnknown(transaction: LinkTransaction, side: SideName, id: string): void {
    const { keys, peers } = this.#context
    transaction.requireAbsent(keys.record(side, id))
    if (!peers[side].choosesId) transaction.requireAbsent(keys.creating(side))
  }

  async #take(
    transaction: LinkTransaction,
    side: SideName,
    seen: Seen,
    known: Link | undefined,
  ): Promise<{ link: Link; due: boolean } | 'wait' | undefined> {
    const context = this.#context
    const { mapping, peers, config, env } = context
    const link = known ?? newLink(linkIdFor(context, side, seen.change.record.id))
    const before = fingerprint(link)
    if (!known && seen.change.kind !== 'present' && !seen.change.incomplete)
      entomb(link, side, seen.change, env.clock.now())
    observe(link, { side, ...seen, offsetMs: peers[side].clockOffsetMs(), now: env.clock.now() }, mapping)
    const plan = planContext(context)
    const adopter = plan.matched && link[side] ? await adopterOf(context, transaction, link, side) : undefined
    const matching = { now: plan.now, matched: plan.matched }
    const pair = adopter ?? (known?.ended ? link : await match(transaction, link, side, matching))
    if (!pair) return 'wait'
    const write = settle(pair, mapping, config, plan)
    const isDue = Object.keys(write).length > 0 || isUnclear(pair)
    // What only repeats is not written again: that is most of what a poll or a complete walk brings.
    if (pair === link && known && !isDue && fingerprint(pair) === before) return undefined
    // P2: a crash between the first walk and the matching must not leave it unmatched.
    await transaction.put(pair, { due: isDue || !plan.matched })
    return { link: pair, due: isDue }
  }
}

/** P7: a deletion that comes before everything else about its record; what comes late must not bring it to life. */
function entomb(link: Link, side: SideName, { record }: PeerChange, now: number): void {
  link[side] = {
    id: record.id,
    version: record.version,
    native: {},
    keys: [],
    takesPart: true,
    confirmedAt: now,
    deleted: { version: record.version, at: now, proof: 'event' },
    wrote: [],
  }
  link.ended = { at: now, why: 'deleted' }
}
