import type { SideName } from '../config/config.ts'
import type { Field, FieldSide, IntendedWrite, Link, OwnWrite, Side, Statement } from './link.ts'
import type { FieldMap, Mapping } from './mapping.ts'
import type { PeerChange, PeerRecord } from './peer.ts'
import { compareVersions, instantOf } from './version.ts'

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

/** Of a record that was named and never seen: older than any that it can have. */
export const UNKNOWN_VERSION = '0000-01-01T00:00:00.000Z'

/** Writes of ours that are remembered per side. */
const KEEP_WRITES = 8

export function newLink(id: string): Link {
  return { id, fields: {}, agreement: 0 }
}

/**
 * Takes what one side shows into the link. Nothing is decided here: changes that somebody made become statements.
 * P4: a state older than the one known changes nothing, except where a write of ours ran over an edit.
 */
export function observe(link: Link, observation: Observation, mapping: Mapping): void {
  const { side, change, source } = observation
  const seen = link[side]
  if (change.incomplete) {
    link[side] ??= { ...sideOf(observation, mapping), version: UNKNOWN_VERSION, confirmedAt: 0 }
    doubt(link[side], observation)
    return
  }
  if (change.kind !== 'present') {
    observeDeletion(link, observation)
    return
  }
  if (!seen) {
    link[side] = sideOf(observation, mapping)
    takeIn(link, observation, mapping)
    return
  }
  const age = compareVersions(change.record.version, seen.version)
  if (seen.deleted) {
    if (age < 0 || compareVersions(change.record.version, seen.deleted.version) < 0) return
    // P7: it may be an edit from before a deletion whose time is not known: the side itself has to show that it is back.
    if (!isAnswer(observation, seen.deleted.at)) {
      doubt(seen, observation)
      return
    }
  }
  if (age < 0) {
    findOverwritten(link, observation, mapping)
    if (seen.wrote.some(write => write.inexact && mayHaveMade(write, change.record.version)))
      restate(link, observation, mapping)
    return
  }
  if (change.restored && isOwnWrite(seen, change.record.version)) seen.undeleted = true
  if (age === 0 && source === 'event') {
    // P5: one version with two contents, as coarse timestamps give; only the side knows which came last.
    if (differs(link, observation, mapping)) doubt(seen, observation)
    else {
      seen.confirmedAt = Math.max(seen.confirmedAt, observation.now)
      restate(link, observation, mapping)
    }
    return
  }
  delete seen.deleted
  takeIn(link, observation, mapping)
}

/**
 * A state that was read before its event came: that tells which fields were set, if only to what they showed before. It
 * matters where the side's own earlier word has come late and stands meanwhile.
 */
function restate(link: Link, observation: Observation, mapping: Mapping): void {
  const { side, change, offsetMs } = observation
  const tops = new Set(change.changed)
  const told = mapping.fields.flatMap(map => {
    const reading = map.read(side, change.record.data)
    const isNamed = tops.has(map.config[side].split('.')[0]!)
    return isNamed && reading.known && 'value' in reading ? [{ map, value: reading.value }] : []
  })
  const isEcho = link[side]!.wrote.some(
    write =>
      mayHaveMade(write, change.record.version) &&
      told.every(({ map, value }) =>
        map.name in write.given
          ? map.same(write.given[map.name], value) || isRewritten(value, write.given[map.name])
          : // A part of a composite of which another part was given.
            map.config[side].includes('.'),
      ),
  )
  if (isEcho) return
  for (const { map, value } of told) {
    const field = isTouched(change, map, side) && link.fields[map.name]
    if (!field || field.agreed?.from !== side || map.same(field.agreed.value, value)) continue
    const age = instantOf(change.record.version, offsetMs) - field.agreed.at
    // Within one tick of the side's clock, the one that it shows came last.
    if (age > 0 || (age === 0 && map.same(field[side].shown, value))) say(field, map, side, value, observation)
  }
}

/** The version is that of the write, or may be, where it is not known. */
function mayHaveMade({ before, version, inexact }: OwnWrite, seen: string): boolean {
  const age = compareVersions(seen, version)
  return age === 0 || (inexact === true && age < 0 && compareVersions(before, seen) < 0)
}

function sideOf({ side, change: { record }, now }: Observation, mapping: Mapping): Side {
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

/** The state that a write of ours left, unless that was to bring the record back. */
function isOwnWrite(seen: Side, version: string): boolean {
  return sureWrites(seen).some(write => compareVersions(write.version, version) === 0)
}

/** It happened between the state on which a write of ours was based and that write. */
function wroteOver(seen: Side, version: string): boolean {
  return sureWrites(seen).some(
    write => compareVersions(write.before, version) < 0 && compareVersions(version, write.version) < 0,
  )
}

/** Writes that changed a record which was there, and whose own version is known. */
function sureWrites({ wrote }: Side): OwnWrite[] {
  return wrote.filter(({ restores, inexact }) => !restores && !inexact)
}

/** P7: believed because the side itself said so; not when a later state was seen already. */
function observeDeletion(link: Link, observation: Observation): void {
  const { side, change, now } = observation
  const { kind, record } = change
  const seen = link[side]
  if (!seen) return
  settleDoubt(seen, observation)
  if (seen.deleted) return
  if (kind === 'deleted' && compareVersions(record.version, seen.version) < 0) {
    if (wroteOver(seen, record.version)) seen.undeleted = true
    return
  }
  const version = compareVersions(record.version, seen.version) > 0 ? record.version : seen.version
  seen.version = version
  seen.deleted = { version, at: now, proof: 'event' }
  delete seen.missing
  delete seen.unclear
  delete seen.unclearSince
}

function doubt(seen: Side, { now }: Observation): void {
  seen.unclear = true
  seen.unclearSince = now
}

/** Read after the doubt arose, so that it shows what came of it. */
function isAnswer({ source, askedAt }: Observation, since: number | undefined): boolean {
  return source === 'read' && (since === undefined || (askedAt !== undefined && askedAt >= since))
}

function settleDoubt(seen: Side, observation: Observation): void {
  if (!isAnswer(observation, seen.unclearSince)) return
  delete seen.unclear
  delete seen.unclearSince
}

/** The newest state of the side, whole or in part. */
function takeIn(link: Link, observation: Observation, mapping: Mapping): void {
  const { side, change, now, source } = observation
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
  seen.confirmedAt = now
  delete seen.missing
  settleDoubt(seen, observation)
}

/** Changes name top-level fields. Of a part of one they do not tell whether it was this part. */
function isTouched({ changed }: PeerChange, map: FieldMap, side: SideName): boolean {
  return changed?.includes(map.config[side]) ?? false
}

function fieldOf(link: Link, name: string): Field {
  link.fields[name] ??= { left: {}, right: {} }
  return link.fields[name]
}

function say(field: Field, map: FieldMap, side: SideName, value: unknown, observation: Observation): void {
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

function differs(link: Link, { side, change }: Observation, mapping: Mapping): boolean {
  return mapping.fields.some(map => {
    const reading = map.read(side, change.record.data)
    if (!reading.known || 'problem' in reading) return false
    const shown = link.fields[map.name]?.[side].shown
    return shown === undefined || !map.same(shown, reading.value)
  })
}

/**
 * P5: an edit that came after the state on which a write of ours was based, and before that write, is in no later state
 * of the record. Its event is all that is left of it.
 */
function findOverwritten(link: Link, observation: Observation, mapping: Mapping): void {
  const { side, change } = observation
  const { version } = change.record
  for (const map of mapping.fields) {
    const write = link[side]!.wrote.find(
      ({ before, version: ours, replaced }) =>
        map.name in replaced && compareVersions(before, version) < 0 && compareVersions(version, ours) < 0,
    )
    const field = link.fields[map.name]
    if (!write || !field) continue
    const reading = map.read(side, change.record.data)
    if (!reading.known || 'problem' in reading) continue
    const touched = isTouched(change, map, side)
    if (!touched && map.same(reading.value, write.replaced[map.name])) continue
    const given = write.given[map.name]
    // The version of a write whose answer was lost is not known: this is its echo.
    if (map.same(reading.value, given) || isRewritten(reading.value, given)) continue
    const own = field[side]
    const { agreed } = field
    if (agreed?.from === side && agreed.at >= instantOf(version, observation.offsetMs)) continue
    // Whatever the side has said since is newer.
    if (own.said && compareVersions(own.said.version, version) >= 0) continue
    say(field, map, side, reading.value, observation)
    own.said = { ...own.said!, unaware: true, base: write.replaced[map.name] }
  }
}

/**
 * A write lands whole: where one of its values is new on the record, the others were there as well. A record that was
 * found by its key has to have most of the values, since the key alone makes it nobody's.
 */
function hasLanded(
  link: Link,
  side: SideName,
  record: PeerRecord,
  { op, values }: IntendedWrite,
  mapping: Mapping,
): boolean {
  const landed = mapping.fields.filter(map => {
    if (!(map.name in values)) return false
    const reading = map.read(side, record.data)
    if (!reading.known || 'problem' in reading) return false
    const wrote = values[map.name]
    const before = link.fields[map.name]?.[side].shown
    const isNew = op === 'create' ? before === undefined && wrote !== null : !map.same(before ?? null, wrote)
    return isNew && map.same(reading.value, wrote)
  })
  if (op !== 'create') return landed.length > 0
  return landed.length > 1 && landed.length * 2 > Object.keys(values).length
}

/** Without the answer only this tells what a side made of a value from an edit: case, spaces and punctuation alone differ. */
export function isRewritten(shown: unknown, wrote: unknown): boolean {
  return typeof shown === 'string' && typeof wrote === 'string' && bare(shown) !== '' && bare(shown) === bare(wrote)
}

function bare(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]/gu, '')
}

/**
 * How a record is after a write of ours. What that wrote is not anybody's statement; what else the record shows may be.
 * `landed`: `exact` where the record is as this write left it, `sure` where it was read some time later, `unknown` where
 * the write's own answer was lost: then a field that does not show its value was not written, or changed since.
 */
export function observeAnswer(
  link: Link,
  {
    record,
    landed,
    intended,
    ...observation
  }: Omit<Observation, 'change' | 'source'> & {
    readonly record: PeerRecord
    readonly landed: 'exact' | 'sure' | 'unknown'
    readonly intended: IntendedWrite
  },
  mapping: Mapping,
): void {
  const { side } = observation
  const seen = link[side]
  const isNew = !seen
  const before = seen?.version
  const replaced: Record<string, unknown> = {}
  const answer: Observation = { ...observation, source: 'read', change: { kind: 'present', record } }
  const isSure = landed !== 'unknown' || hasLanded(link, side, record, intended, mapping)
  if (isNew) link[side] = sideOf(answer, mapping)
  for (const map of mapping.fields) {
    if (!(map.name in intended.values)) continue
    const reading = map.read(side, record.data)
    if (!reading.known || 'problem' in reading) continue
    const field = fieldOf(link, map.name)
    const own = field[side]
    const wrote = intended.values[map.name]
    // Where it is not known whether anything was written, what it showed before is no form of ours.
    const isMoved = own.shown === undefined || !map.same(own.shown, reading.value)
    const isOurs =
      landed === 'exact' || map.same(reading.value, wrote) || ((isSure || isMoved) && isRewritten(reading.value, wrote))
    if (!isOurs && !isSure) continue
    replaced[map.name] = own.shown ?? null
    own.shown = isOurs ? reading.value : wrote
    if (isOurs && field.agreed && map.same(field.agreed.value, wrote)) own.accepted = { value: reading.value }
  }
  if (!isNew)
    link[side]!.wrote = [
      ...seen!.wrote,
      {
        before: before!,
        version: record.version,
        replaced,
        given: intended.values,
        ...(intended.op === 'restore' && { restores: true }),
        ...(landed !== 'exact' && { inexact: true }),
      },
    ].slice(-KEEP_WRITES)
  if (intended.stamp !== undefined && isSure) link.stamped = { ...link.stamped, [side]: intended.stamp }
  delete link[side]!.deleted
  takeIn(link, answer, mapping)
}
