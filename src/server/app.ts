import { createServer, type RequestListener } from 'node:http'
import type { Socket } from 'node:net'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { Environment } from '../environment.ts'
import { type Answer, answerOf, errorAnswer } from './answer.ts'
import { defectAnswer } from './defect.ts'
import type { ServerLimits } from './limits.ts'
import type { ServerMetrics } from './metrics.ts'

type AppEnvironment = Pick<Environment, 'uuid' | 'logger'>

export interface AppOptions {
  readonly limits: Required<ServerLimits>
  readonly metrics: ServerMetrics
  readonly env: AppEnvironment
  /** Gets each request first; true: it has taken it. */
  readonly first: (...request: Parameters<RequestListener>) => boolean
}

/** fastify with our limits and our error answers; without its own logging, which costs each request a child logger. */
export function createApp({ limits, metrics, env, first }: AppOptions): FastifyInstance {
  const app = fastify({
    logger: false,
    exposeHeadRoutes: false,
    forceCloseConnections: 'idle',
    serverFactory: handler =>
      createServer(
        {
          requestTimeout: limits.requestTimeoutMs,
          headersTimeout: Math.min(limits.headersTimeoutMs, limits.requestTimeoutMs),
          keepAliveTimeout: limits.keepAliveMs,
          connectionsCheckingInterval: limits.checkEveryMs,
          maxHeaderSize: limits.maxHeaderBytes,
          noDelay: true,
        },
        (message, response) => {
          if (!first(message, response)) handler(message, response)
        },
      ),
    frameworkErrors: (_error, _request, reply) => {
      metrics.answered('unknown', 400)
      sendBy(reply as FastifyReply, errorAnswer(400, 'BAD_REQUEST', 'the request line cannot be read'))
    },
    clientErrorHandler: (error, socket) => answerBrokenRequest(error, socket, metrics),
  })
  app.server.maxConnections = limits.maxConnections
  app.setNotFoundHandler((_request, reply) => {
    metrics.answered('unknown', 404)
    sendBy(reply, errorAnswer(404, 'NOT_FOUND', 'nothing is at this path'))
  })
  app.setErrorHandler((error, request, reply) => answerError(error, request, reply, env))
  return app
}

/** Errors of registered routes. */
function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply, env: AppEnvironment): void {
  const status = statusOf(error)
  const refusal =
    status === undefined ? undefined : errorAnswer(status, 'BAD_REQUEST', String((error as Error).message))
  sendBy(reply, answerOf(error) ?? refusal ?? defectAnswer(env, { route: request.routeOptions.url }, error))
}

function sendBy(reply: FastifyReply, answer: Answer): void {
  reply
    .code(answer.status)
    .headers(answer.headers ?? {})
    .send(answer.body)
}

/** fastify's own refusals carry a 4xx. */
function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('statusCode' in error) || typeof error.statusCode !== 'number') return undefined
  return error.statusCode >= 400 && error.statusCode < 500 ? error.statusCode : undefined
}

const BROKEN: Readonly<Record<string, [number, string, string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout', 'the request did not arrive in time'],
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large', 'the headers are too large'],
}

/** What Node refuses before there is a request: too slow, too many headers, not HTTP. */
function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket, metrics: ServerMetrics): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  const [status, reason, message] = BROKEN[error.code ?? ''] ?? [400, 'Bad Request', 'this is not an HTTP request']
  metrics.answered('unknown', status)
  const body = JSON.stringify(errorAnswer(status, reason.toUpperCase().replaceAll(' ', '_'), message).body)
  if (socket.writable) {
    const head = `HTTP/1.1 ${status} ${reason}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close`
    socket.write(`${head}\r\n\r\n${body}`)
  }
  socket.destroySoon()
}
