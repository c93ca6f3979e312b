import isEqual from 'lodash/isEqual.js'
import { adopterOf } from './adopt.ts'
import { planContext, type SyncContext } from './context.ts'
import { noteCreates } from './creating.ts'
import { guardedKinds } from './guard.ts'
import { isAlive, isUnclear, type Link, other, SIDES } from './link.ts'
import type { LinkTransaction } from './link-transaction.ts'
import { match } from './match.ts'
import { settle } from './plan.ts'
import { Reader, type Reading, type Readings } from './readings.ts'
import type { RoundOptions, RoundResult } from './round.ts'
import { takeReading } from './take-reading.ts'
import { IntentWriter } from './write-intended.ts'

/** How long a write may take before others look what became of it. */
const LEASE_MS = 120_000
/** Links of one commit. */
const COMMIT = 200

/**
 * Brings a set of links to rest: reads what is unclear, stores what it is about to write, writes, stores the answers.
 * Every phase is one commit and as few calls as the sides' batches allow.
 */
export class SettleRound {
  readonly #context: SyncContext
  readonly #reader: Reader
  readonly #writer: IntentWriter
  readonly #token: string
  readonly #result: RoundResult = {
    settled: new Set(),
    again: new Set(),
    later: new Map(),
    guarded: new Map(),
  }

  /** @param token tells this round's intents from those of any other round, of this process or another. */
  constructor(context: SyncContext, options: RoundOptions, token: string) {
    this.#context = context
    this.#token = token
    this.#reader = new Reader(context, options)
    this.#writer = new IntentWriter({ context, round: options, token, result: this.#result })
  }

  async run(ids: readonly string[]): Promise<RoundResult> {
    const links = (await this.#context.store.load(ids)).filter(link => link !== undefined)
    const free = await this.#allowed(links.filter(link => this.#isFree(link)))
    const readings = await this.#reader.read(free)
    for (const [id, error] of readings.failed) this.#result.later.set(id, error)
    const read = free.filter(({ id }) => !readings.failed.has(id))
    const intended: Link[] = []
    for (let from = 0; from < read.length; from += COMMIT) {
      intended.push(...(await this.#intend(read.slice(from, from + COMMIT), readings.of)))
    }
    if (intended.length > 0) await this.#writer.write(intended)
    return this.#result
  }

  #isFree(link: Link): boolean {
    if (!link.intent || link.intent.until <= this.#context.env.clock.now()) return true
    this.#result.later.set(link.id, undefined)
    return false
  }

  /** P8: what may not be written now is not read for it either: it comes again and again while it waits for a person. */
  #allowed(links: readonly Link[]): Promise<Link[]> {
    const { store, env, guard } = this.#context
    return store.transact(async transaction => {
      const open = await guard.preview(transaction, env.clock.now())
      return links.filter(link => {
        if (link.intent || link.decided || isUnclear(link)) return true
        const blocked = open.take(guardedKinds(this.#reader.preview(link)))
        if (blocked) this.#result.guarded.set(link.id, blocked)
        return !blocked
      })
    })
  }

  /** P3: what is about to be written is durable before the call; whoever comes after us finds it. */
  #intend(links: readonly Link[], readings: Readings['of']): Promise<Link[]> {
    const { store, env, guard } = this.#context
    return store.transact(async transaction => {
      const now = env.clock.now()
      await transaction.prefetchLinks(links.map(link => link.id))
      this.#forget(links)
      const open = await guard.open(transaction, now)
      const intended: Link[] = []
      for (const { id } of links) {
        const link = await transaction.link(id)
        if (!link) continue
        if (link.intent && link.intent.until > now) {
          this.#result.later.set(id, undefined)
          continue
        }
        const reading = readings.get(id)!
        if (link.intent && !isEqual(link.intent, reading.intent)) {
          // P3: what was read before somebody else's write says nothing about it.
          await transaction.put(link, { due: true })
          this.#result.again.add(id)
          continue
        }
        await takeReading(this.#context, transaction, link, reading)
        const pair = await this.#matched(transaction, link, reading, now)
        if (pair !== link) {
          await transaction.put(pair ?? link, { due: true })
          if (pair) this.#result.again.add(pair.id)
          else this.#result.later.set(id, undefined)
          continue
        }
        const { mapping, config } = this.#context
        const due = settle(link, mapping, config, planContext(this.#context))
        const isReady = this.#reader.isReady(link, due, reading)
        const isDue = Object.keys(due).length > 0
        // What a person decided about this very pair needs no second word.
        const blocked = isReady && !link.decided ? open.take(guardedKinds(due)) : undefined
        if (isReady && isDue && !blocked) {
          link.intent = { owner: this.#token, until: now + LEASE_MS, ...due }
          intended.push(link)
          await noteCreates(this.#context, transaction, link, due)
        }
        await transaction.put(link, { due: isDue || !isReady || !planContext(this.#context).matched })
        if (blocked) this.#result.guarded.set(id, blocked)
        else if (!isReady) this.#result.again.add(id)
        else if (!isDue) this.#result.settled.add(id)
      }
      return intended
    })
  }

  /** The transaction may run more than once. */
  #forget(links: readonly Link[]): void {
    const { settled, again, later, guarded } = this.#result
    for (const { id } of links) {
      settled.delete(id)
      again.delete(id)
      later.delete(id)
      guarded.delete(id)
    }
  }

  /** What was read may have brought the key by which a record has its counterpart. */
  async #matched(transaction: LinkTransaction, link: Link, reading: Reading, now: number): Promise<Link | undefined> {
    const side = SIDES.find(each => isAlive(link[each]) && !link[other(each)])
    if (!side || link.apart || link[side]!.unclear) return link
    // P3: several were found, of which not all have links: these alone would make it look unique.
    if (link.hold?.kind === 'ambiguous' && reading.found && reading.found.length > 0) return link
    const adopter = await adopterOf(this.#context, transaction, link, side)
    if (adopter) return adopter
    return match(transaction, link, side, { now, matched: this.#context.matchedAt() !== undefined })
  }
}
