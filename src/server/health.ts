import type { FastifyInstance } from 'fastify'
import type { Registry } from 'prom-client'
import type { ServerMetrics } from './metrics.ts'

export interface Health {
  /** Green when intake can append. */
  readonly ready: boolean
  /** Part to `ok`, or to what is wrong with it. */
  readonly parts: Readonly<Record<string, string>>
}

export interface ProbeOptions {
  readonly health: () => Health
  readonly registry: Registry
  readonly metrics: ServerMetrics
  readonly draining: () => boolean
}

/** `/livez`: the process answers. `/readyz`: send it traffic. `/metrics`: Prometheus. */
export function probes(app: FastifyInstance, { health, registry, metrics, draining }: ProbeOptions): void {
  app.get('/livez', (_request, reply) => {
    metrics.answered('livez', 200)
    reply.send({ status: 'ok' })
  })
  app.get('/readyz', (_request, reply) => {
    const { ready, parts } = draining() ? { ready: false, parts: { server: 'stopping' } } : health()
    const status = ready ? 200 : 503
    metrics.answered('readyz', status)
    reply.code(status).send({ status: ready ? 'ready' : 'not ready', parts })
  })
  app.get('/metrics', async (_request, reply) => {
    metrics.answered('metrics', 200)
    return reply.type(registry.contentType).send(await registry.metrics())
  })
}
