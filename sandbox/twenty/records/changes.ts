import { isDeepStrictEqual } from 'node:util'
import type { Caller } from '../caller.ts'
import type { ObjectMeta, Row } from '../schema/types.ts'

export type Action = 'created' | 'updated' | 'deleted' | 'restored' | 'destroyed'

/** One row's change, as webhooks tell it. */
export interface Change {
  readonly action: Action
  /** After-image; of a destroyed row the last state. */
  readonly record: Row
  readonly updatedFields?: readonly string[]
}

/** All changes that one call made to one object by one action. */
export interface ChangeBatch {
  readonly object: ObjectMeta
  readonly action: Action
  readonly changes: readonly Change[]
  readonly caller: Caller
}

/** Columns whose change alone is no change. */
const SILENT = new Set(['updatedAt', 'searchVector'])

/**
 * Names of the top-level fields that differ.
 * @param nameRelations a changed foreign key also lists its relation's name.
 */
export function changedFields(object: ObjectMeta, before: Row, after: Row, nameRelations: boolean): string[] {
  const changed: string[] = []
  for (const [column, field] of object.columns) {
    if (SILENT.has(column) || isDeepStrictEqual(before[column], after[column])) continue
    if (nameRelations && field.settings?.joinColumnName === column) changed.push(field.name)
    changed.push(column)
  }
  return changed
}
