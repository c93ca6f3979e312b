import set from 'lodash/set.js'
import type { SideName } from '../config/config.ts'
import type { Fields } from '../event.ts'
import type { SyncContext } from './context.ts'
import { type IntendedWrite, type Link, other } from './link.ts'
import type { Mapping } from './mapping.ts'
import type { PeerOptions, PeerRecord } from './peer.ts'

/** Records of a side that have the match key of a record of the other one. */
export type Found = readonly { readonly side: SideName; readonly record: PeerRecord; readonly key: string }[]

/** Looks on `side` for records with the keys of the links' other sides: one call of the side per kind of key. */
export async function counterpartOf(
  { config, mapping, peers }: SyncContext,
  side: SideName,
  links: readonly Link[],
  options: PeerOptions,
): Promise<Map<string, Found>> {
  const peer = peers[side]
  const keysOf = new Map(
    links.map(link => {
      const intended = link.intent?.[side]
      const isMade = intended?.op === 'create'
      const keys = isMade
        ? keysMadeWith(mapping, side, intended.values)
        : mapping.keysOf(other(side), link[other(side)]!.native)
      return [link.id, keys]
    }),
  )
  const found = new Map<string, Found>(links.map(link => [link.id, []]))
  for (const [at, { [side]: path }] of config.match.entries()) {
    const open = links.filter(link => found.get(link.id)!.length === 0)
    const values = [...new Set(open.flatMap(link => valuesOf(keysOf.get(link.id)!, at)))]
    const byKey = new Map<string, PeerRecord[]>()
    const records = values.length > 0 ? await peer.find(path, values, options) : []
    for (const record of records) {
      for (const { key } of mapping.keysOf(side, record.data)) {
        const same = byKey.get(key) ?? []
        // Two spellings of a value may find one record twice.
        if (!same.some(({ id }) => id === record.id)) byKey.set(key, [...same, record])
      }
    }
    for (const link of open) {
      const key = keysOf.get(link.id)!.find(each => each.key.startsWith(`${at}:`))?.key
      const records = (key !== undefined && byKey.get(key)) || []
      // One in the trash matters only where none is alive.
      const alive = records.filter(record => !record.deleted)
      found.set(
        link.id,
        (alive.length > 0 ? alive : records).map(record => ({ side, record, key: key! })),
      )
    }
  }
  return found
}

/** Keys of a record whose create had no answer: with these it was made, whatever its source has by now. */
export function keysMadeWith(
  mapping: Mapping,
  side: SideName,
  values: IntendedWrite['values'],
): ReturnType<Mapping['keysOf']> {
  const data: Fields = {}
  for (const map of mapping.fields) {
    if (map.name in values) set(data, map.config[side], map.write(side, values[map.name]))
  }
  return mapping.keysOf(side, data)
}

/** As the other side has it, and as it is compared: a side may keep either. */
function valuesOf(keys: readonly { key: string; value: unknown }[], at: number): unknown[] {
  const own = keys.find(({ key }) => key.startsWith(`${at}:`))
  if (!own) return []
  const normalised = own.key.slice(own.key.indexOf(':') + 1)
  return typeof own.value === 'string' && own.value !== normalised ? [own.value, normalised] : [own.value]
}
