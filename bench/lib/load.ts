import { connect, type Socket } from 'node:net'

export interface LoadOptions {
  readonly port: number
  readonly connections: number
  /** The whole request with this number in it; called once per request. */
  readonly request: (n: number) => Buffer
  /** No request begins after this many. */
  readonly total?: number
  /** No request begins after this time. */
  readonly seconds?: number
  /** Requests of the first part do not count for rate and latency, but do for the ledger. */
  readonly warmUpSeconds?: number
}

export interface LoadResult {
  readonly sent: number
  /** By status. */
  readonly answers: Readonly<Record<number, number>>
  /** Numbers of the requests that were answered 2xx. */
  readonly acked: Uint8Array
  /** Answers per second after the warm-up. */
  readonly perSecond: number
  /** Milliseconds, sorted. */
  readonly latencies: Float64Array
  readonly startedAt: number
}

/**
 * A closed loop over keep-alive connections: each sends its next request when the answer is there. Written on sockets,
 * because a load generator on one core must cost a fraction of what it measures.
 */
export function load(options: LoadOptions): Promise<LoadResult> {
  return new Promise((resolve, reject) => new Load(options, resolve, reject).start())
}

class Load {
  readonly #options: LoadOptions
  readonly #resolve: (result: LoadResult) => void
  readonly #reject: (error: Error) => void
  readonly #answers: Record<number, number> = {}
  readonly #latencies: number[] = []
  #acked = new Uint8Array(1 << 16)
  #sent = 0
  #counted = 0
  #open = 0
  #startedAt = 0
  #countFrom = 0
  #lastAt = 0

  constructor(options: LoadOptions, resolve: (result: LoadResult) => void, reject: (error: Error) => void) {
    this.#options = options
    this.#resolve = resolve
    this.#reject = reject
  }

  start(): void {
    const { connections, warmUpSeconds = 0 } = this.#options
    this.#startedAt = performance.now()
    this.#countFrom = this.#startedAt + warmUpSeconds * 1000
    this.#open = connections
    for (let n = 0; n < connections; n++) this.#connection()
  }

  #connection(): void {
    const socket = connect({ port: this.#options.port, host: '127.0.0.1', noDelay: true })
    let [number, sentAt, rest] = [-1, 0, '']
    const next = () => {
      number = this.#next()
      if (number < 0) return void socket.end()
      sentAt = performance.now()
      socket.write(this.#options.request(number))
    }
    socket.once('connect', next)
    socket.on('data', chunk => {
      rest += chunk.toString('latin1')
      const status = completeAnswer(rest)
      if (status === undefined) return
      rest = ''
      this.#answered(number, status, sentAt)
      next()
    })
    socket.once('error', error => this.#reject(error))
    socket.once('close', () => this.#closed(socket))
  }

  #next(): number {
    const { total = Number.POSITIVE_INFINITY, seconds } = this.#options
    if (this.#sent >= total) return -1
    if (seconds !== undefined && performance.now() - this.#startedAt > seconds * 1000) return -1
    return this.#sent++
  }

  #answered(number: number, status: number, sentAt: number): void {
    const now = performance.now()
    this.#answers[status] = (this.#answers[status] ?? 0) + 1
    if (status >= 200 && status < 300) this.#ack(number)
    if (sentAt < this.#countFrom) return
    this.#counted++
    this.#lastAt = now
    this.#latencies.push(now - sentAt)
  }

  #ack(number: number): void {
    if (number >= this.#acked.length) {
      const larger = new Uint8Array(this.#acked.length * 2)
      larger.set(this.#acked)
      this.#acked = larger
    }
    this.#acked[number] = 1
  }

  #closed(socket: Socket): void {
    socket.destroy()
    if (--this.#open > 0) return
    this.#resolve({
      sent: this.#sent,
      answers: this.#answers,
      acked: this.#acked.subarray(0, this.#sent),
      perSecond: this.#counted / ((this.#lastAt - this.#countFrom) / 1000),
      latencies: Float64Array.from(this.#latencies).sort(),
      startedAt: this.#startedAt,
    })
  }
}

/** The status, once head and body are there. Only answers with a length are understood. */
function completeAnswer(text: string): number | undefined {
  const head = text.indexOf('\r\n\r\n')
  if (head < 0) return undefined
  const at = text.toLowerCase().indexOf('content-length: ')
  const length = at < 0 || at > head ? 0 : Number.parseInt(text.slice(at + 16, at + 26), 10)
  return text.length >= head + 4 + length ? Number(text.slice(9, 12)) : undefined
}

export function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
