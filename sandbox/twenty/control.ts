import { badRequest, TwentyError } from './errors.ts'
import { patchFaults } from './faults.ts'
import { type Answer, asObject, ok, parseJson, type SandboxRequest, splitUrl } from './http.ts'
import { own } from './own.ts'
import { addView } from './rest/views.ts'
import type { Twenty } from './twenty.ts'
import { edit } from './user-edit.ts'

/** `/sandbox/*`: what a real Twenty does not have. No token is needed: the sandbox is for loopback. */
export function handleControl(twenty: Twenty, request: SandboxRequest, segments: readonly string[]): Answer {
  const route = own(ROUTES, `${request.method} ${segments[0] ?? ''}`)
  if (!route) {
    const known = Object.keys(ROUTES).map(each => each.replace(' ', ' /sandbox/'))
    throw new TwentyError(404, 'NotFoundException', `No such sandbox call; there are ${known.join(', ')}`)
  }
  return route(twenty, request, segments.slice(1))
}

type Route = (twenty: Twenty, request: SandboxRequest, rest: readonly string[]) => Answer

const ROUTES: Record<string, Route> = {
  'GET faults': twenty => ok(twenty.faults),
  'PUT faults'(twenty, request) {
    try {
      patchFaults(twenty.faults, parseJson(request.body))
    } catch (error) {
      throw badRequest(error instanceof Error ? error.message : String(error))
    }
    return ok(twenty.faults)
  },
  'GET calls'(twenty, request) {
    const since = Number(splitUrl(request.url).query.get('since') ?? 0)
    return ok(twenty.calls.filter(call => call.at >= since))
  },
  'DELETE calls'(twenty) {
    twenty.calls = []
    return ok(true)
  },
  'GET deliveries': twenty => ok(twenty.dispatcher.deliveries),
  'DELETE deliveries'(twenty) {
    twenty.dispatcher.deliveries = []
    return ok(true)
  },
  'GET state': twenty => ok(state(twenty)),
  'GET rows'(twenty, _request, [plural]) {
    const object = twenty.records.schema.required(plural ?? '')
    return ok([...twenty.records.table(object.nameSingular).rows()])
  },
  'POST edit': (twenty, request) => ok(edit(twenty, parseJson(request.body))),
  'POST seed'(twenty, request) {
    const { object, records } = asObject(parseJson(request.body))
    if (!Array.isArray(records)) throw badRequest('seed takes {object, records}')
    const meta = twenty.records.schema.required(String(object))
    return ok(twenty.records.create(meta, records, { kind: 'system' }, true), records.length, 201)
  },
  'POST view': (twenty, request) => ok({ id: addView(twenty, asObject(parseJson(request.body)) as never) }, 1, 201),
  'POST metadata-event'(twenty, request) {
    const {
      metadataName = 'fieldMetadata',
      operation = 'updated',
      event = {},
    } = asObject(parseJson(request.body)) as {
      metadataName?: string
      operation?: 'created' | 'updated' | 'deleted'
      event?: Record<string, unknown>
    }
    twenty.dispatcher.metadataChanged({ metadataName, operation, event }, { kind: 'system' })
    return ok(true)
  },
}

function state(twenty: Twenty) {
  const objects = twenty.records.schema.objects().map(object => {
    const table = twenty.records.table(object.nameSingular)
    return [object.namePlural, { live: table.live, deleted: table.size - table.live }] as const
  })
  const outcomes = { delivered: 0, failed: 0, dropped: 0 }
  for (const delivery of twenty.dispatcher.deliveries) outcomes[delivery.outcome]++
  return {
    workspaceId: twenty.workspaceId,
    objects: Object.fromEntries(objects),
    webhooks: twenty.webhooks.list().map(({ secret: _secret, ...webhook }) => webhook),
    deliveries: outcomes,
    calls: twenty.calls.length,
    members: [...twenty.records.table('workspaceMember').rows()].map(row => ({ id: row.id, userEmail: row.userEmail })),
  }
}
