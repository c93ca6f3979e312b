import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { Registry } from 'prom-client'
import type { Connector } from '../connectors/connector.ts'
import type { Environment } from '../environment.ts'
import { SyncError } from '../errors.ts'
import { createApp } from './app.ts'
import { type Health, probes } from './health.ts'
import { type Append, IntakeHandler } from './intake.ts'
import { Admission, DEFAULT_LIMITS, type ServerLimits } from './limits.ts'
import { type IntakeCounts, ServerMetrics } from './metrics.ts'
import { intakesByPath } from './routes.ts'

export type { Health } from './health.ts'
export type { ServerLimits } from './limits.ts'
export type { IntakeCounts } from './metrics.ts'

export interface ServerOptions {
  readonly connectors: ReadonlyMap<string, Connector>
  readonly append: Append
  readonly health: () => Health
  readonly metrics: Registry
  readonly env: Pick<Environment, 'clock' | 'uuid' | 'logger'>
  readonly limits?: ServerLimits
}

/** HTTP in: hooks for connectors, probes, metrics, and whatever is registered beside them. */
export interface Server {
  /** Adds routes of other parts (admin API, console), in a scope of their own. Only before `listen`. */
  register(plugin: (app: FastifyInstance) => void | Promise<void>): void
  /** The base URL. Port 0 takes a free one. @throws SyncError fatal `CANNOT_LISTEN`. */
  listen(address: { readonly host: string; readonly port: number }): Promise<string>
  readonly url: string
  /** Answers a request that did not come over the network; also without `listen`. */
  inject(request: InjectedRequest): Promise<InjectedAnswer>
  /** Takes effect with the next request; the listener stays and nothing in flight is touched. @throws SyncError fatal `PATH_TAKEN`. */
  setConnectors(connectors: ReadonlyMap<string, Connector>): void
  counts(connector: string): IntakeCounts
  /** Takes nothing new, lets what was begun end within the deadline (default 10 s), then cuts. Idempotent. */
  close(deadlineMs?: number): Promise<void>
}

export interface InjectedRequest {
  readonly method: 'GET' | 'POST'
  /** Path and query. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | Buffer
}

export interface InjectedAnswer {
  readonly status: number
  readonly body: string
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']
const CLOSE_MS = 10_000

/** @throws SyncError fatal `PATH_TAKEN`. */
export function createServer(options: ServerOptions): Server {
  const limits = { ...DEFAULT_LIMITS, ...options.limits }
  const admission = new Admission(limits)
  const metrics = new ServerMetrics(options.metrics, admission)
  const intake = new IntakeHandler({ ...options, admission, metrics }, intakesByPath(options.connectors))
  const app = createApp({ limits, metrics, env: options.env, first: (...request) => intake.take(...request) })
  probes(app, { ...options, registry: options.metrics, metrics, draining: () => intake.draining })
  routeToIntake(app, intake)
  let closed: Promise<void> | undefined
  return {
    register(plugin) {
      app.register(async scope => plugin(scope))
    },
    async listen({ host, port }) {
      try {
        await app.listen({ host, port })
      } catch (cause) {
        throw cannotListen(host, port, cause)
      }
      return urlOf(app)
    },
    get url() {
      return urlOf(app)
    },
    async inject({ body, ...request }) {
      const answer = await app.inject({ ...request, ...(body !== undefined && { payload: body }) })
      return { status: answer.statusCode, body: answer.body }
    },
    setConnectors: connectors => intake.swap(intakesByPath(connectors)),
    counts: connector => metrics.counts(connector),
    close(deadlineMs = CLOSE_MS) {
      intake.draining = true
      closed ??= closeWithin(app, options.env, deadlineMs)
      return closed
    },
  }
}

/** What is left: paths that nobody has, and requests that come by injection instead of by the listener. */
function routeToIntake(app: FastifyInstance, intake: IntakeHandler): void {
  app.route({
    method: METHODS,
    url: '/*',
    onRequest(request, reply) {
      reply.hijack()
      intake.handle(request.raw, reply.raw)
    },
    handler() {},
  })
}

async function closeWithin(app: FastifyInstance, env: ServerOptions['env'], deadlineMs: number): Promise<void> {
  const cancel = env.clock.after(deadlineMs, () => app.server.closeAllConnections(), { background: true })
  try {
    await app.close()
  } finally {
    cancel()
  }
}

function urlOf(app: FastifyInstance): string {
  const { address, family, port } = app.server.address() as AddressInfo
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}

function cannotListen(host: string, port: number, cause: unknown): SyncError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause)
  const hint =
    code === 'EADDRINUSE'
      ? 'another process uses it; choose another `server.port` or --port'
      : code === 'EACCES'
        ? 'permission is missing; ports below 1024 take rights'
        : code
  return new SyncError('fatal', 'CANNOT_LISTEN', `cannot listen on ${host}:${port}: ${hint}`, { cause })
}
