import type { SideName } from '../config/config.ts'
import { SyncError } from '../errors.ts'
import type { SyncContext } from './context.ts'
import { Judgement } from './judgement.ts'
import { SIDES } from './link.ts'
import type { PeerOptions, PeerRecord } from './peer.ts'

/** What a person decides about one pair. */
export type Decision =
  /** The value of that side stands: for the contested fields, or for those named, contested or decided before. */
  | { readonly kind: 'take'; readonly side: SideName; readonly fields?: readonly string[] }
  /** The other record of a deleted one goes too. */
  | { readonly kind: 'delete' }
  /** A deleted or missing record comes back: out of the trash, else as a new one. */
  | { readonly kind: 'recreate' }
  /** The two have nothing to do with each other any more; neither is touched. */
  | { readonly kind: 'unlink' }
  /** Takes `unlink` back. */
  | { readonly kind: 'relink' }
  /** This record of the other side is the counterpart. */
  | { readonly kind: 'pair'; readonly record: string }
  /** None of those with the same key is the counterpart. */
  | { readonly kind: 'apart' }
  /** What was refused, or not found, is tried again. */
  | { readonly kind: 'retry' }

export interface Decided {
  /** The pair that it is about now. */
  readonly link: string
  /** What follows, for people. */
  readonly does: string
  /** Arguments of `conflicts resolve` that take it back, where anything does. */
  readonly undo?: string
}

/** Waits so long for a write that is under way. */
const BUSY_MS = 10_000
const LOOK_EVERY_MS = 200

/**
 * Stores a person's decision. Durable when resolved; whoever runs the sync then acts on the link.
 * @throws SyncError rejected `NOT_DECIDABLE`, `NO_SUCH_FIELD`, `NO_SUCH_RECORD`, `ALREADY_PAIRED`; retryable `LINK_BUSY`.
 */
export async function decide(
  context: SyncContext,
  linkId: string,
  decision: Decision,
  { by, signal }: { readonly by: string; readonly signal: AbortSignal },
): Promise<Decided> {
  const { clock } = context.env
  const record = await readFor(context, linkId, decision, { signal, priority: 'live' })
  for (const until = clock.now() + BUSY_MS; ; ) {
    const decided = await context.store.transact(async transaction => {
      const link = await transaction.link(linkId)
      if (!link)
        throw new SyncError('rejected', 'NO_SUCH_LINK', `the pair ${linkId} is gone; it became part of another`)
      if (link.intent) return undefined
      return new Judgement(context, transaction, link, by, record).take(decision)
    })
    if (decided) return decided
    if (clock.now() >= until) {
      const message = `a write to the pair ${linkId} was begun and its outcome is not known yet; the daemon looks what became of it, then give the command again`
      throw new SyncError('retryable', 'LINK_BUSY', message)
    }
    await clock.sleep(LOOK_EVERY_MS, signal)
  }
}

/** What the other system has to be asked before anything is decided. */
async function readFor(
  { store, peers }: SyncContext,
  linkId: string,
  decision: Decision,
  options: PeerOptions,
): Promise<PeerRecord | undefined> {
  const [link] = await store.load([linkId])
  if (!link) return undefined
  if (decision.kind === 'pair') {
    const side = SIDES.find(each => !link[each])
    return side && (await peers[side].get([decision.record], options))[0]
  }
  if (decision.kind !== 'recreate' || link.hold?.kind !== 'delete') return undefined
  const { side } = link.hold
  return peers[side].restores ? (await peers[side].get([link[side]!.id], options))[0] : undefined
}
