import type { CallOptions, RestClient } from '../../clients/rest/client.ts'
import { type ListedPage, readPage } from '../../clients/rest/pages.ts'
import type { ResourceConfig } from '../../clients/rest/resource-config.ts'
import { formatted, isoOf } from '../../clients/rest/times.ts'
import { durationMs } from '../../config/definition.ts'
import type { Environment } from '../../environment.ts'
import { SyncError } from '../../errors.ts'
import type { Page } from '../connector.ts'
import type { KnownRecords } from '../known-records.ts'
import { compareRecords } from './compare.ts'
import { cursorFrom, type ObjectCursor, type PollCursor, type Walk, withObject } from './cursor.ts'
import { findMissing, SeenIds } from './missing.ts'

export interface PollerParts {
  readonly client: RestClient
  readonly records: KnownRecords
  readonly env: Environment
  /** Objects that anybody reads. */
  readonly objects: readonly string[]
}

/** Pages of a walk over everything per poll, where polls for what changed go on between them. */
const PAGES_AT_ONCE = 20
/** A walk whose page is refused begins anew no more often than this. */
const ANEW_EVERY_MS = 600_000

type Slot = 'changes' | 'whole'

/** Walks the resources of a system: what changed since the last walk, and now and then, or always, everything. */
export class RestPoller {
  readonly #parts: PollerParts
  /** Per object, what the whole walk under way has seen since its beginning. */
  readonly #seen = new Map<string, { readonly start: string; readonly ids: SeenIds }>()

  /** When a walk last began anew, by its resource and slot. */
  readonly #anewAt = new Map<string, number>()

  constructor(parts: PollerParts) {
    this.#parts = parts
  }

  async *poll(value: unknown, signal: AbortSignal): AsyncGenerator<Page> {
    const { client, objects, records } = this.#parts
    await records.flush()
    let cursor = cursorFrom(value)
    let refusal: SyncError | undefined
    for (const object of objects) {
      const resource = client.config.resources[object]
      if (!resource) continue
      try {
        for await (const page of this.#resource(object, resource, cursor, signal)) {
          cursor = cursorFrom(page.cursor)
          yield page
        }
      } catch (thrown) {
        // What is refused of one resource says nothing about the others.
        if (!isRefusal(thrown)) throw thrown
        refusal ??= thrown
      }
    }
    if (refusal) throw refusal
  }

  async *#resource(
    object: string,
    resource: ResourceConfig,
    cursor: PollCursor,
    signal: AbortSignal,
  ): AsyncGenerator<Page> {
    const { client, env } = this.#parts
    let own = cursor.objects[object] ?? {}
    if (own.since !== undefined && resource.list.changedSince) {
      for await (const page of this.#walk('changes', object, resource, cursor, signal)) {
        own = cursorFrom(page.cursor).objects[object] ?? {}
        yield page
      }
    }
    const everyMs = durationMs(client.config.compareEvery ?? '24h')
    const isDue =
      !resource.list.changedSince ||
      own.walkedAt === undefined ||
      own.whole !== undefined ||
      env.clock.now() - own.walkedAt >= everyMs
    if (isDue) yield* this.#walk('whole', object, resource, withObject(cursor, object, own), signal)
  }

  async *#walk(
    slot: Slot,
    object: string,
    resource: ResourceConfig,
    cursor: PollCursor,
    signal: AbortSignal,
  ): AsyncGenerator<Page> {
    const { client, env, records } = this.#parts
    let own = cursor.objects[object] ?? {}
    const options: CallOptions = { signal, priority: slot === 'whole' ? 'replay' : 'live' }
    const most = slot === 'whole' && resource.list.changedSince && own.since !== undefined ? PAGES_AT_ONCE : Infinity
    let seen = 0
    for (let pages = 0; pages < most; pages++) {
      const { page, walk } = await this.#page(slot, object, resource, own, options)
      // Before anything of this walk could be missed.
      const servedAt = resource.updatedAt === undefined ? undefined : page.servedAt
      const start = walk?.start ?? isoOf(servedAt ?? env.clock.now())
      if (slot === 'whole') this.#remember(object, start, page, walk === undefined)
      const isFirst = own.walkedAt === undefined && slot === 'whole'
      const first = { startMs: Date.parse(start), snapshot: client.config.snapshot ?? false }
      const compared = await compareRecords(page.records, {
        client,
        records,
        object,
        resource,
        ...(isFirst && { first }),
      })
      seen += page.records.length
      const next: Walk | undefined = page.next === undefined ? undefined : { start, next: page.next }
      own = next ? { ...own, [slot]: next } : this.#ended(slot, object, resource, own, start)
      const counts = { seen, ...(page.total !== undefined && { total: page.total }) }
      yield { events: compared.events, cursor: withObject(cursor, object, own), notes: compared.writes, ...counts }
      if (next) continue
      if (slot === 'whole')
        yield* this.#missing(object, resource, start, isFirst, withObject(cursor, object, own), options)
      return
    }
  }

  async #page(
    slot: Slot,
    object: string,
    resource: ResourceConfig,
    own: ObjectCursor,
    options: CallOptions,
  ): Promise<{ page: ListedPage; walk: Walk | undefined }> {
    const { list } = resource
    const { changedSince } = list
    const query =
      slot === 'changes' && changedSince && own.since !== undefined
        ? {
            ...list.query,
            ...changedSince.query,
            [changedSince.parameter]: formatted(Date.parse(own.since), changedSince.format),
          }
        : list.query
    const call = { path: list.path, ...(list.items !== undefined && { items: list.items }), ...(query && { query }) }
    const walk = own[slot]
    try {
      return { page: await readPage(this.#parts.client, resource, call, walk?.next, options), walk }
    } catch (thrown) {
      // A page that the API no longer knows: the walk begins anew.
      if (!walk || !isRefusal(thrown) || !this.#mayBeginAnew(`${object} ${slot}`)) throw thrown
      return { page: await readPage(this.#parts.client, resource, call, undefined, options), walk: undefined }
    }
  }

  /** P8: a page that is refused every time is not asked for without end; the poll fails and is tried ever more slowly. */
  #mayBeginAnew(walk: string): boolean {
    const now = this.#parts.env.clock.elapsed()
    const last = this.#anewAt.get(walk)
    if (last !== undefined && now - last < ANEW_EVERY_MS) return false
    this.#anewAt.set(walk, now)
    return true
  }

  #remember(object: string, start: string, page: ListedPage, begins: boolean): void {
    if (begins) this.#seen.set(object, { start, ids: new SeenIds() })
    const seen = this.#seen.get(object)
    if (seen?.start === start) for (const { id } of page.records) seen.ids.add(id)
    else this.#seen.delete(object)
  }

  /** Only a complete walk moves the time from which the next one looks. */
  #ended(slot: Slot, object: string, resource: ResourceConfig, own: ObjectCursor, start: string): ObjectCursor {
    const { client, env } = this.#parts
    const { [slot]: _, ...rest } = own
    const overlapMs = durationMs(client.config.pollOverlap ?? '2m') + durationMs(resource.granularity ?? '1ms')
    const since = resource.list.changedSince ? { since: isoOf(Date.parse(start) - overlapMs) } : {}
    if (slot === 'changes') return { ...rest, ...since }
    // A walk that a restart cut in two cannot tell what is missing: the next one is due at once.
    const walkedAt = this.#seen.has(object) || own.walkedAt === undefined ? env.clock.now() : own.walkedAt
    return { ...(own.since === undefined ? since : {}), ...rest, walkedAt }
  }

  async *#missing(
    object: string,
    resource: ResourceConfig,
    start: string,
    isFirst: boolean,
    cursor: PollCursor,
    options: CallOptions,
  ): AsyncGenerator<Page> {
    const { client, env, records } = this.#parts
    const seen = this.#seen.get(object)
    this.#seen.delete(object)
    if (!seen || isFirst) return
    const guardPercent = client.config.deletedGuard ?? 10
    const parts = { client, records, env, object, resource, guardPercent }
    for await (const { events, writes } of findMissing(seen.ids, Date.parse(start), parts, options)) {
      yield { events, cursor, notes: writes }
    }
  }
}

function isRefusal(thrown: unknown): thrown is SyncError {
  return thrown instanceof SyncError && thrown.kind === 'rejected'
}
