import type { SideName, SyncPolicy } from '../config/config.ts'
import { canonicalJson, shortHash } from '../identity.ts'
import { type Candidate, type Field, type Held, type Link, other, SIDES, type Statement } from './link.ts'
import type { FieldMap, Mapping } from './mapping.ts'

export interface MergeContext {
  /** By our clock. */
  readonly now: number
  /** Changes of two sides closer than this are simultaneous. */
  readonly toleranceMs: number
}

/** What contends: a value, who said so, and when. */
interface Contender extends Candidate {
  readonly side: SideName
  readonly event?: string
}

/** How many agreements the loop breaker looks back, and how quick a reaction is that no person makes. */
const KEEP_RECENT = 8
const REACTION_MS = 60_000
const OSCILLATION_MS = 3_600_000
const BURST_MS = 600_000
const BURST = 6

/** P5: turns statements into agreements, field by field. What a policy cannot decide is held; the other fields go on. */
export function merge(link: Link, mapping: Mapping, context: MergeContext): void {
  for (const map of mapping.fields) {
    const field = link.fields[map.name]
    if (!field || (!field.left.said && !field.right.said)) continue
    if (field.held) answer(link, field, map, context)
    else mergeField(link, field, map, context)
  }
}

function mergeField(link: Link, field: Field, map: FieldMap, context: MergeContext): void {
  const left = contender(field, 'left')
  const right = contender(field, 'right')
  const { direction } = map.config
  if (direction !== 'both') {
    oneWay(link, field, map, direction === 'to-right' ? left : right, context)
    return
  }
  if (left && right) {
    decide(link, field, map, left, right, context)
    return
  }
  const only = (left ?? right)!
  // What a side says later replaces what it said before, whatever it had been shown in between.
  const isOwn = field.agreed?.from === only.side && only.at >= field.agreed.at
  if (!field[only.side].said!.unaware || !field.agreed || isOwn) {
    agree(link, field, map, only, { rule: 'only change' }, context)
    return
  }
  const rival = { ...field.agreed, side: other(only.side) }
  if (only.side === 'left') decide(link, field, map, only, rival, context)
  else decide(link, field, map, rival, only, context)
}

function contender(field: Field, side: SideName): Contender | undefined {
  const { said } = field[side]
  return said && { side, value: said.value, at: said.at, ...extras(said) }
}

function extras({ by, event }: Pick<Statement, 'by' | 'event'>) {
  return { ...(by && { by }), ...(event && { event }) }
}

/** What the receiving side says does not count; it is written over. */
function oneWay(link: Link, field: Field, map: FieldMap, owner: Contender | undefined, context: MergeContext): void {
  if (owner) {
    agree(link, field, map, owner, { rule: map.config.direction }, context)
    return
  }
  delete field.left.said
  delete field.right.said
}

function decide(
  link: Link,
  field: Field,
  map: FieldMap,
  left: Contender,
  right: Contender,
  context: MergeContext,
): void {
  const newer = left.at >= right.at ? left : right
  if (map.same(left.value, right.value)) {
    agree(link, field, map, newer, { rule: 'equal' }, context)
    return
  }
  let { policy } = map.config
  if (policy.kind === 'latest') {
    if (Math.abs(left.at - right.at) > context.toleranceMs) {
      const lost = newer === left ? right : left
      agree(link, field, map, newer, { rule: 'latest', lost }, context)
      return
    }
    policy = map.config.tie
  }
  const winner = chosen(policy, field, left, right)
  if (!winner) {
    const before = beforeOf(field)
    hold(field, { kind: 'ask', left, right, ...(before && { before }) }, context)
    return
  }
  const lost = winner.side === 'left' ? right : left
  agree(link, field, map, winner, { rule: ruleText(policy), ...(policy.kind !== 'union' && { lost }) }, context)
}

/** undefined: a person has to say. */
function chosen(policy: SyncPolicy, field: Field, left: Contender, right: Contender): Contender | undefined {
  if (policy.kind === 'prefer') return policy.side === 'left' ? left : right
  if (policy.kind === 'prefer-unless-blank') {
    const [preferred, rest] = policy.side === 'left' ? [left, right] : [right, left]
    return isBlank(preferred.value) ? rest : preferred
  }
  if (policy.kind !== 'union') return undefined
  const value = union(beforeOf(field)?.value, left.value, right.value)
  if (!value) return undefined
  const newer = left.at >= right.at ? left : right
  return { ...newer, value }
}

export function isBlank(value: unknown): boolean {
  return value === null || value === '' || (Array.isArray(value) && value.length === 0)
}

/** What both sides had when they last agreed: the side that did not know of the agreed value still shows it. */
function beforeOf({ agreed, left, right }: Field): Held['before'] {
  const unaware = [left.said, right.said].find(said => said?.unaware)
  if (!unaware) return agreed && candidate(agreed)
  return unaware.base === undefined ? undefined : { value: unaware.base }
}

/** What either side added, without what either side removed. undefined where a value is no list. */
function union(agreed: unknown, left: unknown, right: unknown): unknown[] | undefined {
  const lists = [agreed ?? [], left ?? [], right ?? []]
  if (!lists.every(Array.isArray)) return undefined
  const [base, ours, theirs] = lists.map(list => new Map(list.map(item => [canonicalJson(item), item]))) as [
    Map<string, unknown>,
    Map<string, unknown>,
    Map<string, unknown>,
  ]
  const all = new Map([...ours, ...theirs])
  for (const key of base.keys()) if (!ours.has(key) || !theirs.has(key)) all.delete(key)
  return [...all.values()]
}

function ruleText(policy: SyncPolicy): string {
  return 'side' in policy ? `${policy.kind}: ${policy.side}` : policy.kind
}

export function agree(
  link: Link,
  field: Field,
  map: FieldMap,
  winner: Contender,
  { rule, lost }: { rule: string; lost?: Contender },
  context: MergeContext,
): void {
  const isNew = !field.agreed || !map.same(field.agreed.value, winner.value)
  if (isNew && loops(link, field, winner, context)) {
    const { left, right } = candidates(field, winner)
    hold(field, { kind: 'loop', left, right }, context)
    return
  }
  field.agreed = { value: winner.value, at: winner.at, from: winner.side, ...(winner.by && { by: winner.by }) }
  delete field.held
  for (const side of SIDES) {
    delete field[side].said
    if (isNew) delete field[side].accepted
  }
  if (isNew) link.agreement++
  if (isNew || lost) {
    field.why = {
      from: winner.side,
      at: winner.at,
      rule,
      ...extras(winner),
      ...(lost && { lost: { side: lost.side, value: lost.value, at: lost.at, ...(lost.by && { by: lost.by }) } }),
      decidedAt: context.now,
    }
  }
}

function candidates(field: Field, winner: Contender): { left: Candidate; right: Candidate } {
  const standing: Candidate = field.agreed ?? { value: null, at: winner.at }
  return winner.side === 'left' ? { left: winner, right: standing } : { left: standing, right: winner }
}

/** Two programs that answer each other: each new value comes soon after the other side was written to. */
function loops(link: Link, field: Field, winner: Contender, { now }: MergeContext): boolean {
  const last = field.recent?.at(-1)
  const reaction = last !== undefined && last.from !== winner.side && now - last.at < REACTION_MS
  const entry = { hash: shortHash(canonicalJson(winner.value)), at: now, from: winner.side, reaction }
  const recent = [...(field.recent ?? []), entry].slice(-KEEP_RECENT)
  field.recent = recent
  if (!link.left || !link.right) return false
  const burst = recent.filter(({ at, reaction: quick }) => quick && now - at < BURST_MS)
  if (burst.length > BURST) return true
  const [a, b, c, d] = recent.slice(-4)
  if (!a || !b || !c || !d || now - a.at > OSCILLATION_MS) return false
  return a.hash === c.hash && b.hash === d.hash && a.hash !== b.hash && b.reaction && c.reaction && d.reaction
}

function hold(field: Field, { left, right, ...held }: Omit<Held, 'since'>, { now }: MergeContext): void {
  field.held = { ...held, since: now, left: candidate(left), right: candidate(right) }
  delete field.left.said
  delete field.right.said
}

function candidate({ value, at, by }: Candidate): Candidate {
  return { value, at, ...(by && { by }) }
}

/**
 * A question is open. An edit that was made after it arose is the answer; an earlier one that comes late is only the
 * better known candidate. Where a program is suspected, its next write is no answer.
 */
function answer(link: Link, field: Field, map: FieldMap, context: MergeContext): void {
  const held = field.held!
  const said = SIDES.flatMap(side => contender(field, side) ?? [])
  const answers = held.kind === 'ask' ? said.filter(({ at }) => at > held.since) : []
  const [first, second] = answers
  if (first && (!second || map.same(first.value, second.value))) {
    agree(link, field, map, second && second.at > first.at ? second : first, { rule: 'answered by an edit' }, context)
    return
  }
  let { left, right, since } = held
  for (const one of said) {
    if (one.side === 'left') left = candidate(one)
    else right = candidate(one)
  }
  if (answers.length > 0) since = context.now
  field.held = { ...held, left, right, since }
  delete field.left.said
  delete field.right.said
  if (map.same(left.value, right.value)) {
    const newer: Contender = left.at >= right.at ? { ...left, side: 'left' } : { ...right, side: 'right' }
    agree(link, field, map, newer, { rule: 'equal' }, context)
  }
}

/** A person decided a held field. */
export function resolveField(
  link: Link,
  map: FieldMap,
  choice: { readonly side: SideName; readonly by?: string; readonly rule: string },
  context: MergeContext,
): void {
  const field = link.fields[map.name]
  if (!field?.held) return
  const taken = field.held[choice.side]
  const passed = field.held[other(choice.side)]
  field.recent = []
  agree(
    link,
    field,
    map,
    { side: choice.side, value: taken.value, at: context.now, ...(choice.by && { by: choice.by }) },
    { rule: choice.rule, lost: { ...passed, side: other(choice.side) } },
    context,
  )
}
