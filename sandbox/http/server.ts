import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Live switches. A count wears off by itself, a rate does not. */
export interface SandboxHttpFaults {
  /** The next n requests are answered with `failStatus`; nothing is applied. */
  failNext: number
  failStatus: number
  /** Share of requests, 0 to 1, answered with `failStatus`; nothing is applied. */
  errorRate: number
  /** Sent with failures when set. */
  retryAfterSeconds: number | null
  delayMs: number
  jitterMs: number
  /** The next n requests are applied, then the connection drops without an answer. */
  loseAnswerNext: number
  loseAnswerRate: number
  /** The next n connections drop before anything is applied. */
  resetNext: number
  resetRate: number
  /** The next n requests are applied and never answered: the caller waits until it has had enough. */
  holdNext: number
}

/** One request as it came. */
export interface SandboxHttpCall {
  readonly method: string
  readonly path: string
  readonly query: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** ms since the epoch. */
  readonly at: number
  /** From `Idempotency-Key`, or the header that the options name. */
  readonly idempotencyKey: string | null
  /** 0 when there was no answer. */
  status: number
  /** True when it had its effect: not refused, not reset, not a repeat of an idempotency key. */
  applied: boolean
}

export interface SandboxHttpAnswer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON unless it is text. */
  readonly body?: unknown
}

export interface SandboxHttpOptions {
  readonly port?: number
  readonly host?: string
  /** Answers of applied requests, and, with 400 or more, refusals: those have no effect. By default 200 `{"ok":true}`. */
  readonly answer?: (call: SandboxHttpCall) => SandboxHttpAnswer
  /** Answers in place of the API, outside faults and ledger; undefined leaves the request to the API. */
  readonly control?: (call: SandboxHttpCall) => SandboxHttpAnswer | undefined
  /** Header that carries the idempotency key; lower case. */
  readonly idempotencyHeader?: string
  readonly faults?: Partial<SandboxHttpFaults>
  readonly random?: () => number
  readonly now?: () => number
  /** Requests are counted but not kept in the ledger; for benchmarks. */
  readonly countOnly?: boolean
}

export interface SandboxHttp {
  readonly url: string
  readonly port: number
  readonly faults: SandboxHttpFaults
  readonly calls: readonly SandboxHttpCall[]
  /** Requests, applied ones, and ones whose idempotency key had been applied before. */
  readonly counts: { readonly requests: number; readonly applied: number; readonly repeated: number }
  reset(): void
  /** Resolves when at least `count` requests were applied. */
  waitForApplied(count: number): Promise<void>
  stop(): Promise<void>
}

const DEFAULT_FAULTS: SandboxHttpFaults = {
  failNext: 0,
  failStatus: 500,
  errorRate: 0,
  retryAfterSeconds: null,
  delayMs: 0,
  jitterMs: 0,
  loseAnswerNext: 0,
  loseAnswerRate: 0,
  resetNext: 0,
  resetRate: 0,
  holdNext: 0,
}

/**
 * Any HTTP API: takes every path and method, keeps what came, and fails when told to. A request whose idempotency
 * key was applied before has no effect again and gets the first answer.
 */
export async function startSandboxHttp(options: SandboxHttpOptions = {}): Promise<SandboxHttp> {
  const api = new Api(options)
  const server = http.createServer({ keepAliveTimeout: 60_000 }, (request, response) => api.serve(request, response))
  const host = options.host ?? '127.0.0.1'
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, host, resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://${host}:${port}`,
    port,
    faults: api.faults,
    get calls() {
      return api.calls
    },
    get counts() {
      return { ...api.counts }
    },
    reset: () => api.reset(),
    waitForApplied: count => api.waitForApplied(count),
    stop: () =>
      new Promise<void>(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

type Fate = 'applied' | 'failed' | 'reset' | 'lost' | 'held'

class Api {
  readonly faults: SandboxHttpFaults
  calls: SandboxHttpCall[] = []
  counts = { requests: 0, applied: 0, repeated: 0 }
  readonly #options: SandboxHttpOptions
  readonly #random: () => number
  readonly #answers = new Map<string, SandboxHttpAnswer>()
  #waiting: { count: number; resolve(): void }[] = []

  constructor(options: SandboxHttpOptions) {
    this.#options = options
    this.#random = options.random ?? Math.random
    this.faults = { ...DEFAULT_FAULTS, ...options.faults }
  }

  reset(): void {
    this.calls = []
    this.counts = { requests: 0, applied: 0, repeated: 0 }
    this.#answers.clear()
  }

  waitForApplied(count: number): Promise<void> {
    return new Promise(resolve => {
      this.#waiting.push({ count, resolve })
      this.#wake()
    })
  }

  serve(request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = []
    request.on('data', chunk => chunks.push(chunk))
    request.on('error', () => request.destroy())
    request.on('end', () => {
      const call = this.#callOf(request, Buffer.concat(chunks).toString())
      const controlled = this.#options.control?.(call)
      if (controlled) {
        call.status = controlled.status ?? 200
        return reply(call, controlled, response)
      }
      const fate = this.#fate()
      const answer = this.#apply(call, fate)
      call.status = fate === 'applied' || fate === 'failed' ? (answer.status ?? 200) : 0
      this.#keep(call)
      if (fate === 'held') return
      const delayMs = this.faults.delayMs + this.faults.jitterMs * this.#random()
      if (delayMs > 0) setTimeout(() => reply(call, answer, response), delayMs)
      else reply(call, answer, response)
    })
  }

  #callOf(request: IncomingMessage, body: string): SandboxHttpCall {
    const [path, query] = (request.url ?? '/').split('?', 2)
    const headers = request.headers as Record<string, string>
    return {
      method: request.method ?? 'GET',
      path: path!,
      query: query ?? '',
      headers,
      body,
      at: (this.#options.now ?? Date.now)(),
      idempotencyKey: headers[this.#options.idempotencyHeader ?? 'idempotency-key'] ?? null,
      status: 0,
      applied: false,
    }
  }

  #fate(): Fate {
    const { faults } = this
    if (this.#count('resetNext') || this.#random() < faults.resetRate) return 'reset'
    if (this.#count('failNext') || this.#random() < faults.errorRate) return 'failed'
    if (this.#count('holdNext')) return 'held'
    return this.#count('loseAnswerNext') || this.#random() < faults.loseAnswerRate ? 'lost' : 'applied'
  }

  #count(name: 'resetNext' | 'failNext' | 'loseAnswerNext' | 'holdNext'): boolean {
    return countDown(this.faults, name)
  }

  #apply(call: SandboxHttpCall, fate: Fate): SandboxHttpAnswer {
    if (fate === 'reset') return {}
    if (fate === 'failed') return this.#failure()
    const key = call.idempotencyKey
    const first = key === null ? undefined : this.#answers.get(key)
    if (first) {
      this.counts.repeated++
      return first
    }
    const answer = this.#options.answer?.(call) ?? { status: 200, body: { ok: true } }
    if ((answer.status ?? 200) >= 400) return answer
    call.applied = true
    this.counts.applied++
    if (key !== null) this.#answers.set(key, answer)
    return answer
  }

  #failure(): SandboxHttpAnswer {
    const { failStatus, retryAfterSeconds } = this.faults
    const headers: Record<string, string> =
      retryAfterSeconds === null ? {} : { 'Retry-After': String(retryAfterSeconds) }
    return { status: failStatus, headers, body: { error: `sandbox fault ${failStatus}` } }
  }

  #keep(call: SandboxHttpCall): void {
    this.counts.requests++
    if (!this.#options.countOnly) this.calls.push(call)
    this.#wake()
  }

  #wake(): void {
    this.#waiting = this.#waiting.filter(({ count, resolve }) => {
      if (this.counts.applied < count) return true
      resolve()
      return false
    })
  }
}

/** True for each of the next requests that the switch means. */
export function countDown<Name extends string>(switches: Record<Name, number>, name: Name): boolean {
  if (switches[name] <= 0) return false
  switches[name]--
  return true
}

function reply(call: SandboxHttpCall, answer: SandboxHttpAnswer, response: ServerResponse): void {
  if (call.status === 0) {
    response.socket?.destroy()
    return
  }
  const isText = typeof answer.body === 'string'
  const body = answer.body === undefined ? '' : isText ? String(answer.body) : JSON.stringify(answer.body)
  response.writeHead(call.status, {
    'Content-Type': isText ? 'text/plain; charset=utf-8' : 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    ...answer.headers,
  })
  response.end(body)
}
