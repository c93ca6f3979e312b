import type { SideName } from '../config/config.ts'
import { asSyncError, type SyncError } from '../errors.ts'
import { planContext, type SyncContext } from './context.ts'
import { counterpartOf, type Found } from './counterpart.ts'
import { type Intent, type Link, SIDES, type Side } from './link.ts'
import type { PeerRecord } from './peer.ts'
import { type Due, settle } from './plan.ts'
import type { RoundOptions } from './round.ts'

/** A side that told or confirmed its state within this time is not read again before it is written. */
const CONFIRM_MS = 10_000
const BULK_CONFIRM_MS = 300_000

/** What the sides show of one link. */
export interface Reading {
  readonly left?: PeerRecord | 'none'
  readonly right?: PeerRecord | 'none'
  readonly found?: Found
  /** When the reading began, and the intent that it is to explain. */
  readonly askedAt: number
  readonly intent?: Intent
}

export interface Readings {
  readonly of: ReadonlyMap<string, Reading>
  /** Links whose reading failed, and why. */
  readonly failed: ReadonlyMap<string, SyncError>
}

/** Reads what has to be known before anything is written: unclear records, outcomes, stale views, counterparts. */
export class Reader {
  readonly #context: SyncContext
  readonly #options: RoundOptions
  readonly #previews = new Map<Link, Due>()
  readonly #readings = new Map<string, Reading>()
  readonly #failed = new Map<string, SyncError>()

  constructor(context: SyncContext, options: RoundOptions) {
    this.#context = context
    this.#options = options
  }

  /** What cannot be read of one link keeps no other one from it. @throws SyncError fatal. */
  async read(links: readonly Link[]): Promise<Readings> {
    const askedAt = this.#context.env.clock.now()
    for (const { id, intent } of links) this.#readings.set(id, { askedAt, ...(intent && { intent }) })
    for (const side of SIDES) await this.#readSide(side, links)
    for (const side of SIDES) await this.#findCounterparts(side, links)
    return { of: this.#readings, failed: this.#failed }
  }

  /** What is due as far as is known before anything is read. */
  preview(link: Link): Due {
    const known = this.#previews.get(link)
    if (known) return known
    const { mapping, config } = this.#context
    const due = settle(structuredClone(link), mapping, config, planContext(this.#context))
    this.#previews.set(link, due)
    return due
  }

  /** False while something would be written that has not been read as it has to be. */
  isReady(link: Link, due: Due, reading: Reading): boolean {
    if (link.left?.unclear || link.right?.unclear) return false
    return SIDES.every(side => {
      const write = due[side]
      if (!write) return true
      if (write.op === 'create') return this.#knowsAll() || reading.found !== undefined
      return reading[side] !== undefined || !this.#isStale(side, link[side]!)
    })
  }

  async #readSide(side: SideName, links: readonly Link[]): Promise<void> {
    const peer = this.#context.peers[side]
    const wanted = links.filter(link => this.#idToRead(link, side) !== undefined)
    for (let from = 0; from < wanted.length; from += peer.batch.read) {
      const away = await this.#attempt(wanted.slice(from, from + peer.batch.read), async some => {
        const records = await peer.get(
          some.map(link => this.#idToRead(link, side)!),
          this.#options,
        )
        for (const [at, { id }] of some.entries()) this.#note(id, { [side]: records[at] ?? 'none' })
      })
      if (away) return this.#fail(wanted.slice(from), away)
    }
  }

  /**
   * What is refused is about one of the links: each has a call of its own then.
   * @returns why the next calls to the side would fare no better.
   */
  async #attempt(
    links: readonly Link[],
    call: (some: readonly Link[]) => Promise<void>,
  ): Promise<SyncError | undefined> {
    try {
      await call(links)
    } catch (thrown) {
      const error = asSyncError(thrown)
      if (error.kind === 'fatal') throw error
      if (error.kind !== 'rejected') return error
      if (links.length === 1) this.#fail(links, error)
      else
        for (const link of links) {
          const away = await this.#attempt([link], call)
          if (away) return away
        }
    }
    return undefined
  }

  #fail(links: readonly Link[], error: SyncError): void {
    for (const { id } of links) this.#failed.set(id, error)
  }

  #note(id: string, seen: Partial<Reading>): void {
    this.#readings.set(id, { ...this.#readings.get(id)!, ...seen })
  }

  #idToRead(link: Link, side: SideName): string | undefined {
    const seen = link[side]
    const intended = link.intent?.[side]
    if (intended?.op === 'create') return this.#context.peers[side].choosesId ? intended.id : undefined
    if (!seen) return undefined
    if (intended || seen.unclear || (link.intent && !seen.deleted)) return seen.id
    // One that is to come back may be gone from the trash by now.
    const write = this.preview(link)[side]
    if (seen.deleted && write?.op !== 'restore') return undefined
    return write && this.#isStale(side, seen) ? seen.id : undefined
  }

  /** P5: an edit that nobody told us of yet must be seen before it is written over. */
  #isStale(side: SideName, seen: Side): boolean {
    const age = this.#context.env.clock.now() - seen.confirmedAt
    const most = this.#options.bulk ? BULK_CONFIRM_MS : CONFIRM_MS
    return age > most && !this.#context.peers[side].conditional
  }

  /** Every record of both sides has just been seen. */
  #knowsAll(): boolean {
    const matchedAt = this.#context.matchedAt()
    const { clock } = this.#context.env
    return this.#options.bulk && matchedAt !== undefined && clock.now() - matchedAt < BULK_CONFIRM_MS
  }

  /** P3: a record is created only where none has its key. */
  async #findCounterparts(side: SideName, links: readonly Link[]): Promise<void> {
    const wanted = links.filter(link => {
      if (this.#failed.has(link.id)) return false
      if (link.intent?.[side]?.op === 'create') return !this.#context.peers[side].choosesId
      return !this.#knowsAll() && this.preview(link)[side]?.op === 'create'
    })
    for (const { id } of wanted) this.#note(id, { found: [] })
    // A person knows of those that share its key.
    const asked = wanted.filter(({ apart, intent }) => !apart || intent)
    if (asked.length === 0) return
    const away = await this.#attempt(asked, async some => {
      for (const [id, found] of await counterpartOf(this.#context, side, some, this.#options)) this.#note(id, { found })
    })
    if (away) this.#fail(asked, away)
  }
}
