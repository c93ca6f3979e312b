import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { serverNow } from './clock.ts'
import type { Faults } from './faults.ts'
import type { Answer, SandboxRequest } from './http.ts'
import { addView, type WantedView } from './rest/views.ts'
import type { Row } from './schema/types.ts'
import { type LedgerEntry, Twenty, type TwentyOptions } from './twenty.ts'
import { type UserEditor, userEditor } from './user-edit.ts'
import type { Delivery } from './webhooks/dispatcher.ts'
import { httpSender, type Send } from './webhooks/send.ts'

export interface SandboxTwentyOptions extends TwentyOptions {
  /** 0, the default, takes a free port. */
  readonly port?: number
  readonly host?: string
  /** Sends deliveries in another way than over HTTP, for simulations. */
  readonly send?: Send
}

export interface SandboxTwenty {
  readonly url: string
  readonly port: number
  readonly apiKey: string
  readonly workspaceId: string
  /** Live switches. */
  readonly faults: Faults
  /** Requests since the start or the last reset. */
  readonly calls: readonly LedgerEntry[]
  /** Webhook deliveries, sent or dropped. */
  readonly deliveries: readonly Delivery[]
  resetCalls(): void
  resetDeliveries(): void
  /** Fills the rate limit's buckets again. */
  resetRateLimit(): void
  /** All rows of an object (plural name), soft-deleted ones included. */
  rows(object: string): Row[]
  /** Adds records without events and without limits. */
  seed(object: string, records: readonly unknown[]): Row[]
  /** A view as somebody saves it in the UI. @returns its id. */
  addView(view: WantedView): string
  /** Changes as this person makes them in the UI. */
  asUser(workspaceMemberId: string): UserEditor
  /** People of the workspace. */
  readonly members: readonly Row[]
  /** Sends a metadata event to `*.*` and `metadata.*` subscriptions. */
  sendMetadataEvent(metadataName: string, operation: 'created' | 'updated' | 'deleted'): void
  /** Resolves when no delivery is under way and at least `count` are in the ledger. */
  waitForDeliveries(count?: number): Promise<void>
  /** Answers a request without a socket; for simulations. Delays are not kept, `fate` is the caller's to obey. */
  handle(request: SandboxRequest): Answer
  stop(): Promise<void>
}

/** Listens on loopback. The stand-in follows docs/twenty.md. */
export async function startSandboxTwenty(options: SandboxTwentyOptions = {}): Promise<SandboxTwenty> {
  const sender = options.send ? { send: options.send, close: () => {} } : httpSender()
  const twenty = new Twenty(options, sender.send)
  const server = http.createServer({ keepAliveTimeout: 60_000 }, (request, response) =>
    serve(twenty, request, response),
  )
  const host = options.host ?? '127.0.0.1'
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, host, resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://${host}:${port}`,
    port,
    apiKey: twenty.apiKey,
    workspaceId: twenty.workspaceId,
    faults: twenty.faults,
    get calls() {
      return twenty.calls
    },
    get deliveries() {
      return twenty.dispatcher.deliveries
    },
    resetCalls() {
      twenty.calls = []
    },
    resetDeliveries() {
      twenty.dispatcher.deliveries = []
    },
    resetRateLimit: () => twenty.rateLimit.reset(),
    rows: object => [...twenty.records.table(twenty.records.schema.required(object).nameSingular).rows()],
    seed: (object, records) =>
      twenty.records.create(twenty.records.schema.required(object), records, { kind: 'system' }, true),
    addView: view => addView(twenty, view),
    asUser: id => userEditor(twenty, id),
    get members() {
      return [...twenty.records.table('workspaceMember').rows()]
    },
    sendMetadataEvent: (metadataName, operation) =>
      twenty.dispatcher.metadataChanged({ metadataName, operation, event: { type: operation } }, { kind: 'system' }),
    waitForDeliveries: count => twenty.dispatcher.settled(count),
    handle: request => twenty.handle(request),
    stop: () =>
      new Promise<void>(resolve => {
        sender.close()
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function serve(twenty: Twenty, request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = []
  request.on('data', chunk => chunks.push(chunk))
  request.on('error', () => request.destroy())
  request.on('end', () => {
    const answer = twenty.handle({
      method: request.method ?? 'GET',
      url: request.url ?? '/',
      headers: request.headers as Record<string, string | undefined>,
      body: chunks.length === 1 ? chunks[0]!.toString() : Buffer.concat(chunks).toString(),
    })
    const delayMs = request.url?.startsWith('/sandbox/') ? 0 : twenty.delayMs(request.method === 'GET')
    if (delayMs > 0) twenty.clock.after(delayMs, () => reply(twenty, answer, response))
    else reply(twenty, answer, response)
  })
}

function reply(twenty: Twenty, answer: Answer, response: ServerResponse): void {
  if (answer.fate) {
    response.socket?.destroy()
    return
  }
  const body = answer.body === undefined ? '' : JSON.stringify(answer.body)
  const date = new Date(serverNow(twenty.clock, twenty.faults) + twenty.faults.clock.dateHeaderSkewMs)
  response.sendDate = false
  response.writeHead(answer.status, {
    Date: date.toUTCString(),
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    ...answer.headers,
  })
  response.end(body)
}
