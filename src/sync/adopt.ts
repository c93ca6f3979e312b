import type { SideName } from '../config/config.ts'
import type { SyncContext } from './context.ts'
import { type IntendedWrite, type Link, other } from './link.ts'
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
  intended: IntendedWrite,
): Promise<void> {
  if (peers[side].choosesId || link[side] || (link[other(side)]?.keys.length ?? 0) > 0) return
  link.hold = { kind: 'unknown', side, since: env.clock.now() }
  const waiting = await waitingOn(transaction, keys.unknown(side))
  transaction.set(keys.unknown(side), { ...waiting, [link.id]: intended.values })
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
  for (const [id, values] of Object.entries(waiting)) {
    const link = await transaction.link(id)
    // P7: where the source was deleted meanwhile, so has to be what was made of it, or it would come back as a new record.
    const isOpen = link && !link[side] && !link.intent && (link.ended || link.hold?.kind === 'unknown')
    if (!isOpen || !mapping.fields.every(map => isAsMade(map, values, single, side))) continue
    delete link.hold
    delete link.ended
    const { [id]: _, ...rest } = waiting
    transaction.set(keys.unknown(side), Object.keys(rest).length === 0 ? undefined : rest)
    return join(transaction, link, single, side)
  }
  return undefined
}

function isAsMade(map: FieldMap, values: Values, single: Link, side: SideName): boolean {
  if (!(map.name in values)) return true
  const shown = single.fields[map.name]?.[side].shown
  return map.same(shown ?? null, values[map.name]) || isRewritten(shown, values[map.name])
}

/** Canonical values by field. */
type Values = IntendedWrite['values']

async function waitingOn(transaction: LinkTransaction, key: string): Promise<Record<string, Values>> {
  return ((await transaction.value(key)) as Record<string, Values> | undefined) ?? {}
}
