import type { SideName } from '../config/config.ts'
import type { Clock } from '../environment.ts'
import { SyncError } from '../errors.ts'
import type { StateStore } from '../state/state-store.ts'
import type { Conflict } from './conflict.ts'
import { type Link, SIDES } from './link.ts'
import { LinkTransaction } from './link-transaction.ts'
import type { Question } from './question.ts'
import type { SyncKeys } from './sync-keys.ts'

const TRIES = 50
const PAUSE_MS = 5
const LONGEST_PAUSE_MS = 500

export interface LinkStoreOptions {
  readonly state: StateStore
  readonly keys: SyncKeys
  readonly clock: Clock
  readonly random: () => number
}

/** Links and their indexes in the state. */
export class LinkStore {
  readonly keys: SyncKeys
  readonly #listeners = new Set<(links: readonly Link[]) => void>()
  readonly #options: LinkStoreOptions
  #last: Promise<unknown> = Promise.resolve()

  constructor(options: LinkStoreOptions) {
    this.#options = options
    this.keys = options.keys
  }

  /**
   * Links are told after their commit by this process. A listener takes no time and does not throw.
   * @returns what ends it.
   */
  listen(listener: (links: readonly Link[]) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * Runs `work` on what the state says and commits what it changed, all or nothing, if nobody else changed what it read.
   * Otherwise from the beginning: `work` must have no effect besides.
   * @throws SyncError retryable `LINK_CONTESTED` when others are faster every time.
   */
  transact<T>(work: (transaction: LinkTransaction) => Promise<T>): Promise<T> {
    // One after the other within the process: only other instances are worth a second try.
    const done = this.#last.then(() => this.#transact(work))
    this.#last = done.catch(() => {})
    return done
  }

  async #transact<T>(work: (transaction: LinkTransaction) => Promise<T>): Promise<T> {
    const { state, keys, clock, random } = this.#options
    for (let attempt = 1; ; attempt++) {
      const transaction = new LinkTransaction(state, keys)
      const result = await work(transaction)
      const writes = transaction.writes()
      if (writes.length === 0 || (await state.commit(writes))) {
        for (const listener of this.#listeners) listener(transaction.changed)
        return result
      }
      if (attempt === TRIES) {
        throw new SyncError('retryable', 'LINK_CONTESTED', 'another instance changed the same links every time')
      }
      await clock.sleep(random() * Math.min(LONGEST_PAUSE_MS, PAUSE_MS * 2 ** attempt))
    }
  }

  async load(ids: readonly string[]): Promise<(Link | undefined)[]> {
    if (ids.length === 0) return []
    const entries = await this.#options.state.get(ids.map(id => this.keys.link(id)))
    return entries.map(entry => entry?.value as Link | undefined)
  }

  async linkIdsOf(side: SideName, recordIds: readonly string[]): Promise<(string | undefined)[]> {
    if (recordIds.length === 0) return []
    const entries = await this.#options.state.get(recordIds.map(id => this.keys.record(side, id)))
    return entries.map(entry => entry?.value as string | undefined)
  }

  /** Ids of links whose id, or the id of whose record on either side, begins so. At most so many. */
  async idsBeginning(text: string, most: number): Promise<string[]> {
    const found = new Set<string>()
    for await (const { value } of this.#options.state.scan(this.keys.link(text))) {
      found.add((value as Link).id)
      if (found.size >= most) break
    }
    for (const side of SIDES) {
      for await (const { value } of this.#options.state.scan(this.keys.record(side, text))) {
        if (found.size >= most) break
        found.add(value as string)
      }
    }
    return [...found]
  }

  /** Links with a record on either side whose id is this, or begins so. */
  async *withRecord(text: string): AsyncIterable<Link> {
    const seen = new Set<string>()
    for (const side of SIDES) {
      for await (const { value } of this.#options.state.scan(this.keys.record(side, text))) {
        const id = value as string
        if (seen.has(id)) continue
        seen.add(id)
        const [link] = await this.load([id])
        if (link) yield link
      }
    }
  }

  async *conflicts(): AsyncIterable<Conflict> {
    for await (const { value } of this.#options.state.scan(this.keys.conflicts)) yield value as Conflict
  }

  /** What people are asked, by link. */
  async *questions(): AsyncIterable<readonly [link: string, Question]> {
    const prefix = this.keys.questions
    for await (const { key, value } of this.#options.state.scan(prefix)) {
      yield [key.slice(prefix.length), value as Question]
    }
  }

  async isDue(id: string): Promise<boolean> {
    const [isDue] = await this.areDue([id])
    return isDue!
  }

  async areDue(ids: readonly string[]): Promise<boolean[]> {
    if (ids.length === 0) return []
    const entries = await this.#options.state.get(ids.map(id => this.keys.due(id)))
    return entries.map(entry => entry !== undefined)
  }

  async *all(): AsyncIterable<Link> {
    for await (const { value } of this.#options.state.scan(this.keys.links)) yield value as Link
  }

  /** Ids of links that were left with something to do. */
  async *due(): AsyncIterable<string> {
    const prefix = this.keys.dues
    for await (const { key } of this.#options.state.scan(prefix)) yield key.slice(prefix.length)
  }
}
