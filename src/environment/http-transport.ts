import { Agent, type Dispatcher, request as send } from 'undici'
import type { HttpRequest, HttpResponse, HttpTransport } from '../environment.ts'
import { SyncError } from '../errors.ts'

const DEFAULT_MAX_RESPONSE_BYTES = 32 * 1024 * 1024

/** Failures before the first byte of the request left: the call had no effect. */
const NEVER_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'EMFILE',
  'UND_ERR_CONNECT_TIMEOUT',
])

/** The network itself, with kept-alive connections shared by every client of the process. */
export const systemHttp: HttpTransport = createHttpTransport(
  new Agent({ connections: 128, connect: { timeout: 10_000 }, headersTimeout: 0, bodyTimeout: 0 }),
)

/** For tests that need an agent of their own. */
export function createHttpTransport(dispatcher: Dispatcher): HttpTransport {
  return async request => {
    const abort = new AbortController()
    const cancelled = () => abort.abort(request.signal?.reason)
    if (request.signal?.aborted) throw aborted(request, false)
    request.signal?.addEventListener('abort', cancelled, { once: true })
    let timedOut = false
    const timer = setTimeout(() => {
      timedOut = true
      abort.abort()
    }, request.timeoutMs)
    try {
      return await exchange(dispatcher, request, abort.signal)
    } catch (cause) {
      if (cause instanceof SyncError) throw cause
      if (timedOut) throw timeOut(request, cause)
      if (request.signal?.aborted) throw aborted(request, true)
      throw connectionError(request, cause)
    } finally {
      clearTimeout(timer)
      request.signal?.removeEventListener('abort', cancelled)
    }
  }
}

async function exchange(dispatcher: Dispatcher, request: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
  const response = await send(request.url, {
    dispatcher,
    signal,
    method: request.method as Dispatcher.HttpMethod,
    headers: request.headers ? { ...request.headers } : undefined,
    body: request.body,
  })
  const limit = request.maxResponseBytes ?? DEFAULT_MAX_RESPONSE_BYTES
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response.body) {
    size += chunk.length
    if (size > limit) throw tooLarge(request, limit)
    chunks.push(chunk)
  }
  return {
    status: response.statusCode,
    headers: joined(response.headers),
    body: chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size),
  }
}

function joined(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const result: Record<string, string> = {}
  for (const name in headers) {
    const value = headers[name]
    if (value !== undefined) result[name] = typeof value === 'string' ? value : value.join(', ')
  }
  return result
}

/** Without the query: it may hold what must not be logged. */
function where(request: HttpRequest): string {
  try {
    const { origin, pathname } = new URL(request.url)
    return `${request.method} ${origin}${pathname}`
  } catch {
    return request.method
  }
}

function timeOut(request: HttpRequest, cause: unknown): SyncError {
  const message = `${where(request)}: no complete answer within ${request.timeoutMs} ms`
  return new SyncError('retryable', 'TIMEOUT', message, { cause, outcomeUnknown: true })
}

function aborted(request: HttpRequest, outcomeUnknown: boolean): SyncError {
  const cause = request.signal?.reason
  return new SyncError('retryable', 'ABORTED', `${where(request)}: given up by us`, { cause, outcomeUnknown })
}

function tooLarge(request: HttpRequest, limit: number): SyncError {
  const message = `${where(request)}: the answer is larger than ${limit} bytes`
  return new SyncError('rejected', 'RESPONSE_TOO_LARGE', message, { outcomeUnknown: true })
}

function connectionError(request: HttpRequest, cause: unknown): SyncError {
  const code = codeOf(cause)
  const text = cause instanceof Error ? cause.message : String(cause)
  if (code === 'ERR_INVALID_URL' || code === 'UND_ERR_INVALID_ARG') {
    return new SyncError('rejected', 'INVALID_REQUEST', `${where(request)}: ${text}`, { cause })
  }
  if (NEVER_SENT.has(code) || isCertificateProblem(code)) {
    const message = `${where(request)}: cannot connect (${code || text}); check the address and that the system runs`
    return new SyncError('retryable', 'CONNECTION_FAILED', message, { cause })
  }
  const message = `${where(request)}: the connection broke before the answer was complete (${code || text})`
  return new SyncError('retryable', 'CONNECTION_LOST', message, { cause, outcomeUnknown: true })
}

/** Several addresses tried give one AggregateError: its code is that of the first. */
function codeOf(cause: unknown): string {
  if (typeof cause !== 'object' || cause === null) return ''
  if ('code' in cause && typeof cause.code === 'string') return cause.code
  if (cause instanceof AggregateError) return codeOf(cause.errors[0])
  return cause instanceof Error ? codeOf(cause.cause) : ''
}

function isCertificateProblem(code: string): boolean {
  return /^(CERT_|ERR_TLS_|ERR_SSL_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_)/.test(code)
}
