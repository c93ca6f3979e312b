import net from 'node:net'
import pino from 'pino'
import { Registry } from 'prom-client'
import type { Connector } from '../../src/connectors/connector.ts'
import { createEnvironment } from '../../src/environment/system.ts'
import type { Environment } from '../../src/environment.ts'
import type { ChangeEvent } from '../../src/event.ts'
import { createServer, type Server, type ServerOptions } from '../../src/server/server.ts'

export interface Harness {
  readonly server: Server
  readonly url: string
  readonly port: number
  readonly registry: Registry
  readonly appended: { connector: string; event: ChangeEvent }[]
  /** Every line that was logged. */
  readonly logged: string[]
  metric(name: string): Promise<string>
}

/** A listening server over real sockets, with an append that remembers. */
export async function startServer({
  port = 0,
  plugin,
  ...given
}: Partial<ServerOptions> & {
  connectors: ReadonlyMap<string, Connector>
  port?: number
  plugin?: Parameters<Server['register']>[0]
}): Promise<Harness> {
  const logged: string[] = []
  const registry = new Registry()
  const appended: Harness['appended'] = []
  const server = createServer({
    append: async (connector, events) => {
      for (const event of events) appended.push({ connector, event })
    },
    health: () => ({ ready: true, parts: { intake: 'ok' } }),
    metrics: registry,
    env: testEnvironment(logged),
    ...given,
  })
  if (plugin) server.register(plugin)
  const url = await server.listen({ host: '127.0.0.1', port })
  return {
    server,
    url,
    port: Number(new URL(url).port),
    registry,
    appended,
    logged,
    async metric(name) {
      const lines = (await registry.metrics()).split('\n')
      return lines.find(line => line.startsWith(`${name} `))?.slice(name.length + 1) ?? 'absent'
    },
  }
}

export function testEnvironment(logged: string[]): Environment {
  return createEnvironment({ logger: pino({ level: 'trace' }, { write: line => logged.push(line) }) })
}

/** A connector that does what the test says. */
export function connectorOf(
  given: Partial<Connector> & { path?: string; bodyLimitBytes?: number; cors?: string[] } = {},
): Connector {
  const { path = '/hooks/a', bodyLimitBytes = 1024, cors, ...rest } = given
  return {
    objects: ['received'],
    route: { path, methods: ['POST'], bodyLimitBytes, cors },
    receive: async request => ({ events: [eventOf(request.body)] }),
    ...rest,
  }
}

export function eventOf(body: Buffer): ChangeEvent {
  const id = `event of ${body.length} bytes`
  return {
    id,
    key: id,
    type: 'received.received',
    source: '/a',
    subject: `received/${id}`,
    time: '2026-11-24T10:00:00.000Z',
    data: {},
  }
}

export interface RawAnswer {
  readonly status: number
  readonly head: string
  readonly body: string
}

/** Writes these bytes on a connection of its own and reads until the other side closes, or has answered once. */
export function sendRaw(
  port: number,
  chunks: Iterable<string | Buffer> | AsyncIterable<string | Buffer>,
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1')
    let text = ''
    socket.on('data', chunk => {
      text += chunk.toString('latin1')
      const answer = parseAnswer(text)
      if (!answer) return
      resolve(answer)
      socket.destroy()
    })
    socket.on('error', reject)
    socket.on('close', () => reject(new Error(`closed without an answer: ${JSON.stringify(text)}`)))
    socket.on('connect', async () => {
      for await (const chunk of chunks) {
        if (socket.destroyed) return
        socket.write(chunk)
      }
    })
  })
}

export function parseAnswer(text: string): RawAnswer | undefined {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const head = text.slice(0, end)
  const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0)
  const body = text.slice(end + 4)
  if (body.length < length) return undefined
  return { status: Number(head.slice(9, 12)), head, body: body.slice(0, length) }
}
