import { AsyncLocalStorage } from 'node:async_hooks'
import type Stripe from 'stripe'
import type { HttpResponse } from '../../environment.ts'
import { SyncError } from '../../errors.ts'
import { type HttpCall, type HttpClientOptions, statusError } from '../http.ts'

/** One call on its way: what the SDK does not hand through, and what is told of it when it fails. */
export interface Exchange {
  readonly system: string
  readonly signal: AbortSignal
  readonly writes: boolean
  /** `POST /v1/customers`, once it left. */
  request?: string
}

export const exchanges = new AsyncLocalStorage<Exchange>()

type SdkTransport = NonNullable<NonNullable<ConstructorParameters<typeof Stripe>[1]>['httpClient']>

/** Calls of the SDK leave through the environment's transport, so that its time-outs, signals and simulations hold for them. */
export function transportOf(options: HttpClientOptions): SdkTransport {
  return {
    getClientName: () => 'twenty-sync',
    async makeRequest(host, port, path, method, headers, body, protocol, timeoutMs) {
      const exchange = exchanges.getStore()!
      const call = { method, url: path.replace(/\?.*$/s, '') }
      exchange.request = `${method} ${call.url}`
      const answer = await options.env.http({
        method,
        url: `${protocol}://${host}:${port}${path}`,
        headers: headersOf(headers),
        ...(method === 'POST' && { body }),
        timeoutMs,
        signal: exchange.signal,
      })
      return answered(answer, parsed(answer, call, options))
    },
  }
}

function headersOf(given: Readonly<Record<string, unknown>>): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(given)) {
    // The transport counts the bytes itself.
    if (value !== undefined && name.toLowerCase() !== 'content-length') headers[name.toLowerCase()] = String(value)
  }
  return headers
}

function answered({ status, headers }: HttpResponse, json: unknown): Awaited<ReturnType<SdkTransport['makeRequest']>> {
  return {
    getStatusCode: () => status,
    getHeaders: () => ({ ...headers }),
    getRawResponse: () => ({ headers, statusCode: status }),
    toStream: () => undefined,
    toJSON: async () => json,
  }
}

/** A proxy in between answers with pages: those are judged by their status, which the SDK would not tell. */
function parsed(answer: HttpResponse, call: HttpCall, options: HttpClientOptions): unknown {
  const { status, body } = answer
  try {
    const json: unknown = JSON.parse(body.toString('utf8'))
    if (typeof json === 'object' && json !== null && (status < 300 || 'error' in json)) return json
  } catch {}
  if (status >= 300) throw statusError(answer, call, options)
  const message = `${options.name}: ${call.method} ${call.url} answered ${status} with what is no answer of Stripe; is the URL the right one?`
  throw new SyncError('retryable', 'INVALID_ANSWER', message, { status, outcomeUnknown: call.method !== 'GET' })
}
