import { durationMs, type SystemContext } from '../../config/definition.ts'
import { type BreakerState, CircuitBreaker } from '../circuit-breaker.ts'
import { ClockOffset, type Offset } from '../clock-offset.ts'
import { type LimiterStatus, RateLimiter } from '../rate-limiter.ts'
import { createSend } from './calls.ts'
import type { TwentyConfig } from './config.ts'
import { type Pace, type RecordCalls, recordCalls } from './records.ts'
import { SchemaCache } from './schema-cache.ts'
import { type ViewCalls, viewCalls } from './views.ts'
import { type WebhookCalls, webhookCalls } from './webhooks.ts'

/**
 * Twenty's REST API: one per system, shared by its sink and its connector. Every call counts against the shared limit.
 * Methods throw the SyncErrors of `errorOf`.
 */
export interface TwentyClient extends RecordCalls, ViewCalls, WebhookCalls {
  readonly name: string
  readonly schemas: Pick<SchemaCache, 'get' | 'cached' | 'latest' | 'refresh' | 'refreshOnDemand'>
  /** How far the server's clock is ahead of ours. */
  readonly clockOffset: Offset | undefined
  readonly breakerState: BreakerState
  limiterStatus(): Promise<LimiterStatus>
}

export function createTwentyClient(config: TwentyConfig, context: Omit<SystemContext, 'compile'>): TwentyClient {
  const { name, env, state, coordinator } = context
  const { clock, random } = env
  const limiter = new RateLimiter({
    name: `system:${name}`,
    coordinator,
    clock,
    random,
    buckets: [
      { limit: config.limits?.perMinute ?? 90, windowMs: 60_000 },
      { limit: config.limits?.perSecond ?? 90, windowMs: 1000 },
    ],
  })
  const breaker = new CircuitBreaker({ name, clock })
  const offset = new ClockOffset()
  const send = createSend(
    {
      name,
      env,
      baseUrl: `${config.url.replace(/\/+$/, '').replace(/\/rest$/, '')}/rest`,
      headers: { authorization: `Bearer ${config.apiKey}`, accept: 'application/json' },
      timeoutMs: durationMs(config.timeout ?? '30s'),
    },
    { limiter, breaker, offset },
  )
  return {
    name,
    schemas: new SchemaCache({ system: name, state, clock, send }),
    ...recordCalls(send, paceOf(config, context)),
    ...viewCalls(send),
    ...webhookCalls(send),
    get clockOffset() {
      return offset.best
    },
    get breakerState() {
      return breaker.state
    },
    limiterStatus: () => limiter.status(),
  }
}

/** Rows apart from calls: what a row sets off inside Twenty is not counted by Twenty's own limit. */
function paceOf({ maxRowsPerMinute: limit }: TwentyConfig, context: Omit<SystemContext, 'compile'>): Pace | undefined {
  if (limit === undefined) return undefined
  const { name, coordinator, env } = context
  const { clock, random } = env
  const buckets = [{ limit, windowMs: 60_000 }]
  const limiter = new RateLimiter({ name: `system:${name}:rows`, coordinator, clock, random, buckets })
  return async (rows, { priority = 'live', signal } = {}) => {
    for (let left = rows; left > 0; left -= limit) await limiter.acquire(priority, signal, Math.min(left, limit))
  }
}
