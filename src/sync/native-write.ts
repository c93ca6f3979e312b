import type { SideName } from '../config/config.ts'
import { asSyncError, type SyncError } from '../errors.ts'
import type { Fields } from '../event.ts'
import type { SyncContext } from './context.ts'
import type { Link } from './link.ts'
import type { PeerWrite } from './peer.ts'

/** The intended write in the side's own values; an error where a value has no counterpart. */
export function nativeWrite(context: SyncContext, link: Link, side: SideName): PeerWrite | SyncError {
  const intended = link.intent![side]!
  const { op, id, stamp } = intended
  const seen = link[side]
  if (op === 'delete') return { op, id, version: seen!.version }
  const values: Fields = {}
  try {
    for (const map of context.mapping.fields) {
      if (map.name in intended.values) values[map.config[side]] = map.write(side, intended.values[map.name])
    }
  } catch (thrown) {
    return asSyncError(thrown)
  }
  if (stamp !== undefined) Object.assign(values, stampValues(context, side, stamp))
  if (op === 'create') return { op, id, values }
  return { op, id, values, current: seen!.native, version: seen!.version }
}

function stampValues({ config, env }: SyncContext, side: SideName, stamp: string): Fields {
  const { stateField, syncedAtField } = config[side]
  return {
    ...(stateField && { [stateField]: stamp.slice(0, stamp.indexOf(' ')) }),
    ...(syncedAtField && { [syncedAtField]: new Date(env.clock.now()).toISOString() }),
  }
}
