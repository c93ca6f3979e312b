import sortBy from 'lodash/sortBy.js'
import type { SideName } from '../config/config.ts'
import { planContext, type SyncContext } from './context.ts'
import { isUnclear, type Link, other, SIDES } from './link.ts'
import { match } from './match.ts'
import type { Observer } from './observer.ts'
import type { PeerOptions } from './peer.ts'
import { settle } from './plan.ts'
import type { ProgressStore } from './progress.ts'

/** Links matched in one commit. */
const CHUNK = 100

/**
 * Walks both sides completely once, so that it is known which keys are unique, and then matches. A page is in the links
 * before its cursor is stored: after a crash the walk goes on where it was.
 */
export class FirstWalk {
  readonly #context: SyncContext
  readonly #observer: Observer
  readonly #progress: ProgressStore

  constructor(context: SyncContext, observer: Observer, progress: ProgressStore) {
    this.#context = context
    this.#observer = observer
    this.#progress = progress
  }

  /** @returns the links that have something to write. */
  async run(signal: AbortSignal): Promise<string[]> {
    await Promise.all(SIDES.map(side => this.#walk(side, { signal, priority: 'live' })))
    signal.throwIfAborted()
    await this.#progress.matched(this.#context.env.clock.now())
    return this.#matchAll()
  }

  async #walk(side: SideName, options: PeerOptions): Promise<void> {
    let walk = this.#progress.current[side]
    while (!walk.done) {
      const page = await this.#context.peers[side].list(walk.cursor, options)
      options.signal.throwIfAborted()
      await this.#observer.observe(
        side,
        page.records.map(record => this.#observer.read(record)),
      )
      const seen = walk.seen + page.records.length
      const total = page.total ?? walk.total
      const counts = { seen, ...(total !== undefined && { total }) }
      walk = page.next === undefined ? { ...counts, done: true } : { ...counts, cursor: page.next }
      await this.#progress.walked(side, walk)
    }
  }

  /** Those with the same kind of write follow each other: they share calls. */
  async #matchAll(): Promise<string[]> {
    const due: DueLink[] = []
    let chunk: string[] = []
    for await (const { id } of this.#context.store.all()) {
      chunk.push(id)
      if (chunk.length < CHUNK) continue
      due.push(...(await this.#matchSome(chunk)))
      chunk = []
    }
    due.push(...(await this.#matchSome(chunk)))
    return sortBy(due, 'kind').map(({ id }) => id)
  }

  #matchSome(ids: readonly string[]): Promise<DueLink[]> {
    const { store, mapping, config } = this.#context
    return store.transact(async transaction => {
      await transaction.prefetchLinks(ids)
      const plan = planContext(this.#context)
      const due: DueLink[] = []
      for (const id of ids) {
        const link = await transaction.link(id)
        if (!link || link.ended || link.intent) continue
        const side = soleSide(link)
        const pair = side ? await match(transaction, link, side, { now: plan.now, matched: true }) : link
        if (!pair) continue
        const writes = settle(pair, mapping, config, { ...plan, matched: true })
        const kind = SIDES.map(each => `${each} ${writes[each]?.op ?? ''}`).join()
        const isDue = isUnclear(pair) || writes.left !== undefined || writes.right !== undefined
        if (isDue) due.push({ id: pair.id, kind })
        await transaction.put(pair, { due: isDue })
      }
      return due
    })
  }
}

interface DueLink {
  readonly id: string
  readonly kind: string
}

function soleSide(link: Link): SideName | undefined {
  return SIDES.find(side => link[side] && !link[other(side)])
}
