import type { Caller } from './caller.ts'
import { badRequest } from './errors.ts'

/** One request, from a socket or from the same process. */
export interface SandboxRequest {
  readonly method: string
  /** Path and query, as in the request line. */
  readonly url: string
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body?: string
}

export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON; undefined is an empty body. */
  readonly body?: unknown
  /** Rows read or written, for the ledger. */
  readonly rows?: number
  /** `lost`: applied, but the connection drops. `reset`: dropped before anything was applied. `held`: no answer ever comes. */
  readonly fate?: 'lost' | 'reset' | 'held'
}

/** A request after routing: who asks what of whom. */
export interface Call {
  readonly method: string
  readonly path: string
  /** Parts of the path after the API's prefix, decoded. */
  readonly segments: readonly string[]
  readonly query: URLSearchParams
  readonly caller: Caller
  /** The parsed JSON body. @throws TwentyError 400 when it is no JSON. */
  body(): unknown
}

export function ok(body: unknown, rows = 0, status = 200, headers?: Readonly<Record<string, string>>): Answer {
  return { status, body, rows, ...(headers ? { headers } : {}) }
}

export function parseJson(text: string | undefined): unknown {
  if (text === undefined || text === '') return {}
  try {
    return JSON.parse(text)
  } catch (error) {
    throw badRequest(error instanceof Error ? error.message : 'Body is not JSON')
  }
}

/** @throws TwentyError 400 when the body is JSON, but no object. */
export function asObject(body: unknown): Readonly<Record<string, unknown>> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw badRequest('Body is not an object')
  return body as Record<string, unknown>
}

export function splitUrl(url: string): { path: string; query: URLSearchParams } {
  const mark = url.indexOf('?')
  if (mark < 0) return { path: url, query: NO_QUERY }
  return { path: url.slice(0, mark), query: new URLSearchParams(url.slice(mark + 1)) }
}

const NO_QUERY = new URLSearchParams()

export function segmentsOf(path: string): string[] {
  try {
    return path.split('/').filter(Boolean).map(decodeURIComponent)
  } catch {
    throw badRequest(`Query path '${path}' invalid`)
  }
}
