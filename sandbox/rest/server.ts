import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { controlOf } from '../http/control.ts'
import { Api, type ApiAnswer, type SandboxRestCall } from './api.ts'
import { noFaults, type SandboxRestFaults } from './faults.ts'
import { defaultSettings, type SandboxRestSettings } from './settings.ts'
import { type RestRow, Store } from './store.ts'
import { Dispatcher, type SandboxDelivery, type SendDelivery } from './webhooks.ts'

export interface SandboxRestOptions {
  readonly port?: number
  readonly host?: string
  readonly settings?: Partial<SandboxRestSettings>
  readonly faults?: Partial<SandboxRestFaults>
  readonly random?: () => number
  /** Milliseconds since the epoch; `settings.skewMs` comes on top. */
  readonly now?: () => number
  /** In place of a POST. @returns the receiver's status. */
  readonly send?: SendDelivery
}

/** What a person does in the system's own pages. */
export interface RestUser {
  create(collection: string, values: Record<string, unknown>): RestRow
  /** Top-level fields are replaced. */
  update(collection: string, id: string, values: Record<string, unknown>): RestRow
  delete(collection: string, id: string): void
}

export interface SandboxRest {
  readonly url: string
  readonly port: number
  /** Bearer token of every call. */
  readonly token: string
  readonly settings: SandboxRestSettings
  readonly faults: SandboxRestFaults
  readonly calls: readonly SandboxRestCall[]
  readonly deliveries: readonly SandboxDelivery[]
  /** Edits as by this person, with the webhooks that follow. */
  asUser(name?: string): RestUser
  /** Records without webhooks. */
  seed(collection: string, rows: readonly Record<string, unknown>[]): RestRow[]
  /** All of the collection, in the order of its list. */
  rows(collection: string): RestRow[]
  /** Gone without a trace. */
  vanish(collection: string, ids: readonly string[]): void
  /** Sends the webhooks that `faults.webhooks.hold` kept back. */
  release(order?: 'kept' | 'reversed' | 'shuffled'): Promise<void>
  /** Resolves when no webhook is on its way. */
  settled(): Promise<void>
  resetCalls(): void
  /** Records, calls, deliveries and faults as at the start. */
  reset(): void
  stop(): Promise<void>
}

/**
 * A REST API with collections such as `/contacts`: paged lists, `updated_since`, search by a field, ETags, idempotency
 * keys, signed webhooks, and faults on switches.
 */
export async function startSandboxRest(options: SandboxRestOptions = {}): Promise<SandboxRest> {
  const now = options.now ?? Date.now
  const random = options.random ?? Math.random
  const settings: SandboxRestSettings = { ...defaultSettings(), ...options.settings }
  const faults: SandboxRestFaults = { ...noFaults(), ...options.faults }
  const token = 'sandbox-rest-token'
  const dispatcher = new Dispatcher({ settings, faults, now, random, ...(options.send && { send: options.send }) })
  let quiet = false
  const store = new Store(settings, now, change => {
    if (!quiet) dispatcher.tell(change)
  })
  const calls: SandboxRestCall[] = []
  const host = options.host ?? '127.0.0.1'
  let address = ''
  const api = new Api({ store, settings, faults, token, random, address: () => address })
  const server = http.createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    void serve(request, response)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, host, resolve)
  })
  const { port } = server.address() as AddressInfo
  address = `http://${host}:${port}`

  const control = controlOf({ http: { calls }, stores: {}, faults, reset })

  function reset(): void {
    store.clear()
    api.clear()
    dispatcher.clear()
    calls.length = 0
    Object.assign(faults, noFaults(), options.faults)
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request)
    const call = callOf(request, body)
    const told = call.path === '/sandbox/state' ? { body: store.everything() } : control({ ...call, body })
    if (told) return reply(response, { status: 200, ...told }, now())
    calls.push(call)
    const answer = api.answer(call)
    if (faults.latencyMs > 0) await new Promise(resolve => setTimeout(resolve, faults.latencyMs))
    if (answer) reply(response, answer, now() + settings.skewMs)
    else response.socket?.destroy()
  }

  return {
    url: address,
    port,
    token,
    settings,
    faults,
    calls,
    deliveries: dispatcher.deliveries,
    asUser: (name = 'Ada') => userOf(store, name),
    seed(collection, rows) {
      quiet = true
      try {
        return rows.map(row => rowOf(store.create(collection, row, 'seed')))
      } finally {
        quiet = false
      }
    },
    rows: collection => store.all(collection).map(({ row }) => row),
    vanish: (collection, ids) => store.vanish(collection, ids),
    release: order => dispatcher.release(order),
    settled: () => dispatcher.settled(),
    resetCalls: () => void calls.splice(0),
    reset,
    stop: () =>
      new Promise<void>(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function userOf(store: Store, name: string): RestUser {
  return {
    create: (collection, values) => rowOf(store.create(collection, values, name)),
    update: (collection, id, values) => rowOf(store.update(collection, id, values, name)),
    delete: (collection, id) => void rowOf(store.delete(collection, id, name)),
  }
}

function rowOf(stored: ReturnType<Store['create']>): RestRow {
  if (stored !== 'gone' && 'row' in stored) return stored.row
  throw new Error(stored === 'gone' ? 'there is no such record' : `a unique value is taken by ${stored.taken.id}`)
}

function callOf(request: IncomingMessage, text: string): SandboxRestCall {
  const [path, query] = (request.url ?? '/').split('?', 2)
  const headers = request.headers as Record<string, string>
  return {
    method: request.method ?? 'GET',
    path: path!,
    query: query ?? '',
    headers,
    body: parsed(text),
    status: 0,
    applied: false,
  }
}

function parsed(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text)
  } catch {
    return text
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

function reply(response: ServerResponse, { status, headers, body }: ApiAnswer, now: number): void {
  const text = body === undefined ? '' : JSON.stringify(body)
  response.sendDate = false
  response.writeHead(status, {
    Date: new Date(now).toUTCString(),
    ...(text !== '' && { 'Content-Type': 'application/json; charset=utf-8' }),
    ...(status !== 204 && { 'Content-Length': Buffer.byteLength(text) }),
    ...headers,
  })
  response.end(status === 204 ? undefined : text)
}
