import groupBy from 'lodash/groupBy.js'
import type { SideName } from '../config/config.ts'
import { asSyncError, SyncError } from '../errors.ts'
import { planContext, type SyncContext } from './context.ts'
import { noteCreated } from './creating.ts'
import { guardedKinds } from './guard.ts'
import { type Intent, isUnclear, type Link, other, SIDES } from './link.ts'
import { nativeWrite } from './native-write.ts'
import { answerOf } from './outcome.ts'
import type { PeerOutcome, PeerWrite } from './peer.ts'
import { settle } from './plan.ts'
import type { RoundOptions, RoundResult } from './round.ts'

/** No call starts when less than this is left of the lease. */
const MARGIN_MS = 45_000

interface Call {
  readonly side: SideName
  readonly links: readonly Link[]
}

export interface WriterOptions {
  readonly context: SyncContext
  readonly round: RoundOptions
  /** Of the intents that are ours. */
  readonly token: string
  readonly result: RoundResult
}

/** Does what links intend, in calls as full as the sides' batches allow, and stores the answers. */
export class IntentWriter {
  readonly #options: WriterOptions

  constructor(options: WriterOptions) {
    this.#options = options
  }

  async write(links: readonly Link[]): Promise<void> {
    const calls = SIDES.flatMap(side => this.#callsOf(side, links))
    const lease = this.#lease(links)
    try {
      await Promise.all(calls.map(call => this.#call(call, lease.signal)))
    } finally {
      lease.end()
    }
  }

  /**
   * P3: aborted by a stop, and once others may take over before a call would be over: what waits for its turn within the
   * peer, or slept through its time, is not sent any more.
   */
  #lease(links: readonly Link[]): { readonly signal: AbortSignal; end(): void } {
    const { context, round } = this.#options
    const { clock } = context.env
    const lapsed = new AbortController()
    const lapse = () =>
      lapsed.abort(new SyncError('retryable', 'LEASE_LAPSED', 'the write waited for too long; it is planned again'))
    const leftMs = Math.min(...links.map(link => link.intent!.until)) - MARGIN_MS - clock.now()
    if (leftMs <= 0) lapse()
    const end = clock.after(leftMs, lapse, { background: true })
    return { signal: AbortSignal.any([round.signal, lapsed.signal]), end }
  }

  #callsOf(side: SideName, links: readonly Link[]): Call[] {
    const { batch } = this.#options.context.peers[side]
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

  async #call({ side, links }: Call, signal: AbortSignal): Promise<void> {
    const outcomes = await this.#outcomes(side, links, signal)
    const fatal = outcomes.find(outcome => outcome.status === 'failed' && outcome.error.kind === 'fatal')
    if (fatal?.status === 'failed') this.#options.result.fatal = fatal.error
    await this.#store(side, links, outcomes)
  }

  async #outcomes(side: SideName, links: readonly Link[], signal: AbortSignal): Promise<PeerOutcome[]> {
    const { context, round } = this.#options
    const writes: (PeerWrite | SyncError)[] = links.map(link => nativeWrite(context, link, side))
    const sendable = writes.filter((write): write is PeerWrite => !(write instanceof SyncError))
    let answers: PeerOutcome[] = []
    try {
      signal.throwIfAborted()
      answers = sendable.length === 0 ? [] : await context.peers[side].write(sendable, { ...round, signal })
    } catch (thrown) {
      const error = asSyncError(thrown)
      answers = sendable.map(() => ({ status: 'failed', error }))
    }
    let at = 0
    return writes.map(write => (write instanceof SyncError ? { status: 'failed', error: write } : answers[at++]!))
  }

  #store(side: SideName, links: readonly Link[], outcomes: readonly PeerOutcome[]): Promise<void> {
    const { context, token } = this.#options
    const { store, mapping, config, guard, env } = context
    return store.transact(async transaction => {
      await transaction.prefetchLinks(links.map(link => link.id))
      for (const [place, { id }] of links.entries()) {
        const link = await transaction.link(id)
        // The fence: what was taken over meanwhile is no longer ours to store.
        if (link?.intent?.owner !== token || !link.intent[side]) continue
        const intended = link.intent[side]
        // What a person decided was not counted.
        if (isUnwritten(outcomes[place]!) && !link.decided) {
          const open = await guard.open(transaction, env.clock.now())
          for (const kind of guardedKinds({ [side]: intended })) open.giveBack(kind)
        }
        const answer = await answerOf(context, transaction, link, side, intended, outcomes[place]!)
        if (answer.isOpen) link.intent = withOpen(link.intent, side)
        else {
          link.intent = without(link.intent, side)
          if (!link.intent) delete link.intent
          if (intended.op === 'create') await noteCreated(context, transaction, id, side)
        }
        const due = link.intent ? {} : settle(link, mapping, config, planContext(context))
        const unfinished = link.intent !== undefined || Object.keys(due).length > 0
        await transaction.put(link, { due: unfinished || isUnclear(link) || !planContext(context).matched })
        this.#judge(id, answer.error, unfinished || isUnclear(link))
      }
    })
  }

  #judge(id: string, error: SyncError | undefined, unfinished: boolean): void {
    const { settled, again, later } = this.#options.result
    if (error && unfinished) later.set(id, error)
    else if (unfinished) again.add(id)
    else settled.add(id)
  }
}

/** P7: the limit counts writes, not tries: a system that is away uses none of it up. */
function isUnwritten(outcome: PeerOutcome): boolean {
  if (outcome.status === 'failed') return !outcome.error.outcomeUnknown
  return outcome.status !== 'written' && outcome.status !== 'deleted'
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
