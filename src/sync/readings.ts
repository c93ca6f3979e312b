import type { SideName } from '../config/config.ts'
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

export type Readings = Map<string, Reading>

/** Reads what has to be known before anything is written: unclear records, outcomes, stale views, counterparts. */
export class Reader {
  readonly #context: SyncContext
  readonly #options: RoundOptions
  readonly #previews = new Map<Link, Due>()

  constructor(context: SyncContext, options: RoundOptions) {
    this.#context = context
    this.#options = options
  }

  async read(links: readonly Link[]): Promise<Readings> {
    const askedAt = this.#context.env.clock.now()
    const readings: Readings = new Map(links.map(({ id, intent }) => [id, { askedAt, ...(intent && { intent }) }]))
    for (const side of SIDES) await this.#readSide(side, links, readings)
    for (const side of SIDES) await this.#findCounterparts(side, links, readings)
    return readings
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

  async #readSide(side: SideName, links: readonly Link[], readings: Readings): Promise<void> {
    const peer = this.#context.peers[side]
    const wanted = links.flatMap(link => {
      const id = this.#idToRead(link, side)
      return id === undefined ? [] : [{ link, id }]
    })
    for (let from = 0; from < wanted.length; from += peer.batch.read) {
      const chunk = wanted.slice(from, from + peer.batch.read)
      const records = await peer.get(
        chunk.map(({ id }) => id),
        this.#options,
      )
      chunk.forEach(({ link }, at) => {
        readings.set(link.id, { ...readings.get(link.id)!, [side]: records[at] ?? 'none' })
      })
    }
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
  async #findCounterparts(side: SideName, links: readonly Link[], readings: Readings): Promise<void> {
    const wanted = links.filter(link => {
      if (link.intent?.[side]?.op === 'create') return !this.#context.peers[side].choosesId
      return !this.#knowsAll() && this.preview(link)[side]?.op === 'create'
    })
    // A person knows of those that share its key.
    const asked = wanted.filter(({ apart, intent }) => !apart || intent)
    const found = asked.length > 0 ? await counterpartOf(this.#context, side, asked, this.#options) : NOBODY
    for (const link of wanted) readings.set(link.id, { ...readings.get(link.id)!, found: found.get(link.id) ?? [] })
  }
}

const NOBODY: ReadonlyMap<string, Found> = new Map()
