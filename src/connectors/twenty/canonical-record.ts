import { normalise } from '../../clients/twenty/normalise.ts'
import type { TwentyObject } from '../../clients/twenty/schema.ts'
import type { Fields } from '../../event.ts'

/**
 * Not part of what a record says: the id and the server's own stamps. `updatedAt` and the deleted flag are counted
 * apart; what was made never changes its maker.
 */
const APART = new Set([
  'id',
  'position',
  'searchVector',
  'createdAt',
  'createdBy',
  'updatedAt',
  'updatedBy',
  'deletedAt',
])

/** Names in `updatedFields` that are no change of content. */
export const NO_CONTENT: ReadonlySet<string> = new Set(['position', 'searchVector', 'updatedAt', 'updatedBy'])

/**
 * What a record says, whichever way it came: null, '' and absent are left out, values are as the server keeps them.
 * With the object, only its fields count; before the field list was ever fetched, every key does.
 */
export function canonicalRecord(record: Fields, object: TwentyObject | undefined): Fields {
  const canonical: Fields = {}
  if (object) {
    for (const [column, field] of object.columns) {
      if (APART.has(column) || field.type === 'TS_VECTOR' || field.type === 'POSITION') continue
      const value = normalise(field, record[column])
      if (value !== null) canonical[column] = value
    }
    return canonical
  }
  for (const [name, value] of Object.entries(record)) {
    if (!APART.has(name) && value !== null && value !== '' && value !== undefined) canonical[name] = value
  }
  return canonical
}
