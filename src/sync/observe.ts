import type { Link, OwnWrite, Side } from './link.ts'
import type { Mapping } from './mapping.ts'
import { isRewritten } from './rewritten.ts'
import { doubt, isAnswer, isTouched, type Observation, say, settleDoubt, sideOf, takeIn } from './take-in.ts'
import { compareVersions, instantOf } from './version.ts'

/** Of a record that was named and never seen: older than any that it can have. */
export const UNKNOWN_VERSION = '0000-01-01T00:00:00.000Z'

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
  if (seen.deleted) {
    // It may have been back meanwhile: what was asked for before it went again shows that, and must not bring it back.
    if (kind === 'deleted' && compareVersions(record.version, seen.deleted.version) > 0) deletedAgain(seen, observation)
    return
  }
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

function deletedAgain(seen: Side, { change, now }: Observation): void {
  const { version } = change.record
  if (compareVersions(version, seen.version) > 0) seen.version = version
  seen.deleted = { ...seen.deleted!, version, at: now }
  if (seen.unclear) seen.unclearSince = now
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
