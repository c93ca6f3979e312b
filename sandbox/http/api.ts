import { type Control, controlOf } from './control.ts'
import {
  type SandboxHttp,
  type SandboxHttpAnswer,
  type SandboxHttpCall,
  type SandboxHttpFaults,
  startSandboxHttp,
} from './server.ts'

/** A request that was let in. */
export interface Ask {
  readonly call: SandboxHttpCall
  /** What stands in the path for the names in braces. */
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  /** Of JSON or a form; empty for anything else. */
  readonly body: Readonly<Record<string, unknown>>
}

export type Route = (ask: Ask) => SandboxHttpAnswer

/** What an API knows, by kind and key. */
export type Stores = Readonly<Record<string, Map<string, unknown>>>

export type ApiFaults<Switches> = SandboxHttpFaults & Switches

export interface ApiShape<S extends Stores, Switches extends object> {
  /** `GET /v1/companies/{domain}` to what answers. */
  readonly routes: (stores: S, faults: ApiFaults<Switches>) => Readonly<Record<string, Route>>
  /** Made anew by `reset`. */
  readonly stores: () => S
  /** Faults of its own, as they are at first. */
  readonly switches: Switches
  /** Default: `Authorization: Bearer <key>`. Routes that hand out tokens are open. */
  readonly letsIn?: (call: SandboxHttpCall) => boolean
}

export interface ApiOptions<Switches> {
  readonly port?: number
  readonly host?: string
  readonly key?: string
  readonly faults?: Partial<ApiFaults<Switches>>
  readonly random?: () => number
  /** Milliseconds since the epoch. */
  readonly now?: () => number
}

/** A typical JSON API on loopback. `/sandbox/…` tells and changes what it knows and how it fails; no key is needed there. */
export interface SandboxApi<S extends Stores, Switches> extends Omit<SandboxHttp, 'faults' | 'reset'> {
  readonly key: string
  readonly stores: S
  readonly faults: ApiFaults<Switches>
  /** Faults, calls and what it knows, as at the start. */
  reset(): void
}

export async function startSandboxApi<S extends Stores, Switches extends object>(
  { routes, stores: makeStores, switches, letsIn }: ApiShape<S, Switches>,
  { key = 'sandbox-key', faults: given, ...options }: ApiOptions<Switches>,
): Promise<SandboxApi<S, Switches>> {
  const stores = makeStores()
  const first = { ...switches, ...given }
  let answer: (call: SandboxHttpCall) => SandboxHttpAnswer = () => ({})
  let control: Control = () => undefined
  const http = await startSandboxHttp({
    ...options,
    faults: first,
    answer: call => answer(call),
    control: call => control(call),
  })
  const faults = http.faults as ApiFaults<Switches>
  const atFirst = { ...faults }
  const admits = letsIn ?? (call => call.headers.authorization === `Bearer ${key}`)
  const find = router(routes(stores, faults))
  answer = call => {
    if (!admits(call)) return refusal(401, 'unauthorized', 'The key is missing or wrong.')
    return find(call) ?? refusal(404, 'no_such_path', `There is no ${call.method} ${call.path}.`)
  }
  const reset = () => {
    http.reset()
    Object.assign(faults, atFirst)
    for (const [name, fresh] of Object.entries(makeStores())) replace(stores[name]!, fresh)
  }
  control = controlOf({ http, stores, faults, reset })
  return Object.create(http, {
    key: { value: key },
    stores: { value: stores },
    faults: { value: faults },
    reset: { value: reset },
  })
}

export function refusal(status: number, code: string, message: string, more: object = {}): SandboxHttpAnswer {
  return { status, body: { error: { code, message, ...more } } }
}

/** A page by cursor: `limit`, `cursor` in, `data`, `next_cursor` out. */
export function pageOf<T>(rows: readonly T[], query: URLSearchParams, most: number) {
  const from = Number(query.get('cursor') ?? 0)
  const size = Math.min(Number(query.get('limit') ?? most), most)
  const next = from + size < rows.length ? String(from + size) : null
  return { data: rows.slice(from, from + size), next_cursor: next }
}

function router(routes: Readonly<Record<string, Route>>): (call: SandboxHttpCall) => SandboxHttpAnswer | undefined {
  const known = Object.entries(routes).map(([line, route]) => {
    const [method, path] = line.split(' ') as [string, string]
    const pattern = new RegExp(`^${path.replace(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`)
    return { method, pattern, route }
  })
  return call => {
    for (const { method, pattern, route } of known) {
      const match = method === call.method ? pattern.exec(call.path) : null
      if (!match) continue
      const found = Object.entries(match.groups ?? {}).map(([name, text]) => [name, decodeURIComponent(text)])
      const query = new URLSearchParams(call.query)
      return route({ call, params: Object.fromEntries(found), query, body: bodyOf(call) })
    }
    return undefined
  }
}

function bodyOf({ headers, body }: SandboxHttpCall): Record<string, unknown> {
  if (headers['content-type']?.startsWith('application/x-www-form-urlencoded'))
    return Object.fromEntries(new URLSearchParams(body))
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

function replace(store: Map<string, unknown>, fresh: Map<string, unknown>): void {
  store.clear()
  for (const [name, value] of fresh) store.set(name, value)
}
