import type { Static } from '@sinclair/typebox'
import { CircuitBreaker } from '../../clients/circuit-breaker.ts'
import { createHttpClient, type HttpCall, type HttpClient, type HttpClientOptions } from '../../clients/http.ts'
import { lowerCase, withAuth } from '../../clients/http-auth.ts'
import { Pace } from '../../clients/pace.ts'
import { type Priority, RateLimiter } from '../../clients/rate-limiter.ts'
import { bytesOf, durationMs, type SystemContext } from '../../config/definition.ts'
import { asSyncError, type SyncError } from '../../errors.ts'
import type { ActionUse, Delivery, Item, Plan, Sink } from '../sink.ts'
import { type HttpResult, judge, resultOf } from './answer.ts'
import type { HttpSystemConfig } from './config.ts'
import { argsOf, bodyOf, callOf, methodOf, placeholdersOf, type RequestArgs, readsOnly } from './request.ts'

type Config = Static<typeof HttpSystemConfig>

const DEFAULT_CONCURRENCY = 64
const DEFAULT_MAX_RESPONSE_BYTES = 1024 * 1024

/** Calls an API as the steps say. Nothing of it is known, so a plan is what would be sent. */
export class HttpSink implements Sink {
  readonly #name: string
  readonly #options: HttpClientOptions
  readonly #client: HttpClient
  readonly #breaker: CircuitBreaker
  readonly #pace: Pace
  readonly #check: string | undefined

  constructor(config: Config, context: Pick<SystemContext, 'name' | 'env' | 'coordinator'>) {
    const { name, env } = context
    this.#name = name
    this.#check = config.check
    this.#options = withAuth(config.auth, {
      name,
      env,
      baseUrl: config.url.replace(/\/+$/, ''),
      headers: lowerCase(config.headers),
      timeoutMs: durationMs(config.timeout ?? '30s'),
      maxResponseBytes: config.maxResponse === undefined ? DEFAULT_MAX_RESPONSE_BYTES : bytesOf(config.maxResponse),
    })
    this.#client = createHttpClient(this.#options)
    this.#breaker = new CircuitBreaker({ name, clock: env.clock })
    this.#pace = new Pace({
      system: name,
      clock: env.clock,
      concurrency: config.limits?.concurrency ?? DEFAULT_CONCURRENCY,
      limiter: limiterOf(config, context),
    })
  }

  async plan(items: readonly Item[]): Promise<(Plan | SyncError)[]> {
    return items.map(planOf)
  }

  deliver(plans: readonly Plan[], signal: AbortSignal): Promise<Delivery[]> {
    return Promise.all(plans.map(plan => this.#deliver(plan.item, signal)))
  }

  async verify(uses: readonly ActionUse[]): Promise<void> {
    for (const { args, problem } of uses) {
      const known = Object.keys((args.params ?? {}) as object)
      for (const name of placeholdersOf(String(args.path))) {
        if (!known.includes(name)) problem(['path'], `{${name}} has no value`, `add \`params: { ${name}: … }\``)
      }
    }
  }

  async check(signal: AbortSignal): Promise<void> {
    if (this.#check !== undefined) await this.#client.send({ method: 'GET', url: this.#check, signal })
  }

  async #deliver(item: Item, signal: AbortSignal): Promise<Delivery> {
    try {
      return { status: 'delivered', result: await this.#exchange(callOf(item), argsOf(item), item.priority, signal) }
    } catch (thrown) {
      return { status: 'failed', error: asSyncError(thrown) }
    }
  }

  #exchange(call: HttpCall, args: RequestArgs, priority: Priority, signal: AbortSignal): Promise<HttpResult> {
    return this.#pace.run(priority, signal, () =>
      this.#breaker.run(async () => {
        const answer = await this.#client.exchange({ ...call, signal })
        try {
          judge(answer, call, args, this.#options)
        } catch (error) {
          if (answer.status === 429) await this.#pace.refused((error as SyncError).retryAfterMs)
          throw error
        }
        this.#pace.accepted()
        return resultOf(answer, args, this.#name)
      }),
    )
  }
}

/** Reads are made in `deliver` too: the runtime asks for them there when the plan has no result. */
function planOf(item: Item): Plan | SyncError {
  try {
    const { method, url } = callOf(item)
    if (readsOnly(methodOf(argsOf(item)))) return { item, operation: 'read' }
    const { body, idempotencyHeader } = argsOf(item)
    return {
      item,
      operation: 'send',
      after: { method, path: url, ...(body !== undefined && { body }) },
      ...(idempotencyHeader !== undefined && { request: item.request ?? bodyOf(argsOf(item)) }),
    }
  } catch (thrown) {
    return asSyncError(thrown)
  }
}

function limiterOf(
  { limits }: Config,
  { name, env, coordinator }: Pick<SystemContext, 'name' | 'env' | 'coordinator'>,
): RateLimiter | undefined {
  const buckets = [
    ...(limits?.perSecond ? [{ limit: limits.perSecond, windowMs: 1000 }] : []),
    ...(limits?.perMinute ? [{ limit: limits.perMinute, windowMs: 60_000 }] : []),
  ]
  if (buckets.length === 0) return undefined
  return new RateLimiter({ name: `system:${name}`, coordinator, clock: env.clock, random: env.random, buckets })
}
