import { randomUUID } from 'node:crypto'
import { badRequest, notFound } from '../errors.ts'
import { type Answer, asObject, type Call, ok } from '../http.ts'
import type { Patch } from '../records/input.ts'
import type { Records } from '../records/records.ts'
import { subFieldsOf } from '../schema/composites.ts'
import { capital } from '../schema/standard-objects.ts'
import type { ObjectMeta, Row } from '../schema/types.ts'
import { present, shapeOf } from './present.ts'

/**
 * Moves what points at the losers to the record that has priority, destroys the losers, then fills the empty
 * fields of the winner. A dry run changes nothing and answers a preview with an id of its own.
 */
export function mergeMany(records: Records, object: ObjectMeta, call: Call): Answer {
  const shape = shapeOf(call.query, object, records.versions)
  const { ids, conflictPriorityIndex, dryRun } = asObject(call.body())
  if (!Array.isArray(ids) || ids.length < 2) throw badRequest('At least two record ids are needed to merge')
  const rows = ids.map(id => records.table(object.nameSingular).get(String(id)))
  if (rows.some(row => row?.deletedAt !== null)) throw notFound('One or more records not found')
  const winner = rows[Number(conflictPriorityIndex)]
  if (!winner) throw notFound('Priority record not found')
  const patch = mergedFields(object, winner, rows as Row[])
  const key = `merge${capital(records.versions.mergeKey === 'plural' ? object.namePlural : object.nameSingular)}`
  if (dryRun === true) {
    const preview = { ...winner, ...patch, id: randomUUID(), deletedAt: new Date().toISOString() }
    return ok({ data: { [key]: present(records, object, preview, shape) } }, 1)
  }
  const losers = (rows as Row[]).filter(row => row.id !== winner.id)
  repoint(records, object, losers, winner, call)
  records.destroy(object, losers, call.caller)
  const merged = records.write(object, [{ before: winner, patch }], 'updated', call.caller)[0]!
  return ok({ data: { [key]: present(records, object, merged, shape) } }, rows.length)
}

function repoint(records: Records, object: ObjectMeta, losers: readonly Row[], winner: Row, call: Call): void {
  for (const other of records.schema.objects())
    for (const field of other.toOne) {
      if (field.relation!.object !== object.nameSingular) continue
      const column = field.settings!.joinColumnName!
      const rows = losers.flatMap(row => records.table(other.nameSingular).referencing(column, row.id as string))
      // One at a time: a target that the winner already has is left to be removed with its loser.
      for (const before of rows)
        try {
          records.write(other, [{ before, patch: { [column]: winner.id } }], 'updated', call.caller)
        } catch {}
    }
}

function mergedFields(object: ObjectMeta, winner: Row, rows: readonly Row[]): Patch {
  const patch: Patch = {}
  const others = rows.filter(row => row.id !== winner.id)
  for (const [column, field] of object.columns) {
    if (field.isSystem) continue
    const subFields = subFieldsOf(field.type)
    if (!subFields) patch[column] = [winner, ...others].map(row => row[column]).find(value => !isEmpty(value)) ?? null
    else patch[column] = mergedComposite(subFields, column, winner, others)
  }
  return patch
}

/** Primary values come from the first record that has any; lists are the union, with the losers' primaries. */
function mergedComposite(
  subFields: Readonly<Record<string, string>>,
  column: string,
  winner: Row,
  others: readonly Row[],
): Row {
  const values = [winner, ...others].map(row => (row[column] ?? {}) as Row)
  const first = values.find(value => Object.values(value).some(part => !isEmpty(part))) ?? values[0]!
  const merged: Record<string, unknown> = { ...first }
  if ('additionalEmails' in subFields) {
    const all = values.flatMap(value => [value.primaryEmail, ...((value.additionalEmails as unknown[] | null) ?? [])])
    const rest = [...new Set(all)].filter(each => !isEmpty(each) && each !== first.primaryEmail)
    merged.additionalEmails = rest.length > 0 ? rest : null
  }
  return merged
}

function isEmpty(value: unknown): boolean {
  return value === null || value === undefined || value === '' || (Array.isArray(value) && value.length === 0)
}
