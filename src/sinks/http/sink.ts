import type { Static } from '@sinclair/typebox'
import type { HttpCall, HttpClientOptions } from '../../clients/http.ts'
import { lowerCase, withAuth } from '../../clients/http-auth.ts'
import { PacedApi } from '../../clients/paced-api.ts'
import { bytesOf, durationMs, type SystemContext } from '../../config/definition.ts'
import { asSyncError, type SyncError } from '../../errors.ts'
import type { ActionUse, Delivery, Item, Page, Plan, Sink, SinkStatus } from '../sink.ts'
import { chosen, type HttpResult, judge, resultOf } from './answer.ts'
import { Batches, batchOf } from './batch.ts'
import type { HttpSystemConfig } from './config.ts'
import { type Api, readList, readListPage } from './list.ts'
import { argsOf, bodyOf, callOf, headOf, placeholdersOf, type RequestArgs, readsOnly } from './request.ts'

type Config = Static<typeof HttpSystemConfig>
type Context = Pick<SystemContext, 'name' | 'env' | 'coordinator' | 'compile'>

const DEFAULT_CONCURRENCY = 64
const DEFAULT_MAX_RESPONSE_BYTES = 1024 * 1024

/** Calls an API as the steps say. Nothing of it is known, so a plan is what would be sent. */
export class HttpSink implements Sink {
  readonly #options: HttpClientOptions & { readonly baseUrl: string }
  readonly #api: PacedApi
  readonly #batches: Batches
  readonly #check: string | undefined

  constructor(config: Config, { name, env, coordinator, compile }: Context) {
    const baseUrl = config.url.replace(/\/+$/, '')
    const http = withAuth(config.auth, {
      name,
      env,
      baseUrl,
      headers: lowerCase(config.headers),
      timeoutMs: durationMs(config.timeout ?? '30s'),
      maxResponseBytes: config.maxResponse === undefined ? DEFAULT_MAX_RESPONSE_BYTES : bytesOf(config.maxResponse),
    })
    const { clock, random } = env
    const { concurrency = DEFAULT_CONCURRENCY, ...limits } = config.limits ?? {}
    this.#options = { ...http, baseUrl }
    this.#api = new PacedApi({ http, limits, concurrency, coordinator, clock, random })
    this.#batches = new Batches(name, compile)
    this.#check = config.check
  }

  batchOf(item: Item) {
    return batchOf(item)
  }

  async plan(items: readonly Item[]): Promise<(Plan | SyncError)[]> {
    return items.map(planOf)
  }

  async deliver(plans: readonly Plan[], signal: AbortSignal): Promise<Delivery[]> {
    const items = plans.map(plan => plan.item)
    if (items[0] && argsOf(items[0]).batch) {
      const { priority } = items[0]
      return this.#batches.deliver(items, (call, args) => this.#exchange(call, args, { priority, signal }))
    }
    return Promise.all(items.map(item => this.#deliver(item, signal)))
  }

  async page(item: Item, cursor: string | undefined, signal: AbortSignal): Promise<Page> {
    const from = cursor === undefined ? undefined : JSON.parse(cursor)
    const { records, next, total } = await readListPage(item, from, this.#apiFor(item, signal))
    return {
      items: records.map(({ value }) => value),
      ...(next !== undefined && { next: JSON.stringify(next) }),
      ...(total !== undefined && { total }),
    }
  }

  async verify(uses: readonly ActionUse[]): Promise<void> {
    for (const { args, problem } of uses) {
      const known = Object.keys((args.params ?? {}) as object)
      for (const name of placeholdersOf(String(args.path))) {
        if (!known.includes(name)) problem(['path'], `{${name}} has no value`, `add \`params: { ${name}: … }\``)
      }
    }
  }

  status(): Promise<SinkStatus> {
    return this.#api.status()
  }

  async check(signal: AbortSignal): Promise<void> {
    if (this.#check !== undefined) await this.#api.check(this.#check, signal)
  }

  async #deliver(item: Item, signal: AbortSignal): Promise<Delivery> {
    try {
      if (item.action === 'list')
        return { status: 'delivered', result: await readList(item, this.#apiFor(item, signal)) }
      const args = argsOf(item)
      const result = await this.#exchange(callOf(item), args, { priority: item.priority, signal })
      return { status: 'delivered', result: chosen(result, args) }
    } catch (thrown) {
      return { status: 'failed', error: asSyncError(thrown) }
    }
  }

  #exchange(call: HttpCall, args: RequestArgs, turn: Parameters<PacedApi['exchange']>[1]): Promise<HttpResult> {
    return this.#api.exchange(call, turn, answer => {
      judge(answer, call, args, this.#options)
      return resultOf(answer, args, this.#options.name)
    })
  }

  #apiFor({ priority }: Item, signal: AbortSignal): Api {
    const { name, baseUrl } = this.#options
    return {
      name,
      url: baseUrl,
      exchange: call =>
        this.#api.exchange(call, { priority, signal }, answer => {
          // Past the last page, for some APIs.
          if (answer.status !== 404 && (answer.status < 200 || answer.status > 299)) {
            throw this.#api.errorOf(answer, call)
          }
          return answer
        }),
      errorOf: (answer, call) => this.#api.errorOf(answer, call),
    }
  }
}

/** Reads are made in `deliver` too: the runtime asks for them there when the plan has no result. */
function planOf(item: Item): Plan | SyncError {
  try {
    if (item.action === 'list') {
      headOf({ ...argsOf(item), method: 'GET' })
      return { item, operation: 'read' }
    }
    const args = argsOf(item)
    const { method, url } = headOf(args)
    // Only a form refuses values; any other body is written out once, when it is sent.
    if (args.bodyType === 'form') bodyOf(args)
    if (readsOnly(method)) return { item, operation: 'read' }
    const { body, idempotencyHeader } = args
    return {
      item,
      operation: 'send',
      after: { method, path: url, ...(body !== undefined && { body }) },
      ...(idempotencyHeader !== undefined && { request: item.request ?? bodyOf(args) }),
    }
  } catch (thrown) {
    return asSyncError(thrown)
  }
}
