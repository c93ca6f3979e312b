import { randomUUID } from 'node:crypto'
import type { Caller } from './caller.ts'
import { type SandboxClock, serverNow, systemClock } from './clock.ts'
import { handleControl } from './control.ts'
import { errorBody, TwentyError } from './errors.ts'
import { defaultFaults, type Faults, type FaultsPatch, patchFaults } from './faults.ts'
import { handleGraphql, readsOnly } from './graphql/endpoint.ts'
import { type Answer, parseJson, type SandboxRequest, segmentsOf, splitUrl } from './http.ts'
import { stableId } from './ids.ts'
import { Metadata } from './metadata.ts'
import { Misfortune } from './misfortune.ts'
import { RateLimit } from './rate-limit.ts'
import { Records } from './records/records.ts'
import { handleMetadata } from './rest/metadata.ts'
import { openApi } from './rest/open-api.ts'
import { handleRecords } from './rest/records.ts'
import { newViewStore, type ViewStore } from './rest/views.ts'
import { handleWebhooks } from './rest/webhooks.ts'
import { Schema } from './schema/schema.ts'
import type { SchemaOptions } from './schema/standard-objects.ts'
import { Dispatcher } from './webhooks/dispatcher.ts'
import { Webhooks } from './webhooks/registry.ts'
import type { Send } from './webhooks/send.ts'

export interface TwentyOptions {
  /** The token that is let in; made up when absent. */
  readonly apiKey?: string
  /** The key's name, which its writes carry in createdBy and updatedBy. */
  readonly apiKeyName?: string
  /** More keys, by token. */
  readonly otherApiKeys?: Readonly<Record<string, string>>
  readonly workspaceId?: string
  /** People of the workspace, each with a row in workspaceMembers. */
  readonly members?: readonly { readonly firstName: string; readonly lastName: string; readonly email: string }[]
  /** Which version's fields the workspace has; fixed for its life. */
  readonly schema?: SchemaOptions
  readonly faults?: FaultsPatch
  readonly clock?: SandboxClock
  /** In [0, 1); decides the faults with a rate. */
  readonly random?: () => number
  readonly uuid?: () => string
  /** Oldest entries of the ledgers go first above this. */
  readonly ledgerLimit?: number
}

/** One request as the ledger keeps it. */
export interface LedgerEntry {
  readonly method: string
  /** Without the query. */
  readonly path: string
  readonly query: string
  /** 0 when the connection was dropped without an answer. */
  readonly status: number
  readonly at: number
  readonly rows: number
}

interface ApiKey {
  readonly id: string
  readonly name: string
}

const DEFAULT_MEMBERS = [
  { firstName: 'Tim', lastName: 'Apple', email: 'tim@apple.dev' },
  { firstName: 'Rita', lastName: 'Rep', email: 'rep@example.com' },
]

/** A whole workspace without a socket: answers requests, sends webhooks, obeys the fault switches. */
export class Twenty {
  readonly apiKey: string
  readonly workspaceId: string
  readonly faults: Faults
  readonly clock: SandboxClock
  readonly records: Records
  readonly metadata: Metadata
  readonly webhooks: Webhooks
  readonly dispatcher: Dispatcher
  readonly views: ViewStore
  readonly rateLimit: RateLimit
  calls: LedgerEntry[] = []
  readonly #keys: Map<string, ApiKey>
  readonly #keysWithoutToken = new Map<string, ApiKey>()
  readonly #misfortune: Misfortune
  readonly #ledgerLimit: number

  constructor(options: TwentyOptions, send: Send) {
    this.faults = defaultFaults()
    if (options.faults) patchFaults(this.faults, options.faults)
    this.clock = options.clock ?? systemClock
    this.workspaceId = options.workspaceId ?? stableId('workspace')
    this.apiKey = options.apiKey ?? `sandbox-${randomUUID()}`
    const keys = { [this.apiKey]: options.apiKeyName ?? 'sandbox-key', ...options.otherApiKeys }
    this.#keys = new Map(Object.entries(keys).map(([key, name]) => [key, { id: stableId('apiKey', name), name }]))
    const random = options.random ?? Math.random
    this.#ledgerLimit = options.ledgerLimit ?? 100_000
    const nowIso = () => this.nowIso()
    this.webhooks = new Webhooks(nowIso)
    this.dispatcher = new Dispatcher({
      webhooks: this.webhooks,
      workspaceId: this.workspaceId,
      faults: this.faults,
      clock: this.clock,
      send,
      random,
      ledgerLimit: this.#ledgerLimit,
    })
    this.records = new Records({
      schema: new Schema(options.schema ?? {}, nowIso()),
      faults: this.faults,
      clock: this.clock,
      ...(options.uuid ? { uuid: options.uuid } : {}),
      changed: batch => this.dispatcher.recordsChanged(batch),
    })
    this.metadata = new Metadata(this.records, nowIso, (event, caller) =>
      this.dispatcher.metadataChanged(event, caller),
    )
    this.views = newViewStore(this.records.schema, nowIso())
    this.rateLimit = new RateLimit(this.faults, this.clock, this.workspaceId)
    this.#misfortune = new Misfortune(this.faults, random)
    this.#addMembers(options.members ?? DEFAULT_MEMBERS)
  }

  apiKeys(): ApiKey[] {
    const keys = [...this.#keys.values(), ...this.#keysWithoutToken.values()]
    return [...new Map(keys.map(key => [key.id, key])).values()]
  }

  /** A key has no token until one is generated for it. */
  createApiKey(input: Readonly<Record<string, unknown>>): ApiKey & Readonly<Record<string, unknown>> {
    const key = { ...input, id: randomUUID(), name: String(input.name) }
    this.#keysWithoutToken.set(key.id, key)
    return key
  }

  generateToken(apiKeyId: string): string | undefined {
    const key = this.apiKeys().find(each => each.id === apiKeyId)
    if (!key) return undefined
    const token = `sandbox-${randomUUID()}`
    this.#keysWithoutToken.delete(key.id)
    this.#keys.set(token, key)
    return token
  }

  nowIso(): string {
    return new Date(serverNow(this.clock, this.faults)).toISOString()
  }

  /** @throws Error when there is no such member. */
  user(workspaceMemberId: string): Caller {
    const member = this.records.table('workspaceMember').get(workspaceMemberId)
    if (!member) throw new Error(`no workspace member ${workspaceMemberId}`)
    const { firstName, lastName } = member.name as { firstName: string; lastName: string }
    return { kind: 'user', userId: String(member.userId), workspaceMemberId, name: `${firstName} ${lastName}` }
  }

  /** How long the next answer is held back. */
  delayMs(isRead: boolean): number {
    return this.#misfortune.delayMs(isRead)
  }

  /** Answers one request. Never throws. */
  handle(request: SandboxRequest): Answer {
    const { path, query } = splitUrl(request.url)
    let answer: Answer
    try {
      answer = this.#route(request, path, query)
    } catch (error) {
      answer = refusal(error)
    }
    if (!path.startsWith('/sandbox/')) this.#record(request, path, answer)
    return answer
  }

  #route(request: SandboxRequest, path: string, query: URLSearchParams): Answer {
    if (path === '/healthz') return { status: 200, body: { status: 'ok', info: {}, error: {}, details: {} } }
    const segments = segmentsOf(path)
    const [api] = segments
    if (api === 'sandbox') return handleControl(this, request, segments.slice(1))
    const isGraphql = (api === 'graphql' || api === 'metadata') && segments.length === 1
    if (api !== 'rest' && !isGraphql && api !== 'open-api')
      throw new TwentyError(404, 'NotFoundException', `Cannot ${request.method} ${path}`)
    const isRead = isGraphql ? readsOnly(request.body) : request.method === 'GET'
    const fate = this.#misfortune.before(isRead)
    if (fate === 'reset') return { status: 0, fate: 'reset' }
    const caller = this.#authenticate(request)
    const call = {
      method: request.method,
      path,
      segments: segments.slice(1),
      query,
      caller,
      body: () => parseJson(request.body),
    }
    const answer = isGraphql ? handleGraphql(this, api, call) : this.#rest(api, call)
    return fate === 'lost' ? { ...answer, fate: 'lost' } : answer
  }

  #rest(api: string | undefined, call: Parameters<typeof handleMetadata>[1]): Answer {
    const [first, ...rest] = call.segments
    if (api === 'open-api') return openApi(this, first)
    if (first === 'open-api') return openApi(this, rest[0])
    if (call.caller.kind === 'apiKey') this.rateLimit.take()
    if (first === 'metadata') return handleMetadata(this, { ...call, segments: rest })
    if (first === 'webhooks') return handleWebhooks(this, { ...call, segments: rest }, false)
    return handleRecords(this.records, this.faults, call)
  }

  /** `Bearer <key>`; `Bearer user-<workspaceMemberId>` stands for a person's session. */
  #authenticate(request: SandboxRequest): Caller {
    const token = /^Bearer\s+(.+)$/i.exec(request.headers.authorization ?? '')?.[1]?.trim()
    if (token === undefined) {
      if (this.faults.versions.missingTokenStatus === 403)
        throw new TwentyError(403, 'FORBIDDEN_EXCEPTION', 'Missing authentication token')
      throw new TwentyError(401, 'UNAUTHENTICATED', 'Missing authentication token', { code: 'UNAUTHENTICATED' })
    }
    const key = this.#keys.get(token)
    if (key && !this.faults.http.unauthorized) return { kind: 'apiKey', id: key.id, name: key.name }
    const member = /^user-(.+)$/.exec(token)?.[1]
    if (member && this.records.table('workspaceMember').get(member)) return this.user(member)
    throw new TwentyError(401, 'UNAUTHENTICATED', 'Token invalid.', { code: 'UNAUTHENTICATED' })
  }

  #record(request: SandboxRequest, path: string, answer: Answer): void {
    const mark = request.url.indexOf('?')
    this.calls.push({
      method: request.method,
      path,
      query: mark < 0 ? '' : request.url.slice(mark + 1),
      status: answer.fate ? 0 : answer.status,
      at: this.clock.now(),
      rows: answer.rows ?? 0,
    })
    if (this.calls.length > this.#ledgerLimit * 1.2) this.calls = this.calls.slice(-this.#ledgerLimit)
  }

  #addMembers(members: NonNullable<TwentyOptions['members']>): void {
    const inputs = members.map(({ firstName, lastName, email }) => ({
      id: stableId('member', email),
      userId: stableId('user', email),
      name: { firstName, lastName },
      userEmail: email,
    }))
    this.records.create(this.records.schema.bySingular('workspaceMember')!, inputs, { kind: 'system' }, true)
  }
}

function refusal(error: unknown): Answer {
  if (error instanceof TwentyError) return { status: error.status, body: errorBody(error), headers: error.headers }
  const message = error instanceof Error ? error.message : String(error)
  return { status: 500, body: errorBody(new TwentyError(500, 'InternalServerErrorException', message)) }
}
