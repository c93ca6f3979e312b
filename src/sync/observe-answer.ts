import type { SideName } from '../config/config.ts'
import type { IntendedWrite, Link } from './link.ts'
import type { Mapping } from './mapping.ts'
import type { PeerRecord } from './peer.ts'
import { isRewritten } from './rewritten.ts'
import { fieldOf, type Observation, sideOf, takeIn } from './take-in.ts'

/** Writes of ours that are remembered per side. */
const KEEP_WRITES = 8

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
