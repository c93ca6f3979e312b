import 'stripe'
import pino from 'pino'
import { Stripe } from '../../sandbox/stripe/stripe.ts'
import { StripeClient } from '../../src/clients/stripe/client.ts'
import type { SystemContext } from '../../src/config/definition.ts'
import type { HttpTransport } from '../../src/environment.ts'
import { SyncError } from '../../src/errors.ts'
import type { Delivery, Item, Plan, Sink } from '../../src/sinks/sink.ts'
import stripeSink from '../../src/sinks/stripe.ts'
import { localCoordinator } from '../../src/state/local-coordinator.ts'
import { memoryState } from '../../src/state/memory.ts'
import { VirtualClock } from './virtual-clock.ts'

export const SECRET_KEY = 'sk_test_bench'

/** The product's Stripe sink on a stand-in account, in one process and in virtual time. */
export interface StripeBench {
  readonly clock: VirtualClock
  readonly stripe: Stripe
  readonly client: StripeClient
  readonly sink: Sink
  /** Plans and delivers once, as the runtime does; a failed plan or call gives its error. */
  run(item: Item): Promise<Delivery | Plan | SyncError>
  plan(item: Item): Promise<Plan | SyncError>
  /** `METHOD /path` of calls since the last look. */
  asked(): string[]
}

export function stripeBench(clock = new VirtualClock()): StripeBench {
  const stripe = new Stripe({ secretKey: SECRET_KEY, webhookSecret: 'whsec_bench', clock }, async () => 200)
  const context = stripeContext(clock, stripeTransport(stripe))
  const config = { secretKey: SECRET_KEY, url: 'http://127.0.0.1:1', limits: { perSecond: 1_000_000 } }
  const client = new StripeClient(config, context)
  const sink = stripeSink.create(config, { ...context, client })
  const { signal } = new AbortController()
  const plan = async (item: Item) => (await sink.plan([item], signal))[0]!
  return {
    clock,
    stripe,
    client,
    sink,
    plan,
    async run(item) {
      const planned = await plan(item)
      if (planned instanceof SyncError || planned.operation === 'none' || planned.operation === 'read') return planned
      const [delivery] = await sink.deliver([planned], signal)
      return delivery!.status === 'failed' ? delivery!.error : delivery!
    },
    asked: () => stripe.calls.splice(0).map(({ method, path }) => `${method} ${path}`),
  }
}

export function stripeContext(clock: VirtualClock, http: HttpTransport): SystemContext {
  return {
    name: 'billing',
    env: { clock, http, random: () => 0.5, uuid: () => '', logger: pino({ level: 'silent' }) },
    state: memoryState({ clock }),
    coordinator: localCoordinator({ clock }),
    compile: () => {
      throw new Error('not needed')
    },
  }
}

/** Calls of the product go straight to the stand-in. */
export function stripeTransport(stripe: Stripe): HttpTransport {
  return async ({ method, url, headers, body }) => {
    const { pathname, search } = new URL(url)
    const answer = stripe.handle({ method, url: pathname + search, headers: headers ?? {}, body: String(body ?? '') })
    if (answer.fate) {
      throw new SyncError('retryable', 'CONNECTION_LOST', `${method} ${pathname}: no answer`, { outcomeUnknown: true })
    }
    return { status: answer.status, headers: { ...answer.headers }, body: Buffer.from(JSON.stringify(answer.body)) }
  }
}
