import { fateOf, isThePage, type SandboxRestFaults } from './faults.ts'
import { listPage, show } from './lists.ts'
import type { SandboxRestSettings } from './settings.ts'
import type { RestRow, Store, Stored } from './store.ts'

/** One request as it came. */
export interface SandboxRestCall {
  readonly method: string
  readonly path: string
  readonly query: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: unknown
  /** 0 when the connection was dropped. */
  status: number
  /** It changed something. */
  applied: boolean
}

export interface ApiAnswer {
  readonly status: number
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export interface ApiParts {
  readonly store: Store
  readonly settings: SandboxRestSettings
  readonly faults: SandboxRestFaults
  readonly token: string
  readonly random: () => number
  /** Whole, without a slash at the end. */
  readonly address: () => string
}

const COLLECTION = /^\/([a-z][a-z-]*)$/
const RECORD = /^\/([a-z][a-z-]*)\/([^/]+)$/

/** What the API makes of a request; the server around it only carries it. */
export class Api {
  readonly #parts: ApiParts
  readonly #answers = new Map<string, ApiAnswer>()

  constructor(parts: ApiParts) {
    this.#parts = parts
  }

  /** Sets the call's status and whether it had its effect. undefined: the connection drops. */
  answer(call: SandboxRestCall): ApiAnswer | undefined {
    const { faults, random } = this.#parts
    const fate = fateOf(faults, call.method !== 'GET', random)
    if (fate === 'reset') return undefined
    const answer = fate === 'failed' ? this.#failure() : this.#handle(call)
    if (fate === 'lost') return undefined
    call.status = answer.status
    return answer
  }

  clear(): void {
    this.#answers.clear()
  }

  #handle(call: SandboxRestCall): ApiAnswer {
    if (call.headers.authorization !== `Bearer ${this.#parts.token}`) return refused(401, 'unauthorized')
    if (call.path === '/me') return { status: 200, body: { name: 'sandbox' } }
    const [, collection] = COLLECTION.exec(call.path) ?? []
    if (collection !== undefined)
      return call.method === 'GET' ? this.#list(collection, call) : this.#create(collection, call)
    const [, of, id] = RECORD.exec(call.path) ?? []
    if (of === undefined || id === undefined) return refused(404, 'not_found')
    return this.#record(of, decodeURIComponent(id), call)
  }

  #list(collection: string, call: SandboxRestCall): ApiAnswer {
    const { store, settings, faults, address } = this.#parts
    if (isThePage(faults, 'failPageAfter')) return this.#failure()
    if (isThePage(faults, 'emptyPageAfter')) return { status: 200, body: { data: [] } }
    const query = new URLSearchParams(call.query)
    return { status: 200, ...listPage(store.all(collection), query, settings, `${address()}/${collection}`) }
  }

  #create(collection: string, call: SandboxRestCall): ApiAnswer {
    if (call.method !== 'POST') return refused(405, 'method_not_allowed')
    const key = call.headers['idempotency-key']
    const first = key === undefined ? undefined : this.#answers.get(key)
    if (first) return first
    const stored = this.#parts.store.create(collection, fieldsOf(call.body), 'api')
    const answer = this.#stored(stored, collection, call, 201)
    if (key !== undefined && answer.status < 300) this.#answers.set(key, answer)
    return answer
  }

  #record(collection: string, id: string, call: SandboxRestCall): ApiAnswer {
    const { store, settings } = this.#parts
    const row = store.get(collection, id)
    if (!row) return refused(404, 'not_found')
    if (call.method === 'GET')
      return { status: 200, body: { data: show(settings)({ row }) }, headers: this.#etag(collection, id) }
    if (!this.#mayWrite(collection, row, call)) return refused(412, 'precondition_failed')
    if (call.method === 'DELETE') {
      if (store.delete(collection, id, 'api') === 'gone') return refused(404, 'not_found')
      call.applied = true
      return { status: 204 }
    }
    if (call.method !== 'PATCH' && call.method !== 'PUT') return refused(405, 'method_not_allowed')
    return this.#stored(
      store.update(collection, id, fieldsOf(call.body), 'api', call.method === 'PUT'),
      collection,
      call,
      200,
    )
  }

  #stored(stored: Stored, collection: string, call: SandboxRestCall, status: number): ApiAnswer {
    if (stored === 'gone') return refused(404, 'not_found')
    if ('taken' in stored) {
      return { status: 409, body: { error: { code: 'duplicate', existing_id: stored.taken.id } } }
    }
    call.applied = true
    const { returns } = this.#parts.settings
    const { row } = stored
    const headers = {
      ...this.#etag(collection, row.id),
      ...(status === 201 && { Location: `/${collection}/${row.id}` }),
    }
    if (returns === 'nothing') return { status: status === 201 ? 201 : 204, headers }
    return { status, headers, body: { data: returns === 'id' ? { id: row.id } : show(this.#parts.settings)({ row }) } }
  }

  #mayWrite(collection: string, row: RestRow, { headers }: SandboxRestCall): boolean {
    const { settings, store } = this.#parts
    if (!settings.etags) return true
    const tag = headers['if-match']
    if (tag !== undefined && tag !== store.etag(collection, row.id)) return false
    const since = Date.parse(headers['if-unmodified-since'] ?? '')
    return Number.isNaN(since) || Math.floor(Date.parse(String(row.updated_at)) / 1000) * 1000 <= since
  }

  #etag(collection: string, id: string): Record<string, string> {
    return this.#parts.settings.etags ? { ETag: this.#parts.store.etag(collection, id) } : {}
  }

  #failure(): ApiAnswer {
    const { failStatus, retryAfterSeconds } = this.#parts.faults
    const headers = retryAfterSeconds === null ? undefined : { 'Retry-After': String(retryAfterSeconds) }
    return { status: failStatus, headers, body: { error: { code: 'sandbox_fault' } } }
  }
}

function refused(status: number, code: string): ApiAnswer {
  return { status, body: { error: { code } } }
}

function fieldsOf(body: unknown): Record<string, unknown> {
  return typeof body === 'object' && body !== null && !Array.isArray(body) ? (body as Record<string, unknown>) : {}
}
