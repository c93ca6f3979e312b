import { badRequest } from '../errors.ts'
import type { Faults } from '../faults.ts'
import type { Answer, Call } from '../http.ts'
import { isUuid } from '../ids.ts'
import type { Records } from '../records/records.ts'
import type { ObjectMeta } from '../schema/types.ts'
import { findDuplicates } from './duplicates.ts'
import { groupBy } from './group-by.ts'
import { mergeMany } from './merge.ts'
import { findMany, findOne } from './read.ts'
import {
  createMany,
  createOne,
  deleteMany,
  deleteOne,
  restoreMany,
  restoreOne,
  updateMany,
  updateOne,
} from './write.ts'

/** `/rest/<objects>` and `/rest/batch/<objects>`. */
export function handleRecords(records: Records, faults: Faults, call: Call): Answer {
  const [first, second, third, ...more] = restorePath(call)
  const restores = call.method === 'PATCH' && (third ?? second) === 'restore'
  if (first === undefined || more.length > 0 || (third !== undefined && !restores)) throw badPath(call)
  if (first === 'batch') {
    if (call.method !== 'POST' || second === undefined) throw badPath(call)
    return createMany(records, target(records, faults, second), call, faults)
  }
  const object = target(records, faults, first)
  if (call.method === 'GET') return get(records, object, second, call)
  if (call.method === 'POST') return post(records, object, second, call)
  if (call.method === 'DELETE')
    return second === undefined ? deleteMany(records, object, call) : deleteOne(records, object, recordId(second), call)
  if (restores)
    return third === undefined
      ? restoreMany(records, object, call)
      : restoreOne(records, object, recordId(second!), call)
  if (call.method === 'PATCH' && second === 'merge') return mergeMany(records, object, call)
  // PUT is an undocumented alias.
  if (call.method === 'PATCH' || call.method === 'PUT')
    return second === undefined ? updateMany(records, object, call) : updateOne(records, object, recordId(second), call)
  throw badPath(call)
}

/** `restore/people/{id}`, as older OpenAPI documents have it, is `people/{id}/restore`. */
function restorePath(call: Call): readonly string[] {
  const [first, ...rest] = call.segments
  return call.method === 'PATCH' && first === 'restore' && rest.length > 0 ? [...rest, 'restore'] : call.segments
}

function get(records: Records, object: ObjectMeta, second: string | undefined, call: Call): Answer {
  if (second === undefined) return findMany(records, object, call)
  if (second === 'groupBy') return groupBy(records, object, call)
  return findOne(records, object, recordId(second), call)
}

function post(records: Records, object: ObjectMeta, second: string | undefined, call: Call): Answer {
  if (second === undefined) return createOne(records, object, call)
  if (second === 'duplicates') return findDuplicates(records, object, call)
  throw badPath(call)
}

function target(records: Records, faults: Faults, plural: string): ObjectMeta {
  const object = records.schema.required(plural)
  if (faults.http.deniedObjects.includes(plural))
    throw badRequest(`Method not allowed. User does not have permission on "${plural}"`, 'PERMISSION_DENIED')
  return object
}

function recordId(text: string): string {
  if (!isUuid(text)) throw badRequest(`'${text}' is not a valid UUID`)
  return text.toLowerCase()
}

function badPath(call: Call) {
  return badRequest(
    `Query path '${call.path}' invalid. Valid examples: /rest/companies/id or /rest/companies or /rest/batch/companies`,
  )
}
