import type { SideName } from '../config/config.ts'
import { type Link, other } from './link.ts'
import type { LinkTransaction } from './link-transaction.ts'

export interface MatchContext {
  readonly now: number
  /** Both sides are known completely; before that nobody can say that a key is unique. */
  readonly matched: boolean
}

/**
 * Finds the counterpart of a record that has none, by its keys in their order. Unique ones only: where several records
 * share a key, a person has to say which are a pair.
 * @returns the link that holds the pair now: this one, or the one that it joined; undefined while the counterpart is being
 * written to: the answer may name this very record.
 */
export async function match(
  transaction: LinkTransaction,
  link: Link,
  side: SideName,
  { now, matched }: MatchContext,
): Promise<Link | undefined> {
  if (!matched || link.apart || link.ended || link[other(side)] || (link.hold && link.hold.kind !== 'ambiguous'))
    return link
  if (link.hold) delete link.hold
  for (const key of link[side]!.keys) {
    const holders = await transaction.holders(key)
    const own = holders[side].filter(id => id !== link.id)
    const others = holders[other(side)]
    if (own.length > 0 || others.length > 1) {
      link.hold = { kind: 'ambiguous', key, since: now }
      await holdSingles(transaction, [...own, ...others], key, now)
      return link
    }
    const [candidate] = others
    if (candidate === undefined) continue
    const counterpart = (await transaction.link(candidate))!
    if (counterpart.intent) return undefined
    if (counterpart[side]) {
      // The other side's record belongs to one that has a different key by now.
      link.hold = { kind: 'ambiguous', key, since: now }
      return link
    }
    return join(transaction, counterpart, link, side)
  }
  return link
}

/** Of records that share a key, those that have no counterpart yet wait as well. */
async function holdSingles(
  transaction: LinkTransaction,
  ids: readonly string[],
  key: string,
  now: number,
): Promise<void> {
  for (const id of ids) {
    const link = await transaction.link(id)
    if (!link || link.ended || link.hold || (link.left && link.right) || link.intent) continue
    link.hold = { kind: 'ambiguous', key, since: now }
    await transaction.put(link, { due: false })
  }
}

/** The record that `single` holds becomes the counterpart in `link`; its statements come along. */
export async function join(transaction: LinkTransaction, link: Link, single: Link, side: SideName): Promise<Link> {
  link[side] = single[side]!
  for (const [name, field] of Object.entries(single.fields)) {
    link.fields[name] ??= { left: {}, right: {} }
    const said = field[side].said ?? asStatement(field, side, single)
    link.fields[name][side] = { ...field[side], ...(said && { said: { ...said, unaware: true } }) }
    delete link.fields[name][side].accepted
    // Empty and never compared: nobody's wish to clear the other side's.
    if (link.fields[name].agreed?.value === null) delete link.fields[name].agreed
  }
  if (link.hold?.kind === 'ambiguous') delete link.hold
  await transaction.drop(single)
  return link
}

/** What was settled while the record was alone is open again towards its counterpart. */
function asStatement(field: Link['fields'][string], side: SideName, link: Link) {
  const { agreed } = field
  if (!agreed || agreed.from !== side || agreed.value === null) return undefined
  return { value: agreed.value, at: agreed.at, version: link[side]!.version, unaware: true }
}
