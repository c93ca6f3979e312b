import { badRequest, notFound, TwentyError } from '../errors.ts'
import type { Faults } from '../faults.ts'
import { type Answer, type Call, ok } from '../http.ts'
import type { Filter } from '../query/filter.ts'
import { matching } from '../query/find.ts'
import type { Records } from '../records/records.ts'
import { upsert } from '../records/upsert.ts'
import { capital } from '../schema/standard-objects.ts'
import type { ObjectMeta, Row } from '../schema/types.ts'
import { present, shapeOf } from './present.ts'
import { filterOf } from './read.ts'

export function createOne(records: Records, object: ObjectMeta, call: Call): Answer {
  const shape = shapeOf(call.query, object, records.versions)
  const [row] = insertOrUpsert(records, object, [call.body()], call)
  return ok({ data: { [`create${capital(object.nameSingular)}`]: present(records, object, row!, shape) } }, 1, 201)
}

export function createMany(records: Records, object: ObjectMeta, call: Call, faults: Faults): Answer {
  const shape = shapeOf(call.query, object, records.versions)
  const inputs = call.body()
  if (!Array.isArray(inputs)) throw badRequest('Body must be an array')
  if (inputs.length === 0) throw badRequest('Input must not be empty')
  if (faults.http.failBatchNext > 0) return failInPart(records, object, inputs, call, faults)
  const rows = insertOrUpsert(records, object, inputs, call)
  const shown = rows.map(row => present(records, object, row, shape))
  return ok({ data: { [`create${capital(object.namePlural)}`]: shown } }, rows.length, 201)
}

function insertOrUpsert(records: Records, object: ObjectMeta, inputs: readonly unknown[], call: Call): Row[] {
  // Only this very text: `True` and `1` mean a plain create.
  return call.query.get('upsert') === 'true'
    ? upsert(records, object, inputs, call.caller)
    : records.create(object, inputs, call.caller)
}

function failInPart(
  records: Records,
  object: ObjectMeta,
  inputs: readonly unknown[],
  call: Call,
  faults: Faults,
): never {
  faults.http.failBatchNext--
  const some = inputs.slice(0, faults.http.failBatchAfterRows)
  if (some.length > 0) insertOrUpsert(records, object, some, call)
  throw new TwentyError(500, 'InternalServerErrorException', 'Batch stopped half-way (sandbox fault)')
}

export function updateOne(records: Records, object: ObjectMeta, id: string, call: Call): Answer {
  const shape = shapeOf(call.query, object, records.versions)
  const row = records.update(object, id, call.body(), call.caller)
  return ok({ data: { [`update${capital(object.nameSingular)}`]: present(records, object, row, shape) } }, 1)
}

export function updateMany(records: Records, object: ObjectMeta, call: Call): Answer {
  const shape = shapeOf(call.query, object, records.versions)
  const rows = matching(records.table(object.nameSingular), mandatoryFilter(call, object, 'update'))
  const updated = records.updateMany(object, rows, call.body(), call.caller)
  const shown = updated.map(row => present(records, object, row, shape))
  return ok({ data: { [`update${capital(object.namePlural)}`]: shown } }, updated.length)
}

/** Without `soft_delete=true` the row is gone for good. */
export function deleteOne(records: Records, object: ObjectMeta, id: string, call: Call): Answer {
  const soft = call.query.get('soft_delete') === 'true'
  const table = records.table(object.nameSingular)
  const row = soft ? records.live(object, id) : table.get(id)
  if (!row) throw notFound()
  const [gone] = soft ? records.softDelete(object, [row], call.caller) : records.destroy(object, [row], call.caller)
  return ok({ data: { [deleteKey(records, soft) + capital(object.nameSingular)]: { id: gone!.id } } }, 1)
}

export function deleteMany(records: Records, object: ObjectMeta, call: Call): Answer {
  const soft = call.query.get('soft_delete') === 'true'
  const filter = mandatoryFilter(call, object, soft ? 'delete' : 'destroy')
  const rows = matching(records.table(object.nameSingular), filter)
  const gone = soft ? records.softDelete(object, rows, call.caller) : records.destroy(object, rows, call.caller)
  const ids = gone.map(row => ({ id: row.id }))
  return ok({ data: { [deleteKey(records, soft) + capital(object.namePlural)]: ids } }, gone.length)
}

function deleteKey(records: Records, soft: boolean): string {
  return !soft && records.versions.destroyKey === 'destroy' ? 'destroy' : 'delete'
}

export function restoreOne(records: Records, object: ObjectMeta, id: string, call: Call): Answer {
  const shape = shapeOf(call.query, object, records.versions)
  const row = records.table(object.nameSingular).get(id)
  if (!row) throw notFound()
  const [restored] = records.restore(object, [row], call.caller)
  return ok({ data: { [`restore${capital(object.nameSingular)}`]: present(records, object, restored!, shape) } }, 1)
}

export function restoreMany(records: Records, object: ObjectMeta, call: Call): Answer {
  const shape = shapeOf(call.query, object, records.versions)
  const filter = mandatoryFilter(call, object, 'restore')
  const rows = matching(records.table(object.nameSingular), filter, true).filter(row => row.deletedAt !== null)
  const restored = records.restore(object, rows, call.caller)
  const shown = restored.map(row => present(records, object, row, shape))
  return ok({ data: { [`restore${capital(object.namePlural)}`]: shown } }, restored.length)
}

function mandatoryFilter(call: Call, object: ObjectMeta, verb: string): Filter {
  const filter = filterOf(call.query, object)
  if (filter) return filter
  throw badRequest(
    `Filters are mandatory for bulk ${verb} operations. Please provide at least one filter to prevent accidental changes to all records.`,
  )
}
