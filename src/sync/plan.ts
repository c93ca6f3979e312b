import type { SideName, SyncConfig } from '../config/config.ts'
import { type Field, type IntendedWrite, isAlive, type Link, other, SIDES } from './link.ts'
import type { FieldMap, Mapping } from './mapping.ts'
import { type MergeContext, merge } from './merge.ts'
import { isInStep } from './take-in.ts'

export interface PlanContext extends MergeContext {
  /** Both sides were walked completely once: only now is it known that a record has no counterpart. */
  readonly matched: boolean
  readonly restores: Readonly<Record<SideName, boolean>>
  /** The id that a record created on that side is to get. */
  idFor(link: Link, side: SideName): string
}

/** What has to be written, by side. Nothing: the pair is settled, or waits for a person. */
export type Due = Partial<Record<SideName, IntendedWrite>>

/** Merges what was said and tells what follows. Changes the link; touches nothing else. */
export function settle(link: Link, mapping: Mapping, config: SyncConfig, context: PlanContext): Due {
  if (link.ended) {
    const due = reopened(link, context)
    if (due) return due
  }
  merge(link, mapping, context)
  // P7: a deletion that a write of ours undid before it was known.
  const undone = SIDES.find(side => link[side]?.undeleted)
  if (undone) return { [undone]: { op: 'delete', id: link[undone]!.id, values: {}, agreement: link.agreement } }
  if (link.hold?.kind === 'missing' && !link[link.hold.side]?.missing) delete link.hold
  const deleted = settleDeletion(link, mapping, config, context)
  if (deleted !== undefined) return deleted
  if (link.hold?.kind === 'rejected' && link.hold.agreement !== link.agreement) delete link.hold
  if (link.hold && link.hold.kind !== 'rejected') return {}
  if (SIDES.some(side => link[side]?.missing || link[side]?.unclear)) return {}
  if (SIDES.some(side => link[side] && !link[side]!.takesPart)) return {}
  const due: Due = {}
  for (const side of SIDES) {
    if (link.hold?.kind === 'rejected' && link.hold.side === side) continue
    const write = link[side] ? update(link, side, mapping, config) : create(link, side, mapping, config, context)
    if (write) due[side] = write
  }
  return due
}

/** Fields that this side is to receive and does not show. */
function update(link: Link, side: SideName, mapping: Mapping, config: SyncConfig): IntendedWrite | undefined {
  const values: Record<string, unknown> = {}
  for (const map of mapping.fields) {
    const field = link.fields[map.name]
    if (field && isDue(field, map, side)) values[map.name] = field.agreed!.value
  }
  const stamp = stampOf(link, side, config)
  if (Object.keys(values).length === 0 && (stamp === undefined || stamp === link.stamped?.[side])) return undefined
  return { op: 'update', id: link[side]!.id, values, agreement: link.agreement, ...(stamp !== undefined && { stamp }) }
}

/** What the side's own fields for state and time are to say. It changes with the pair alone, so it causes no further write. */
function stampOf(link: Link, side: SideName, config: SyncConfig): string | undefined {
  const { stateField, syncedAtField } = config[side]
  if ((stateField ?? syncedAtField) === undefined || !link[other(side)]) return undefined
  const held = Object.values(link.fields).some(field => field.held)
  return `${held ? 'conflict' : 'synced'} ${link.agreement}`
}

export function isDue(field: Field, map: FieldMap, side: SideName): boolean {
  return Boolean(field.agreed) && !field.held && map.receives(side) && !isInStep(field, field[side], map)
}

function create(
  link: Link,
  side: SideName,
  mapping: Mapping,
  config: SyncConfig,
  context: PlanContext,
): IntendedWrite | undefined {
  if (!context.matched || !config[side].create || !isAlive(link[other(side)])) return undefined
  const values: Record<string, unknown> = {}
  for (const map of mapping.fields) {
    const field = link.fields[map.name]
    if (field?.agreed && !field.held && map.receives(side) && field.agreed.value !== null)
      values[map.name] = field.agreed.value
  }
  const stamp = stampOf(link, side, config)
  return {
    op: 'create',
    id: context.idFor(link, side),
    values,
    agreement: link.agreement,
    ...(stamp !== undefined && { stamp }),
  }
}

/** P7: what a deletion on one side means for the other. undefined: neither side is deleted. */
function settleDeletion(link: Link, mapping: Mapping, config: SyncConfig, context: PlanContext): Due | undefined {
  const gone = SIDES.filter(side => link[side]?.deleted)
  const [side] = gone
  if (!side) {
    if (link.hold?.kind === 'delete') delete link.hold
    delete link.decided
    return undefined
  }
  const rest = link[other(side)]
  if (gone.length === 2 || !rest) return end(link, 'deleted', context)
  if (link.hold?.kind === 'delete') return {}
  if (link.decided) return asDecided(link, side, context)
  const { deletes } = config[other(side)]
  if (deletes === 'ignore') return end(link, 'unlinked', context)
  if (deletes === 'hold') return holdDeletion(link, side, 'the config leaves deletions to a person', context)
  if (editedLater(link, other(side), mapping)) {
    return holdDeletion(link, side, 'the other side was edited meanwhile', context)
  }
  if (rest.missing || rest.unclear || link.hold) return {}
  return { [other(side)]: { op: 'delete', id: rest.id, values: {}, agreement: link.agreement } }
}

/** @param side that of the deleted record. */
function asDecided(link: Link, side: SideName, context: PlanContext): Due {
  const { kind, at } = link.decided!
  const rest = link[other(side)]!
  if (link.hold || rest.missing || rest.unclear) return {}
  const base = { values: {}, agreement: link.agreement }
  if (kind === 'restore') return { [side]: { ...base, op: 'restore', id: link[side]!.id } }
  // P7: the person did not see this edit.
  if (Object.values(link.fields).some(({ why }) => why && why.from !== side && why.decidedAt > at)) {
    delete link.decided
    return holdDeletion(link, side, 'the other side was edited after a person had decided', context)
  }
  return { [other(side)]: { ...base, op: 'delete', id: rest.id } }
}

function end(link: Link, why: 'deleted' | 'unlinked', { now }: PlanContext): Due {
  link.ended = { at: now, why }
  delete link.hold
  delete link.decided
  return {}
}

function holdDeletion(link: Link, side: SideName, reason: string, { now }: PlanContext): Due {
  link.hold = { kind: 'delete', side, since: now, reason }
  return {}
}

/** An edit that the deleting side never had. */
function editedLater(link: Link, side: SideName, mapping: Mapping): boolean {
  return mapping.fields.some(map => {
    const field = link.fields[map.name]
    if (!field) return false
    if (field.held) return true
    return field.agreed?.from === side && !isInStep(field, field[other(side)], map)
  })
}

/** A record that was deleted everywhere came back on one side. undefined: it lives like any other now. */
function reopened(link: Link, { restores, now }: PlanContext): Due | undefined {
  if (link.ended!.why === 'unlinked') return {}
  const side = SIDES.find(each => isAlive(link[each]))
  if (!side) return {}
  const target = other(side)
  const rest = link[target]
  const isGone = rest?.missing === true
  if (!rest || (!rest.deleted && !isGone)) {
    delete link.ended
    return undefined
  }
  if (!restores[target] || isGone) {
    delete link.ended
    link.hold = { kind: 'delete', side: target, since: now, reason: `it came back on the ${side} side` }
    return {}
  }
  // P7: over until both are back. As a pair of which one is deleted, the one that came back would be deleted again.
  return { [target]: { op: 'restore', id: link[target]!.id, values: {}, agreement: link.agreement } }
}
