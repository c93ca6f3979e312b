import type { Environment, HttpResponse } from '../environment.ts'
import { type ErrorKind, kindOfStatus, SyncError } from '../errors.ts'
import { retryAfterMs } from './retry-after.ts'

export interface HttpClientOptions {
  /** Names the system in messages. */
  readonly name: string
  readonly env: Pick<Environment, 'http' | 'clock'>
  /** Paths are appended to it as text. Absent: every call gives a whole `url`. */
  readonly baseUrl?: string
  /** Sent with every call; lower-case names. */
  readonly headers?: Readonly<Record<string, string>>
  /** Headers that have to be fetched first, such as those of OAuth2. */
  readonly proof?: Proof
  /** Whole exchange. Default 30 s. */
  readonly timeoutMs?: number
  readonly maxResponseBytes?: number
}

/** Headers that prove who we are, and that the other side may take no more one day. */
export interface Proof {
  /** @throws SyncError without `outcomeUnknown`: the call itself was not made. */
  headers(signal?: AbortSignal): Promise<Readonly<Record<string, string>>>
  /** These were answered 401; the next ones are new. */
  refused(headers: Readonly<Record<string, string>>): void
}

export interface HttpCall {
  readonly method: string
  /** Appended to `baseUrl`; or a whole URL. */
  readonly url: string
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as `application/json`. */
  readonly json?: unknown
  /** Sent as it is; `json` wins. */
  readonly body?: string | Uint8Array
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

export interface HttpAnswer extends HttpResponse {
  /** @throws SyncError retryable `INVALID_ANSWER` when the body is not JSON. undefined for an empty body. */
  json(): unknown
}

export interface HttpClient {
  /**
   * Resolves with a 2xx answer.
   * @throws SyncError of the transport; `kindOfStatus` for any other status, with `status`, `retryAfterMs` and, in
   * `details`, the beginning of the body; `outcomeUnknown` where the call may have had its effect all the same.
   */
  send(call: HttpCall): Promise<HttpAnswer>
  /** The same without judging the status. */
  exchange(call: HttpCall): Promise<HttpAnswer>
}

const DEFAULT_TIMEOUT_MS = 30_000
const DETAIL_BYTES = 2048

export function createHttpClient(options: HttpClientOptions): HttpClient {
  const once = async (call: HttpCall, proof?: Readonly<Record<string, string>>): Promise<HttpAnswer> => {
    const url = urlOf(options.baseUrl, call)
    const response = await options.env.http({
      method: call.method,
      url,
      headers: { ...headersOf(options.headers, call), ...proof },
      body: call.json === undefined ? call.body : JSON.stringify(call.json),
      timeoutMs: call.timeoutMs ?? options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
      maxResponseBytes: options.maxResponseBytes,
      signal: call.signal,
    })
    return {
      ...response,
      json: () => parsed(response, call.method, `${options.name}: ${call.method} ${withoutQuery(url)}`),
    }
  }
  const exchange = async (call: HttpCall): Promise<HttpAnswer> => {
    const { proof } = options
    if (!proof) return once(call)
    const headers = await proof.headers(call.signal)
    const answer = await once(call, headers)
    if (answer.status !== 401) return answer
    // A call that was refused so had no effect: once more, with a new token.
    proof.refused(headers)
    return once(call, await proof.headers(call.signal))
  }
  return {
    exchange,
    async send(call) {
      const answer = await exchange(call)
      if (answer.status >= 200 && answer.status < 300) return answer
      throw statusError(answer, call, options)
    },
  }
}

/** The error that an answer outside 2xx stands for, with the kind that `kindOfStatus` gives it. */
export function statusError(answer: HttpResponse, call: HttpCall, options: HttpClientOptions): SyncError {
  const { status } = answer
  const target = `${call.method} ${withoutQuery(urlOf(options.baseUrl, call))}`
  const details = answer.body.subarray(0, DETAIL_BYTES).toString('utf8')
  return new SyncError(kindOfStatus(status), codeOfStatus(status), `${options.name}: ${target} answered ${status}`, {
    status,
    details: details || undefined,
    retryAfterMs: retryAfterMs(answer.headers, options.env.clock.now()),
    outcomeUnknown: mayHaveHadItsEffect(status, call.method),
  })
}

const CODES: Readonly<Record<number, string>> = {
  401: 'UNAUTHORIZED',
  403: 'UNAUTHORIZED',
  404: 'NOT_FOUND',
  409: 'CONFLICT',
  429: 'RATE_LIMITED',
}

const CODE_OF_KIND: Readonly<Record<ErrorKind, string>> = {
  fatal: 'UNAUTHORIZED',
  retryable: 'SERVER_ERROR',
  rejected: 'REQUEST_REFUSED',
}

function codeOfStatus(status: number): string {
  // A redirect is never followed: it could carry the credentials to another host.
  if (status >= 300 && status < 400) return 'UNEXPECTED_REDIRECT'
  return CODES[status] ?? CODE_OF_KIND[kindOfStatus(status)]
}

/** 503, like 425 and 429, is said before the work; after any other 5xx or 408 it may have been done. */
function mayHaveHadItsEffect(status: number, method: string): boolean {
  if (reads(method)) return false
  return status === 408 || (status >= 500 && status !== 503)
}

function reads(method: string): boolean {
  return method === 'GET' || method === 'HEAD'
}

function urlOf(baseUrl: string | undefined, call: HttpCall): string {
  const url = baseUrl !== undefined && !/^https?:\/\//i.test(call.url) ? baseUrl + call.url : call.url
  const query = Object.entries(call.query ?? {})
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`)
    .join('&')
  if (query === '') return url
  return `${url}${url.includes('?') ? '&' : '?'}${query}`
}

function headersOf(common: HttpClientOptions['headers'], call: HttpCall): Record<string, string> {
  return { ...common, ...(call.json === undefined ? {} : { 'content-type': 'application/json' }), ...call.headers }
}

/** P9: credentials in a query or before the host never reach a message. */
function withoutQuery(url: string): string {
  return url.replace(/[?#].*$/s, '').replace(/\/\/[^/@]*@/, '//')
}

function parsed(response: HttpResponse, method: string, target: string): unknown {
  if (response.body.length === 0) return undefined
  try {
    return JSON.parse(response.body.toString('utf8'))
  } catch (cause) {
    const message = `${target} answered ${response.status} with a body that is not JSON; is the URL the right one?`
    const { status } = response
    throw new SyncError('retryable', 'INVALID_ANSWER', message, { cause, status, outcomeUnknown: !reads(method) })
  }
}
