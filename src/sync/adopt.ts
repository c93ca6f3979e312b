import type { SideName } from '../config/config.ts'
import type { SyncContext } from './context.ts'
import { type Link, other } from './link.ts'
import type { LinkTransaction } from './link-store.ts'
import type { FieldMap } from './mapping.ts'
import { join } from './match.ts'
import { isRewritten } from './observe.ts'

/** P3: a create without an answer, on a side that chooses the ids, of a record without a key: nothing tells whether it is there. */
export async function holdIfUnknown(
  { keys, peers, env }: SyncContext,
  transaction: LinkTransaction,
  link: Link,
  side: SideName,
): Promise<void> {
  if (peers[side].choosesId || link[side] || link.hold || (link[other(side)]?.keys.length ?? 0) > 0) return
  link.hold = { kind: 'unknown', side, since: env.clock.now() }
  const waiting = await waitingOn(transaction, keys.unknown(side))
  transaction.set(keys.unknown(side), [...new Set([...waiting, link.id])])
}

/**
 * A record without a key shows up. Where it has all the values with which one was made whose answer was lost, it is that
 * one. @returns the link that it belongs to, joined.
 */
export async function adopterOf(
  context: SyncContext,
  transaction: LinkTransaction,
  single: Link,
  side: SideName,
): Promise<Link | undefined> {
  const { keys, mapping } = context
  if (single.hold || single.ended || single.intent || single.apart || single[side]!.keys.length > 0) return undefined
  const waiting = await waitingOn(transaction, keys.unknown(side))
  for (const id of waiting) {
    const link = await transaction.link(id)
    const isOpen = link?.hold?.kind === 'unknown' && link.hold.side === side && !link[side] && !link.intent
    if (!isOpen || !mapping.fields.every(map => isAsMade(map, link, single, side))) continue
    delete link.hold
    const rest = waiting.filter(each => each !== id)
    transaction.set(keys.unknown(side), rest.length === 0 ? undefined : rest)
    return join(transaction, link, single, side)
  }
  return undefined
}

function isAsMade(map: FieldMap, link: Link, single: Link, side: SideName): boolean {
  const agreed = link.fields[map.name]?.agreed
  if (!agreed || agreed.value === null || !map.receives(side)) return true
  const shown = single.fields[map.name]?.[side].shown
  return map.same(shown ?? null, agreed.value) || isRewritten(shown, agreed.value)
}

async function waitingOn(transaction: LinkTransaction, key: string): Promise<string[]> {
  return ((await transaction.value(key)) as string[] | undefined) ?? []
}
