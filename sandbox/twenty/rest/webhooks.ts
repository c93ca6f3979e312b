import { badRequest } from '../errors.ts'
import { type Answer, type Call, ok } from '../http.ts'
import { isUuid } from '../ids.ts'
import type { Twenty } from '../twenty.ts'
import { forbidden } from './metadata.ts'
import { metadataPage } from './metadata-list.ts'

/** `/rest/webhooks`, whose list is a bare array, and `/rest/metadata/webhooks`, whose list is a page. */
export function handleWebhooks(twenty: Twenty, call: Call, paged: boolean): Answer {
  const { webhooks, faults } = twenty
  if (faults.http.metadataForbidden && call.caller.kind === 'apiKey') throw forbidden()
  const [id] = call.segments
  if (id === undefined) {
    if (call.method === 'GET') return paged ? page(twenty, call) : ok(webhooks.list(), webhooks.list().length)
    if (call.method === 'POST') return ok(webhooks.create(call.body()), 1, 201)
    throw badRequest(`Method ${call.method} not allowed`)
  }
  if (!isUuid(id)) throw badRequest(`'${id}' is not a valid UUID`)
  // Unknown: 200 with an empty body, as the framework sends null.
  if (call.method === 'GET') return { status: 200, body: webhooks.get(id), rows: 1 }
  if (call.method === 'PATCH') return ok(webhooks.update(id, call.body()), 1)
  if (call.method !== 'DELETE') throw badRequest(`Method ${call.method} not allowed`)
  webhooks.delete(id)
  return ok(true, 1)
}

function page(twenty: Twenty, call: Call): Answer {
  const { items, pageInfo, totalCount } = metadataPage(twenty.webhooks.list(), call.query)
  return ok({ data: items, pageInfo, totalCount }, items.length)
}
