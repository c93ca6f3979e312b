import type { SideName } from '../config/config.ts'
import type { Field, FieldSide, Link, Side, Statement } from './link.ts'
import type { FieldMap, Mapping } from './mapping.ts'
import type { PeerChange } from './peer.ts'
import { instantOf } from './version.ts'

export interface Observation {
  readonly side: SideName
  readonly change: PeerChange
  /** An event may be late; a read shows what is so now. */
  readonly source: 'event' | 'read'
  readonly event?: string
  /** How far the side's clock is ahead of ours. */
  readonly offsetMs: number
  /** By our clock. */
  readonly now: number
  /** When a read began, by our clock. */
  readonly askedAt?: number
}

/** The newest state of the side, whole or in part. */
export function takeIn(link: Link, observation: Observation, mapping: Mapping): void {
  const { side, change, now, source, askedAt } = observation
  const { record } = change
  const seen = link[side]!
  for (const map of mapping.fields) {
    const before = link.fields[map.name]?.[side].shown
    const reading = map.read(side, record.data)
    if (!reading.known) {
      // Only part of the record was told: what it left out may have changed too.
      if (source === 'event') doubt(seen, observation)
      continue
    }
    const field = fieldOf(link, map.name)
    if ('problem' in reading) {
      field[side].problem = reading.problem
      continue
    }
    delete field[side].problem
    const touched = isTouched(change, map, side)
    if (before === undefined) {
      // P7: an empty field of a record that was never compared is nobody's wish to clear the other side's.
      if (reading.value !== null) say(field, map, side, reading.value, observation)
      field[side].shown = reading.value
    } else if (!map.same(before, reading.value) || (touched && source === 'event')) {
      say(field, map, side, reading.value, observation)
      field[side].shown = reading.value
    }
  }
  seen.version = record.version
  seen.native = { ...seen.native, ...mapping.nativeOf(side, record.data) }
  seen.keys = mapping.keysOf(side, { ...seen.native, ...record.data }).map(({ key }) => key)
  if (source === 'read' || !seen.unclear) {
    const { takesPart, problem } = mapping.takesPart(side, record.data)
    seen.takesPart = takesPart
    if (problem === undefined) delete seen.problem
    else seen.problem = problem
  }
  // P5: what a read shows may be as old as the question: it may have waited long for its turn.
  seen.confirmedAt = askedAt ?? now
  delete seen.missing
  settleDoubt(seen, observation)
}

/** Changes name top-level fields. Of a part of one they do not tell whether it was this part. */
export function isTouched({ changed }: PeerChange, map: FieldMap, side: SideName): boolean {
  return changed?.includes(map.config[side]) ?? false
}

export function fieldOf(link: Link, name: string): Field {
  link.fields[name] ??= { left: {}, right: {} }
  return link.fields[name]
}

export function say(field: Field, map: FieldMap, side: SideName, value: unknown, observation: Observation): void {
  const { change, offsetMs, event } = observation
  const own = field[side]
  const statement: Statement = {
    value,
    at: instantOf(change.record.version, offsetMs),
    version: change.record.version,
    unaware: own.said?.unaware === true || !isInStep(field, own, map),
    base: own.said ? own.said.base : own.shown,
    ...(event && { event }),
    ...(change.by && { by: change.by }),
  }
  own.said = statement
}

/** The side shows what was agreed, or what it makes of that. */
export function isInStep(field: Field, own: FieldSide, map: FieldMap): boolean {
  if (!field.agreed) return true
  if (own.shown === undefined) return false
  return (
    map.same(own.shown, field.agreed.value) || (own.accepted !== undefined && map.same(own.shown, own.accepted.value))
  )
}

export function sideOf({ side, change: { record }, now }: Observation, mapping: Mapping): Side {
  return {
    id: record.id,
    version: record.version,
    native: {},
    keys: mapping.keysOf(side, record.data).map(({ key }) => key),
    takesPart: true,
    confirmedAt: now,
    wrote: [],
  }
}

export function doubt(seen: Side, { now }: Observation): void {
  seen.unclear = true
  seen.unclearSince = now
}

/** Read after the doubt arose, so that it shows what came of it. */
export function isAnswer({ source, askedAt }: Observation, since: number | undefined): boolean {
  return source === 'read' && (since === undefined || (askedAt !== undefined && askedAt >= since))
}

export function settleDoubt(seen: Side, observation: Observation): void {
  if (!isAnswer(observation, seen.unclearSince)) return
  delete seen.unclear
  delete seen.unclearSince
}
