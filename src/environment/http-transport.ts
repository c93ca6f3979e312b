import type { IncomingHttpHeaders } from 'node:http'
import { Agent, type Dispatcher } from 'undici'
import type { HttpRequest, HttpResponse, HttpTransport } from '../environment.ts'
import { SyncError } from '../errors.ts'
import { onAbort } from '../on-abort.ts'

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
  return request =>
    new Promise((resolve, reject) => {
      if (request.signal?.aborted) return reject(aborted(request, false))
      new Exchange(request, resolve, reject).begin(dispatcher)
    })
}

/**
 * One request on undici's own level: a stream, a signal and an async iterator per answer would cost more than all the
 * rest of a small one.
 */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #request: HttpRequest
  readonly #limit: number
  readonly #resolve: (response: HttpResponse) => void
  readonly #reject: (error: SyncError) => void
  readonly #timer: NodeJS.Timeout
  readonly #deaf: (() => void) | undefined
  readonly #chunks: Buffer[] = []
  #controller: Dispatcher.DispatchController | undefined
  /** Set when the outcome is known; whatever undici says later changes nothing. */
  #over: Error | true | undefined
  #status = 0
  #headers: Record<string, string> = {}
  #size = 0

  constructor(request: HttpRequest, resolve: (response: HttpResponse) => void, reject: (error: SyncError) => void) {
    this.#request = request
    this.#limit = request.maxResponseBytes ?? DEFAULT_MAX_RESPONSE_BYTES
    this.#resolve = resolve
    this.#reject = reject
    this.#timer = setTimeout(() => this.#fail(timeOut(request)), request.timeoutMs)
    this.#deaf = request.signal && onAbort(request.signal, () => this.#fail(aborted(request, true)))
  }

  begin(dispatcher: Dispatcher): void {
    const { url, method, headers, body } = this.#request
    try {
      const { origin, pathname, search } = new URL(url)
      dispatcher.dispatch(
        { origin, path: pathname + search, method: method as Dispatcher.HttpMethod, headers, body },
        this,
      )
    } catch (cause) {
      this.#fail(connectionError(this.#request, cause))
    }
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Given up while it waited for a connection: it must not leave any more.
    if (this.#over) controller.abort(this.#over === true ? new Error('over') : this.#over)
    this.#controller = controller
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    // 1xx comes before the answer.
    if (status < 200) return
    this.#status = status
    this.#headers = joined(headers)
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#size += chunk.length
    if (this.#size > this.#limit) this.#fail(tooLarge(this.#request, this.#limit))
    else this.#chunks.push(chunk)
  }

  onResponseEnd(): void {
    if (this.#over) return
    this.#end(true)
    const body = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks, this.#size)
    this.#resolve({ status: this.#status, headers: this.#headers, body })
  }

  onResponseError(_controller: Dispatcher.DispatchController, cause: Error): void {
    this.#fail(connectionError(this.#request, cause))
  }

  #fail(error: SyncError): void {
    if (this.#over) return
    this.#end(error)
    this.#controller?.abort(error)
    this.#reject(error)
  }

  #end(outcome: Error | true): void {
    this.#over = outcome
    clearTimeout(this.#timer)
    this.#deaf?.()
  }
}

function joined(headers: IncomingHttpHeaders): Record<string, string> {
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

function timeOut(request: HttpRequest): SyncError {
  const message = `${where(request)}: no complete answer within ${request.timeoutMs} ms`
  return new SyncError('retryable', 'TIMEOUT', message, { outcomeUnknown: true })
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
