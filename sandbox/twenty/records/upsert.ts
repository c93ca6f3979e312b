import type { Caller } from '../caller.ts'
import { badRequest } from '../errors.ts'
import { type ObjectMeta, type Row, valueAt } from '../schema/types.ts'
import type { Patch } from './input.ts'
import { MAX_RECORDS, type Records } from './records.ts'
import { uniqueKey } from './table.ts'

/**
 * Updates the rows that match by id or by any unique constraint, soft-deleted ones included (they are restored),
 * and inserts the rest. Updates come first and each stands alone; the inserts are one statement. So a failing
 * insert leaves the updates applied. The answer lists the updated rows first, then the inserted ones.
 * @throws TwentyError 400 when one input matches two rows, before anything is applied.
 */
export function upsert(records: Records, object: ObjectMeta, inputs: readonly unknown[], caller: Caller): Row[] {
  if (inputs.length > MAX_RECORDS)
    throw badRequest(`Maximum number of records to upsert is ${MAX_RECORDS}.`, 'TOO_MANY_RECORDS_TO_UPDATE')
  const patches = inputs.map(input => records.read(object, input, true))
  const matches = patches.map(patch => match(records, object, patch))
  const updates: { id: string; patch: Patch }[] = []
  const inserts: Patch[] = []
  patches.forEach((patch, at) => {
    const id = matches[at]
    if (id === undefined) inserts.push(patch)
    else updates.push({ id, patch: { ...withoutCreation(patch), deletedAt: null } })
  })
  const updated = updates.map(({ id, patch }) => {
    const before = records.table(object.nameSingular).get(id)!
    return records.write(object, [{ before, patch }], 'updated', caller)[0]!
  })
  const inserted = inserts.length > 0 ? records.insert(object, inserts, caller) : []
  if (records.versions.upsertAnswerOrder === 'updatedFirst') return [...updated, ...inserted]
  return matches.map(id => (id === undefined ? inserted.shift()! : updated.shift()!))
}

function withoutCreation(patch: Patch): Patch {
  const { id: _id, createdBy: _by, createdAt: _at, ...rest } = patch
  return rest
}

function match(records: Records, object: ObjectMeta, patch: Patch): string | undefined {
  const table = records.table(object.nameSingular)
  const found = new Set<string>()
  const byId = typeof patch.id === 'string' ? table.get(patch.id) : undefined
  if (byId) found.add(byId.id as string)
  for (const index of object.uniqueIndexes) {
    const key = uniqueKey(index, patch)
    if (key !== undefined) for (const id of table.holders(index, key)) found.add(id)
  }
  if (found.size <= 1) return found.values().next().value
  const shown = object.uniqueIndexes
    .flatMap(index => index.paths)
    .map(path => [path.join('.'), valueAt(patch, path)] as const)
    .filter(([, value]) => value !== null)
    .map(([path, value]) => `${path}: ${String(value)}`)
  throw badRequest(
    `Multiple records found with the same unique field values for ${['id', ...shown].join('; ')}. Cannot determine which record to update.`,
    'UPSERT_MULTIPLE_MATCHING_RECORDS_CONFLICT',
  )
}
