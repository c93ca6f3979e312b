import type { SideName } from '../config/config.ts'
import type { Fields } from '../event.ts'
import type { SyncContext } from './context.ts'
import { keysMadeWith } from './counterpart.ts'
import type { IntendedWrite, Link } from './link.ts'
import type { LinkTransaction } from './link-transaction.ts'
import type { Mapping } from './mapping.ts'
import { isRewritten } from './rewritten.ts'

/** Canonical values by field. */
type Values = IntendedWrite['values']

/**
 * P3: a create whose answer was lost, on a side that chooses the ids, and nothing was found. What it was made with is kept:
 * by that it is known when it shows up. Without a key nothing could be looked for, so it is not made again either.
 */
export async function expectRecord(
  { keys, peers, env, mapping }: SyncContext,
  transaction: LinkTransaction,
  link: Link,
  side: SideName,
  intended: IntendedWrite,
): Promise<void> {
  if (peers[side].choosesId || link[side]) return
  const expected = await expectedOn(transaction, keys.unknown(side))
  transaction.set(keys.unknown(side), { ...expected, [link.id]: intended.values })
  if (keysMadeWith(mapping, side, intended.values).length === 0)
    link.hold = { kind: 'unknown', side, since: env.clock.now() }
}

/**
 * A record without a counterpart shows up. Where it has all the values with which one was made whose answer was lost, it is
 * that one. @returns the link that it belongs to, with it.
 */
export async function adopterOf(
  { keys, mapping }: SyncContext,
  transaction: LinkTransaction,
  single: Link,
  side: SideName,
): Promise<Link | undefined> {
  if (single.ended || single.intent || single.apart || single[side]!.unclear) return undefined
  const expected = await expectedOn(transaction, keys.unknown(side))
  for (const [id, values] of Object.entries(expected)) {
    const link = await transaction.link(id)
    // P7: where the source was deleted meanwhile, so has to be what was made of it, or it would come back as a new record.
    if (!link || link[side] || link.intent || !isAsMade(mapping, side, single[side]!.native, values)) continue
    delete link.hold
    delete link.ended
    const { [id]: _, ...rest } = expected
    transaction.set(keys.unknown(side), Object.keys(rest).length === 0 ? undefined : rest)
    return adopt(transaction, link, single, side)
  }
  return undefined
}

/** All that the record was made with is there, or what the side makes of it, and nothing else. */
export function isAsMade(mapping: Mapping, side: SideName, data: Fields, values: Values): boolean {
  if (Object.keys(values).length === 0) return false
  return mapping.fields.every(map => {
    if (!map.receives(side)) return true
    const reading = map.read(side, data)
    if (!reading.known || 'problem' in reading) return false
    if (!(map.name in values)) return reading.value === null
    return map.same(reading.value, values[map.name]) || isRewritten(reading.value, values[map.name])
  })
}

/** What it shows is what we wrote, so nobody has said anything. */
async function adopt(transaction: LinkTransaction, link: Link, single: Link, side: SideName): Promise<Link> {
  link[side] = single[side]!
  for (const [name, field] of Object.entries(single.fields)) {
    link.fields[name] ??= { left: {}, right: {} }
    const { shown } = field[side]
    const isOwnForm = isRewritten(shown, link.fields[name].agreed?.value)
    link.fields[name][side] = {
      ...(shown !== undefined && { shown }),
      ...(isOwnForm && { accepted: { value: shown } }),
    }
  }
  await transaction.drop(single)
  return link
}

async function expectedOn(transaction: LinkTransaction, key: string): Promise<Record<string, Values>> {
  return ((await transaction.value(key)) as Record<string, Values> | undefined) ?? {}
}
