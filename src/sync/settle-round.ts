import groupBy from 'lodash/groupBy.js'
import isEqual from 'lodash/isEqual.js'
import type { SideName } from '../config/config.ts'
import { asSyncError, SyncError } from '../errors.ts'
import { adopterOf, expectRecord, isAsMade } from './adopt.ts'
import { planContext, type SyncContext } from './context.ts'
import { counterpartOf, type Found } from './counterpart.ts'
import type { GuardedKind } from './guard.ts'
import { type IntendedWrite, type Intent, isAlive, type Link, other, SIDES, type Side } from './link.ts'
import type { LinkTransaction } from './link-store.ts'
import { match } from './match.ts'
import { nativeWrite } from './native-write.ts'
import { observe, observeAnswer } from './observe.ts'
import { answerOf } from './outcome.ts'
import type { PeerOptions, PeerOutcome, PeerRecord, PeerWrite } from './peer.ts'
import { type Due, settle } from './plan.ts'

/** How long a write may take before others look what became of it. */
export const LEASE_MS = 120_000
/** No call starts when less than this is left of the lease. */
const MARGIN_MS = 45_000
/** A side that told or confirmed its state within this time is not read again before it is written. */
const CONFIRM_MS = 10_000
const BULK_CONFIRM_MS = 300_000
/** Links of one commit. */
const COMMIT = 200

export interface RoundOptions {
  readonly signal: AbortSignal
  readonly priority: PeerOptions['priority']
  /** Both sides have just been read completely: less is read again. */
  readonly bulk: boolean
}

/** What became of each link of a round. */
export interface RoundResult {
  readonly settled: Set<string>
  /** To be looked at again at once: there is more to do. */
  readonly again: Set<string>
  /** Try later: a call failed, or another instance is writing. */
  readonly later: Map<string, SyncError | undefined>
  /** Held back by the guard. */
  readonly guarded: Map<string, GuardedKind>
  /** No link will fare better. */
  fatal?: SyncError
}

interface Reading {
  readonly left?: PeerRecord | 'none'
  readonly right?: PeerRecord | 'none'
  readonly found?: Found
  /** When the reading began, and the intent that it is to explain. */
  readonly askedAt: number
  readonly intent?: Intent
}

type Readings = Map<string, Reading>

/**
 * Brings a set of links to rest: reads what is unclear, stores what it is about to write, writes, stores the answers.
 * Every phase is one commit and as few calls as the sides' batches allow.
 */
export class SettleRound {
  readonly #context: SyncContext
  readonly #options: RoundOptions
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
    this.#options = options
    this.#token = token
  }

  async run(ids: readonly string[]): Promise<RoundResult> {
    const links = (await this.#context.store.load(ids)).filter(link => link !== undefined)
    const free = links.filter(link => this.#isFree(link))
    let readings: Readings
    try {
      readings = await this.#read(free)
    } catch (thrown) {
      this.#failAll(free, asSyncError(thrown))
      return this.#result
    }
    const intended: Link[] = []
    for (let from = 0; from < free.length; from += COMMIT) {
      intended.push(...(await this.#intend(free.slice(from, from + COMMIT), readings)))
    }
    if (intended.length > 0) await this.#write(intended)
    return this.#result
  }

  #isFree(link: Link): boolean {
    if (!link.intent || link.intent.until <= this.#context.env.clock.now()) return true
    this.#result.later.set(link.id, undefined)
    return false
  }

  #failAll(links: readonly Link[], error: SyncError): void {
    if (error.kind === 'fatal') this.#result.fatal = error
    for (const link of links) this.#result.later.set(link.id, error)
  }

  get #peerOptions(): PeerOptions {
    return { signal: this.#options.signal, priority: this.#options.priority }
  }

  // --- reading

  /** What has to be known before anything is written: unclear records, outcomes, stale views, counterparts. */
  async #read(links: readonly Link[]): Promise<Readings> {
    const askedAt = this.#context.env.clock.now()
    const readings: Readings = new Map(links.map(({ id, intent }) => [id, { askedAt, ...(intent && { intent }) }]))
    for (const side of SIDES) await this.#readSide(side, links, readings)
    for (const side of SIDES) await this.#findCounterparts(side, links, readings)
    return readings
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
        this.#peerOptions,
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
    const write = this.#preview(link)[side]
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

  #preview(link: Link): Due {
    const { mapping, config } = this.#context
    return settle(structuredClone(link), mapping, config, planContext(this.#context))
  }

  /** P3: a record is created only where none has its key. */
  async #findCounterparts(side: SideName, links: readonly Link[], readings: Readings): Promise<void> {
    const wanted = links.filter(link => {
      if (link.intent?.[side]?.op === 'create') return !this.#context.peers[side].choosesId
      return !this.#knowsAll() && this.#preview(link)[side]?.op === 'create'
    })
    // A person knows of those that share its key.
    const asked = wanted.filter(({ apart, intent }) => !apart || intent)
    const found = asked.length > 0 ? await counterpartOf(this.#context, side, asked, this.#peerOptions) : NOBODY
    for (const link of wanted) readings.set(link.id, { ...readings.get(link.id)!, found: found.get(link.id) ?? [] })
  }

  // --- intending

  /** P3: what is about to be written is durable before the call; whoever comes after us finds it. */
  #intend(links: readonly Link[], readings: Readings): Promise<Link[]> {
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
        await this.#takeReadings(transaction, link, reading)
        const pair = await this.#matched(transaction, link, reading, now)
        if (pair !== link) {
          await transaction.put(pair ?? link, { due: true })
          if (pair) this.#result.again.add(pair.id)
          else this.#result.later.set(id, undefined)
          continue
        }
        const { mapping, config } = this.#context
        const due = settle(link, mapping, config, planContext(this.#context))
        const isReady = this.#isReady(link, due, reading)
        const isDue = Object.keys(due).length > 0
        // What a person decided about this very pair needs no second word.
        const blocked = isReady && !link.decided ? blockedBy(due, open) : undefined
        if (isReady && isDue && !blocked) {
          link.intent = { owner: this.#token, until: now + LEASE_MS, ...due }
          intended.push(link)
          await this.#noteCreates(transaction, link, due)
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

  async #takeReadings(transaction: LinkTransaction, link: Link, reading: Reading): Promise<void> {
    const { intent } = link
    delete link.intent
    for (const side of SIDES) {
      const record = reading[side]
      const intended = intent?.[side]
      if (intended?.op === 'create') await this.#noteCreated(transaction, link.id, side)
      if (record === undefined) continue
      if (record === 'none') missing(link, side, intended, this.#context)
      else this.#takeRecord(link, side, record, intended, reading.askedAt)
    }
    if (reading.found) await this.#takeFound(transaction, link, reading.found, intent)
    for (const side of SIDES) {
      const intended = intent?.[side]
      if (intended?.op === 'create') await expectRecord(this.#context, transaction, link, side, intended)
    }
  }

  #takeRecord(
    link: Link,
    side: SideName,
    record: PeerRecord,
    intended: IntendedWrite | undefined,
    askedAt: number,
  ): void {
    const { peers, mapping, env } = this.#context
    const base = { side, offsetMs: peers[side].clockOffsetMs(), now: env.clock.now(), askedAt }
    if (intended && intended.op !== 'delete') {
      // A record under an id of ours was made by us, whole: what it shows otherwise was changed since.
      const landed = intended.op === 'create' ? 'sure' : 'unknown'
      observeAnswer(link, { ...base, record, landed, intended }, mapping)
      if (!record.deleted) return
    }
    const kind = record.deleted ? ('deleted' as const) : ('present' as const)
    observe(link, { ...base, source: 'read', change: { kind, record } }, mapping)
  }

  /** Records of the target side that have the key of one that was to be created there. */
  async #takeFound(transaction: LinkTransaction, link: Link, found: Found, intent: Intent | undefined): Promise<void> {
    const { mapping, peers, env } = this.#context
    // P3: of several with its key, the one with all that it was made with is ours.
    const made = found.filter(({ side, record }) => {
      const intended = intent?.[side]
      return intended && !record.deleted && isAsMade(mapping, side, record.data, intended.values)
    })
    const [first, ...more] = made.length === 1 ? made : found
    if (!first || link[first.side]) return
    const { side, record, key } = first
    const now = env.clock.now()
    const holder = await transaction.linkOf(side, record.id)
    const isTaken =
      holder !== undefined && holder.id !== link.id && (holder[other(side)] !== undefined || holder.intent)
    if (more.length > 0 || record.deleted || isTaken) {
      link.hold = { kind: 'ambiguous', key, since: now, ...(record.deleted && { deleted: true }) }
      return
    }
    const base = { side, offsetMs: peers[side].clockOffsetMs(), now }
    if (holder && holder.id !== link.id) await transaction.drop(holder)
    if (intent?.[side]) {
      const landed = made.length === 1 ? 'sure' : 'unknown'
      observeAnswer(link, { ...base, record, landed, intended: intent[side] }, mapping)
    } else {
      observe(link, { ...base, source: 'read', change: { kind: 'present', record } }, mapping)
    }
  }

  /** False while something would be written that has not been read as it has to be. */
  #isReady(link: Link, due: Due, reading: Reading): boolean {
    if (link.left?.unclear || link.right?.unclear) return false
    return SIDES.every(side => {
      const write = due[side]
      if (!write) return true
      if (write.op === 'create') return this.#knowsAll() || reading.found !== undefined
      return reading[side] !== undefined || !this.#isStale(side, link[side]!)
    })
  }

  async #noteCreates(transaction: LinkTransaction, link: Link, due: Due): Promise<void> {
    const { keys, peers } = this.#context
    for (const side of SIDES) {
      if (due[side]?.op !== 'create') continue
      if (peers[side].choosesId) {
        // The echo may be faster than the answer: it must find its link.
        const key = keys.record(side, due[side].id)
        await transaction.prefetch([key])
        transaction.set(key, link.id)
        continue
      }
      const links = ((await transaction.value(keys.creating(side))) as string[] | undefined) ?? []
      transaction.set(keys.creating(side), [...new Set([...links, link.id])])
    }
  }

  async #noteCreated(transaction: LinkTransaction, id: string, side: SideName): Promise<void> {
    const { keys, peers } = this.#context
    if (peers[side].choosesId) return
    const links = ((await transaction.value(keys.creating(side))) as string[] | undefined) ?? []
    const rest = links.filter(link => link !== id)
    transaction.set(keys.creating(side), rest.length === 0 ? undefined : rest)
  }

  // --- writing

  async #write(links: readonly Link[]): Promise<void> {
    const calls = SIDES.flatMap(side => this.#callsOf(side, links))
    await Promise.all(calls.map(call => this.#call(call)))
  }

  #callsOf(side: SideName, links: readonly Link[]): Call[] {
    const { batch } = this.#context.peers[side]
    const byOp = groupBy(
      links.filter(link => link.intent?.[side]),
      link => link.intent![side]!.op,
    )
    return Object.entries(byOp).flatMap(([op, some]) => {
      const most = op === 'delete' ? batch.delete : batch.write
      return Array.from({ length: Math.ceil(some.length / most) }, (_, at) => ({
        side,
        links: some.slice(at * most, (at + 1) * most),
      }))
    })
  }

  async #call({ side, links }: Call): Promise<void> {
    const outcomes = await this.#outcomes(side, links)
    const fatal = outcomes.find(outcome => outcome.status === 'failed' && outcome.error.kind === 'fatal')
    if (fatal?.status === 'failed') this.#result.fatal = fatal.error
    await this.#store(side, links, outcomes)
  }

  async #outcomes(side: SideName, links: readonly Link[]): Promise<PeerOutcome[]> {
    const writes: (PeerWrite | SyncError)[] = links.map(link => nativeWrite(this.#context, link, side))
    const sendable = writes.filter((write): write is PeerWrite => !(write instanceof SyncError))
    let answers: PeerOutcome[] = []
    try {
      // A process that was paused must not write what others may have taken over.
      const left = Math.min(...links.map(link => link.intent!.until)) - this.#context.env.clock.now()
      if (left < MARGIN_MS) throw new SyncError('retryable', 'LEASE_LAPSED', 'the write waited for too long')
      this.#options.signal.throwIfAborted()
      answers = sendable.length === 0 ? [] : await this.#context.peers[side].write(sendable, this.#peerOptions)
    } catch (thrown) {
      const error = asSyncError(thrown)
      answers = sendable.map(() => ({ status: 'failed', error }))
    }
    let at = 0
    return writes.map(write => (write instanceof SyncError ? { status: 'failed', error: write } : answers[at++]!))
  }

  #store(side: SideName, links: readonly Link[], outcomes: readonly PeerOutcome[]): Promise<void> {
    const { store, mapping, config } = this.#context
    return store.transact(async transaction => {
      await transaction.prefetchLinks(links.map(link => link.id))
      for (const [place, { id }] of links.entries()) {
        const link = await transaction.link(id)
        // The fence: what was taken over meanwhile is no longer ours to store.
        if (link?.intent?.owner !== this.#token || !link.intent[side]) continue
        const intended = link.intent[side]
        const answer = await answerOf(this.#context, transaction, link, side, intended, outcomes[place]!)
        if (answer.isOpen) link.intent = withOpen(link.intent, side)
        else {
          link.intent = without(link.intent, side)
          if (!link.intent) delete link.intent
          if (intended.op === 'create') await this.#noteCreated(transaction, id, side)
        }
        const due = link.intent ? {} : settle(link, mapping, config, planContext(this.#context))
        const unfinished = link.intent !== undefined || Object.keys(due).length > 0
        await transaction.put(link, { due: unfinished || isUnclear(link) || !planContext(this.#context).matched })
        this.#judge(id, answer.error, unfinished || isUnclear(link))
      }
    })
  }

  #judge(id: string, error: SyncError | undefined, unfinished: boolean): void {
    const { settled, again, later } = this.#result
    if (error && unfinished) later.set(id, error)
    else if (unfinished) again.add(id)
    else settled.add(id)
  }
}

const NOBODY: ReadonlyMap<string, Found> = new Map()

interface Call {
  readonly side: SideName
  readonly links: readonly Link[]
}

function isUnclear(link: Link): boolean {
  return link.left?.unclear === true || link.right?.unclear === true
}

const KIND = { create: 'creates', update: 'updates', restore: 'creates', delete: 'deletes' } as const

function blockedBy(due: Due, guard: { take(kind: GuardedKind): boolean }): GuardedKind | undefined {
  return SIDES.flatMap(side => (due[side] ? [KIND[due[side].op]] : [])).find(kind => !guard.take(kind))
}

/** P7: not found is no proof of a deletion, and never a reason to create the record again. */
function missing(link: Link, side: SideName, intended: IntendedWrite | undefined, { env }: SyncContext): void {
  const seen = link[side]
  if (!seen) return
  const now = env.clock.now()
  delete seen.unclear
  delete seen.unclearSince
  if (seen.deleted) return
  // P7: a delete is done when the side says so to the delete itself.
  if (intended?.op === 'delete') return
  seen.missing = true
  link.hold ??= { kind: 'missing', side, since: now }
}

/** Nobody knows what became of it: whoever comes next looks first, once no other call of the intent is under way. */
function withOpen(intent: Intent, side: SideName): Intent {
  const next = { ...intent, [side]: { ...intent[side]!, open: true } }
  const isOver = SIDES.every(each => next[each] === undefined || next[each].open)
  return isOver ? { ...next, until: 0 } : next
}

function without(intent: Intent, side: SideName): Intent | undefined {
  const rest = intent[other(side)]
  if (!rest) return undefined
  const { owner, until } = intent
  return side === 'left'
    ? { owner, until: rest.open ? 0 : until, right: rest }
    : { owner, until: rest.open ? 0 : until, left: rest }
}
