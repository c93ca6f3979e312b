import http from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Json } from './api.ts'

export interface Received {
  readonly headers: http.IncomingHttpHeaders
  /** The bytes as they came. */
  readonly raw: string
  readonly body: Json & { eventName: string; record?: Json & { id: string }; updatedFields?: string[] }
}

/** Takes webhook deliveries and lets a test wait for those that it expects. */
export class Receiver {
  readonly received: Received[] = []
  /** Status of each answer; null never answers. */
  status: number | null = 200
  readonly #server: http.Server
  #waiting: (() => void)[] = []

  constructor() {
    this.#server = http.createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', chunk => chunks.push(chunk))
      request.on('end', () => {
        const raw = Buffer.concat(chunks).toString()
        this.received.push({ headers: request.headers, raw, body: JSON.parse(raw) })
        if (this.status !== null) response.writeHead(this.status).end()
        for (const wake of this.#waiting.splice(0)) wake()
      })
    })
  }

  /** @returns the port that is listened on. */
  async start(port = 0, host = '127.0.0.1'): Promise<number> {
    await new Promise<void>(resolve => this.#server.listen(port, host, resolve))
    return (this.#server.address() as AddressInfo).port
  }

  /** Resolves with the deliveries that match once there are `count` of them. */
  async wait(matches: (delivery: Received) => boolean, count = 1): Promise<Received[]> {
    for (;;) {
      const found = this.received.filter(matches)
      if (found.length >= count) return found
      await new Promise<void>(resolve => this.#waiting.push(resolve))
    }
  }

  stop(): Promise<void> {
    return new Promise(resolve => {
      this.#server.close(() => resolve())
      this.#server.closeAllConnections()
    })
  }
}
