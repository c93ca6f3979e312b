import type { Stores } from './api.ts'
import type { SandboxHttpAnswer, SandboxHttpCall } from './server.ts'

export type Control = (call: Pick<SandboxHttpCall, 'method' | 'path' | 'body'>) => SandboxHttpAnswer | undefined

interface Controlled {
  readonly http: { readonly calls: readonly unknown[] }
  readonly stores: Stores
  readonly faults: object
  reset(): void
}

const ENTRY = /^\/sandbox\/state\/([^/]+)\/(.+)$/

/**
 * What a real API does not have, for a person at a shell: `GET /sandbox/state`, `PUT` and `DELETE`
 * `/sandbox/state/<kind>/<key>`, `GET` and `PUT /sandbox/faults`, `GET /sandbox/calls`, `POST /sandbox/reset`.
 */
export function controlOf({ http, stores, faults, reset }: Controlled): Control {
  return call => {
    if (!call.path.startsWith('/sandbox/')) return undefined
    const state = () => Object.fromEntries(Object.entries(stores).map(([kind, all]) => [kind, Object.fromEntries(all)]))
    try {
      switch (`${call.method} ${call.path}`) {
        case 'GET /sandbox/state':
          return { body: state() }
        case 'GET /sandbox/faults':
          return { body: faults }
        case 'PUT /sandbox/faults':
          change(faults as Record<string, unknown>, JSON.parse(call.body))
          return { body: faults }
        case 'GET /sandbox/calls':
          return { body: http.calls }
        case 'POST /sandbox/reset':
          reset()
          return { body: state() }
      }
      return entry(call, stores)
    } catch (error) {
      return { status: 400, body: { error: error instanceof Error ? error.message : String(error) } }
    }
  }
}

function entry(call: Parameters<Control>[0], stores: Stores): SandboxHttpAnswer {
  const [, kind = '', key = ''] = ENTRY.exec(call.path) ?? []
  const store = Object.hasOwn(stores, kind) ? stores[kind] : undefined
  if (!store) throw new Error(`nothing to ${call.method} at ${call.path}; kinds are ${Object.keys(stores).join(', ')}`)
  const name = decodeURIComponent(key)
  if (call.method === 'PUT') store.set(name, JSON.parse(call.body))
  if (call.method === 'DELETE') store.delete(name)
  return { body: store.get(name) ?? null }
}

/** Only what is named; a wrong name or kind of value changes nothing. @throws Error */
function change(faults: Record<string, unknown>, patch: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(patch)) {
    if (!Object.hasOwn(faults, name)) throw new Error(`no fault '${name}'; there are ${Object.keys(faults).join(', ')}`)
    const known = faults[name]
    if (known !== null && value !== null && typeof value !== typeof known)
      throw new Error(`fault '${name}' takes a ${typeof known}`)
  }
  Object.assign(faults, patch)
}
