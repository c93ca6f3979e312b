import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Answer } from '../twenty/http.ts'
import { httpSender } from '../twenty/webhooks/send.ts'
import { Stripe, type StripeOptions } from './stripe.ts'

export interface SandboxStripeOptions extends StripeOptions {
  /** 0, the default, takes a free port. */
  readonly port?: number
  readonly host?: string
}

export interface SandboxStripe {
  readonly url: string
  readonly port: number
  /** The account, its switches and what was asked of it. */
  readonly stripe: Stripe
  stop(): Promise<void>
}

/** Listens on loopback. */
export async function startSandboxStripe(options: SandboxStripeOptions = {}): Promise<SandboxStripe> {
  const sender = httpSender()
  const stripe = new Stripe(options, sender.send)
  const server = http.createServer({ keepAliveTimeout: 60_000 }, (request, response) =>
    serve(stripe, request, response),
  )
  const host = options.host ?? '127.0.0.1'
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, host, resolve)
  })
  const { port } = server.address() as AddressInfo
  const url = `http://${host}:${port}`
  stripe.address = url
  return {
    url,
    port,
    stripe,
    stop: () =>
      new Promise<void>(resolve => {
        sender.close()
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function serve(stripe: Stripe, request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = []
  request.on('data', chunk => chunks.push(chunk))
  request.on('error', () => request.destroy())
  request.on('end', () => {
    const answer = stripe.handle({
      method: request.method ?? 'GET',
      url: request.url ?? '/',
      headers: request.headers as Record<string, string | undefined>,
      body: Buffer.concat(chunks).toString(),
    })
    const { latencyMs } = stripe.faults
    if (latencyMs > 0) stripe.clock.after(latencyMs, () => reply(answer, response))
    else reply(answer, response)
  })
}

function reply(answer: Answer, response: ServerResponse): void {
  if (answer.fate === 'held') return
  if (answer.fate) {
    response.socket?.destroy()
    return
  }
  const body = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body)
  response.writeHead(answer.status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    ...answer.headers,
  })
  response.end(body)
}
