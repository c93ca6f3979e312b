import { badRequest, notFound, TwentyError } from '../errors.ts'
import { type Answer, type Call, ok } from '../http.ts'
import { isUuid } from '../ids.ts'
import { describeField, describeObject } from '../schema/describe.ts'
import type { Twenty } from '../twenty.ts'
import { metadataPage } from './metadata-list.ts'
import { handleViews, VIEW_COLLECTIONS } from './views.ts'
import { handleWebhooks } from './webhooks.ts'

type Kind = 'object' | 'field'

/** `/rest/metadata/...`: objects, fields, webhooks and views. */
export function handleMetadata(twenty: Twenty, call: Call): Answer {
  const [collection, id] = call.segments
  if (collection === 'webhooks') return handleWebhooks(twenty, { ...call, segments: call.segments.slice(1) }, true)
  if (twenty.faults.http.metadataForbidden && call.caller.kind === 'apiKey') throw forbidden()
  if (collection !== undefined && VIEW_COLLECTIONS.has(collection)) return handleViews(twenty, call)
  if (collection !== 'objects' && collection !== 'fields')
    throw badRequest(
      `Query path '${call.path}' invalid. Metadata path examples: /rest/metadata/fields or /rest/metadata/objects/id`,
    )
  const kind = collection === 'objects' ? 'object' : 'field'
  if (id !== undefined && !isUuid(id)) throw badRequest(`'${id}' is not a valid UUID`)
  if (call.method === 'GET') return id === undefined ? list(twenty, kind, call) : one(twenty, kind, id)
  if (call.method === 'POST' && id === undefined)
    return wrapped(twenty, kind, 'create', create(twenty, kind, call), 201)
  if (id === undefined) throw badRequest(`Query path '${call.path}' invalid: an id is missing`)
  if (call.method === 'PATCH' || call.method === 'PUT')
    return wrapped(twenty, kind, 'update', twenty.metadata.update(kind, id, call.body(), call.caller))
  if (call.method === 'DELETE')
    return wrapped(twenty, kind, 'delete', { id: twenty.metadata.delete(kind, id, call.caller) })
  throw badRequest(`Method ${call.method} not allowed`)
}

export function forbidden(): TwentyError {
  return new TwentyError(403, 'ForbiddenException', 'Entity performing the request does not have permission', {
    code: 'PERMISSION_DENIED',
  })
}

function create(twenty: Twenty, kind: Kind, call: Call): unknown {
  return twenty.metadata.create(kind, call.body(), call.caller)
}

function list(twenty: Twenty, kind: Kind, call: Call): Answer {
  const { schema } = twenty.records
  const items =
    kind === 'object'
      ? schema.objects().map(object => describeObject(schema, object))
      : schema.objects().flatMap(object => object.fields.map(field => describeField(schema, field)))
  const { items: page, pageInfo, totalCount } = metadataPage<{ id: string }>(items, call.query)
  const data = twenty.faults.versions.metadataFormat === 'direct' ? page : { [`${kind}s`]: page }
  return ok({ data, pageInfo, totalCount }, page.length)
}

function one(twenty: Twenty, kind: Kind, id: string): Answer {
  const { schema } = twenty.records
  const object = schema.objects().find(each => each.id === id.toLowerCase())
  const field = schema.fieldById(id.toLowerCase())
  if (kind === 'object' ? !object : !field) throw notFound(`${kind === 'object' ? 'Object' : 'Field'} not found`)
  const item = kind === 'object' ? describeObject(schema, object!) : describeField(schema, field!.field)
  return ok(twenty.faults.versions.metadataFormat === 'direct' ? item : { data: { [kind]: item } }, 1)
}

function wrapped(twenty: Twenty, kind: Kind, verb: string, item: unknown, status = 200): Answer {
  const key = `${verb}One${kind === 'object' ? 'Object' : 'Field'}`
  return ok(twenty.faults.versions.metadataFormat === 'direct' ? item : { data: { [key]: item } }, 1, status)
}
