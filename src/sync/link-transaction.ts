import isEqual from 'lodash/isEqual.js'
import type { SideName } from '../config/config.ts'
import type { Entry, StateStore, Version, Write } from '../state/state-store.ts'
import { conflictOf } from './conflict.ts'
import { type Link, SIDES } from './link.ts'
import type { SyncKeys } from './sync-keys.ts'
import { timesOf } from './times.ts'

/** Tombstones outlive every event that can still be read again. */
const TOMBSTONE_MS = 100 * 24 * 3_600_000

/** Links by the match key that they hold, per side. */
export interface KeyHolders {
  readonly left: readonly string[]
  readonly right: readonly string[]
}

interface Held {
  readonly version: Version | null
  value: unknown
  dirty: boolean
  ttlMs?: number
}

/** A view of the state in which changes gather until they are committed as a whole. */
export class LinkTransaction {
  readonly #state: StateStore
  readonly #keys: SyncKeys
  readonly #held = new Map<string, Held>()
  readonly #before = new Map<string, Link | undefined>()
  /** undefined: is to be deleted. */
  readonly #hashes = new Map<string, Readonly<Record<string, string>> | undefined>()
  readonly #put = new Map<string, Link>()
  readonly #required = new Set<string>()

  constructor(state: StateStore, keys: SyncKeys) {
    this.#state = state
    this.#keys = keys
  }

  /** Links as they are put now. */
  get changed(): readonly Link[] {
    return [...this.#put.values()]
  }

  /** One read for many. */
  async prefetch(keys: readonly string[]): Promise<void> {
    const missing = [...new Set(keys)].filter(key => !this.#held.has(key))
    if (missing.length === 0) return
    const entries: (Entry | undefined)[] = await this.#state.get(missing)
    missing.forEach((key, at) => {
      const entry = entries[at]
      this.#held.set(key, { version: entry?.version ?? null, value: entry?.value, dirty: false })
    })
  }

  /** Everything that `put` touches of them, their match keys apart. */
  prefetchLinks(ids: readonly string[]): Promise<void> {
    return this.prefetch(ids.flatMap(id => this.#keys.allOf(id)))
  }

  /** After `prefetchRecords`: the links of those records. */
  prefetchLinksOf(side: SideName, recordIds: readonly string[]): Promise<void> {
    const ids = recordIds.flatMap(
      id => (this.#held.get(this.#keys.record(side, id))?.value as string | undefined) ?? [],
    )
    return this.prefetchLinks(ids)
  }

  prefetchRecords(side: SideName, ids: readonly string[]): Promise<void> {
    return this.prefetch(ids.map(id => this.#keys.record(side, id)))
  }

  /** A copy to change; `put` makes it count. */
  async link(id: string): Promise<Link | undefined> {
    const key = this.#keys.link(id)
    const stored = (await this.#get(key)) as Link | undefined
    if (!this.#before.has(id)) this.#before.set(id, stored)
    return stored && structuredClone(stored)
  }

  async linkOf(side: SideName, recordId: string): Promise<Link | undefined> {
    const id = (await this.#get(this.#keys.record(side, recordId))) as string | undefined
    return id === undefined ? undefined : this.link(id)
  }

  async holders(key: string): Promise<KeyHolders> {
    return ((await this.#get(this.#keys.match(key))) as KeyHolders | undefined) ?? { left: [], right: [] }
  }

  async value(key: string): Promise<unknown> {
    return this.#get(key)
  }

  /**
   * The commit fails where the key, read as absent, is there by then. For what is decided by its absence: the keys that are
   * written are checked anyway.
   */
  requireAbsent(key: string): void {
    this.#required.add(key)
  }

  set(key: string, value: unknown, ttlMs?: number): void {
    const held = this.#held.get(key)
    this.#held.set(key, { version: held?.version ?? null, value, dirty: true, ...(ttlMs !== undefined && { ttlMs }) })
    if (!held) throw new Error(`${key} is set before it is read`)
  }

  /**
   * The row, both id indexes and the match keys, in one commit.
   * @param due it has something to write or to look at; stays on the list until put without.
   */
  async put(link: Link, { due }: { due: boolean }): Promise<void> {
    if (!this.#before.has(link.id)) await this.link(link.id)
    const before = this.#before.get(link.id)
    // What stands apart by a person's word or the config's does so for good.
    const ttlMs = link.ended?.why === 'deleted' ? TOMBSTONE_MS : undefined
    await this.#putKeyed(this.#keys.link(link.id), link, ttlMs)
    for (const side of SIDES) {
      const was = before?.[side]
      const is = link[side]
      if (was && was.id !== is?.id) await this.#dropRecord(side, was.id, link.id)
      if (is && (was?.id !== is.id || Boolean(before?.ended) !== Boolean(link.ended))) {
        await this.#putKeyed(this.#keys.record(side, is.id), link.id, ttlMs)
      }
      await this.#moveKeys(side, link.id, before?.ended ? [] : (was?.keys ?? []), link.ended ? [] : (is?.keys ?? []))
    }
    await this.#putKeyed(this.#keys.due(link.id), due ? 1 : undefined)
    this.#putTimes(link.id, before, link.ended ? undefined : link)
    await this.#putKeyed(this.#keys.conflict(link.id), conflictOf(link))
    const put = structuredClone(link)
    this.#before.set(link.id, put)
    this.#put.set(link.id, put)
  }

  /** The link is part of another one now. */
  async drop(link: Link): Promise<void> {
    await this.link(link.id)
    const before = this.#before.get(link.id)
    for (const side of SIDES) {
      await this.#moveKeys(side, link.id, before?.[side]?.keys ?? [], [])
    }
    for (const key of [this.#keys.link(link.id), this.#keys.due(link.id), this.#keys.conflict(link.id)]) {
      await this.#putKeyed(key, undefined)
    }
    this.#putTimes(link.id, before, undefined)
  }

  /** For people and other programs: nothing here reads it, so it costs no read. In the commit of its row. */
  #putTimes(id: string, before: Link | undefined, after: Link | undefined): void {
    const key = this.#keys.times(id)
    const was = before && !before.ended ? timesOf(before) : undefined
    const is = after && timesOf(after)
    if (is && !isEqual(was, is)) this.#hashes.set(key, is)
    else if (!is && (was || this.#hashes.has(key))) this.#hashes.set(key, undefined)
  }

  writes(): Write[] {
    const hashes = [...this.#hashes].map(([key, hash]): Write => (hash ? { key, hash } : { key }))
    const values = [...this.#held].flatMap(([key, { version, value, dirty, ttlMs }]): Write[] => {
      if (!dirty) return version === null && this.#required.has(key) ? [{ key, ifVersion: null }] : []
      if (value === undefined) return version === null ? [] : [{ key, ifVersion: version }]
      return [{ key, value, ifVersion: version, ...(ttlMs !== undefined && { ttlMs }) }]
    })
    return [...values, ...hashes]
  }

  async #dropRecord(side: SideName, recordId: string, linkId: string): Promise<void> {
    const key = this.#keys.record(side, recordId)
    if ((await this.#get(key)) === linkId) await this.#putKeyed(key, undefined)
  }

  async #moveKeys(side: SideName, linkId: string, before: readonly string[], after: readonly string[]): Promise<void> {
    for (const key of before)
      if (!after.includes(key)) await this.#hold(side, key, ids => ids.filter(id => id !== linkId))
    for (const key of after)
      if (!before.includes(key)) await this.#hold(side, key, ids => [...new Set([...ids, linkId])])
  }

  async #hold(side: SideName, key: string, change: (ids: readonly string[]) => string[]): Promise<void> {
    const holders = await this.holders(key)
    const next = { ...holders, [side]: change(holders[side]) }
    const isEmpty = next.left.length === 0 && next.right.length === 0
    await this.#putKeyed(this.#keys.match(key), isEmpty ? undefined : next)
  }

  async #get(key: string): Promise<unknown> {
    if (!this.#held.has(key)) await this.prefetch([key])
    return this.#held.get(key)!.value
  }

  async #putKeyed(key: string, value: unknown, ttlMs?: number): Promise<void> {
    await this.#get(key)
    this.set(key, value, ttlMs)
  }
}
