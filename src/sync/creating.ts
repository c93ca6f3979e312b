import type { SideName } from '../config/config.ts'
import type { SyncContext } from './context.ts'
import { type Link, SIDES } from './link.ts'
import type { LinkTransaction } from './link-transaction.ts'
import type { Due } from './plan.ts'

/**
 * P3: creates that are under way. The echo of one may be faster than its answer: where the id is ours it finds its link by
 * that; where the side chooses it, a record without a link has to wait, since it may be the one.
 */
export async function noteCreates(
  { keys, peers }: SyncContext,
  transaction: LinkTransaction,
  link: Link,
  due: Due,
): Promise<void> {
  for (const side of SIDES) {
    if (due[side]?.op !== 'create') continue
    if (peers[side].choosesId) {
      const key = keys.record(side, due[side].id)
      await transaction.prefetch([key])
      transaction.set(key, link.id)
      continue
    }
    const links = await creatingOn(transaction, keys.creating(side))
    transaction.set(keys.creating(side), [...new Set([...links, link.id])])
  }
}

/** What became of it is known, or is about to be looked for. */
export async function noteCreated(
  { keys, peers }: SyncContext,
  transaction: LinkTransaction,
  id: string,
  side: SideName,
): Promise<void> {
  if (peers[side].choosesId) return
  const links = await creatingOn(transaction, keys.creating(side))
  const rest = links.filter(link => link !== id)
  transaction.set(keys.creating(side), rest.length === 0 ? undefined : rest)
}

/** A record of that side without a link may be one whose answer is still to come. */
export async function isCreating(
  { keys, peers }: SyncContext,
  transaction: LinkTransaction,
  side: SideName,
): Promise<boolean> {
  if (peers[side].choosesId) return false
  return (await creatingOn(transaction, keys.creating(side))).length > 0
}

async function creatingOn(transaction: LinkTransaction, key: string): Promise<readonly string[]> {
  return ((await transaction.value(key)) as string[] | undefined) ?? []
}
