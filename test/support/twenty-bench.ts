import pino from 'pino'
import type { SandboxTwenty, SandboxTwentyOptions } from '../../sandbox/twenty/server.ts'
import { startSandboxTwenty } from '../../sandbox/twenty/server.ts'
import { createTwentyClient, type TwentyClient } from '../../src/clients/twenty/client.ts'
import type { TwentyConfig } from '../../src/clients/twenty/config.ts'
import type { SystemContext } from '../../src/config/definition.ts'
import { createEnvironment } from '../../src/environment/system.ts'
import type { Environment } from '../../src/environment.ts'
import { SyncError } from '../../src/errors.ts'
import type { Fields } from '../../src/event.ts'
import { derivedId } from '../../src/identity.ts'
import type { Delivery, Item, Plan, Sink } from '../../src/sinks/sink.ts'
import twentySink from '../../src/sinks/twenty.ts'
import { localCoordinator } from '../../src/state/local-coordinator.ts'
import { memoryState } from '../../src/state/memory.ts'
import type { StateStore } from '../../src/state/state-store.ts'

/** A stand-in Twenty with the product's client and sink on it. */
export interface TwentyBench {
  readonly twenty: SandboxTwenty
  readonly env: Environment
  readonly state: StateStore
  readonly context: SystemContext
  readonly config: TwentyConfig
  readonly client: TwentyClient
  readonly sink: Sink
  /** Plans and delivers as the runtime does, in batches of 200 and 60. */
  run(items: readonly Item[]): Promise<(Delivery | SyncError)[]>
  /** Requests since `resetCalls`, without those for metadata. */
  recordCalls(): { method: string; path: string; query: string; rows: number }[]
  stop(): Promise<void>
}

const silent = pino({ level: 'silent' })

export async function twentyBench(
  options: { sandbox?: SandboxTwentyOptions; config?: Partial<TwentyConfig>; state?: StateStore } = {},
): Promise<TwentyBench> {
  const twenty = await startSandboxTwenty({ faults: { rateLimit: { enabled: false } }, ...options.sandbox })
  const env = createEnvironment({ logger: silent })
  const state = options.state ?? memoryState({ clock: env.clock })
  const config: TwentyConfig = {
    url: twenty.url,
    apiKey: twenty.apiKey,
    limits: { perMinute: 100_000, perSecond: 100_000 },
    ...options.config,
  }
  const context: SystemContext = {
    name: 'twenty',
    env,
    state,
    coordinator: localCoordinator({ clock: env.clock }),
    compile: () => {
      throw new Error('not needed')
    },
  }
  const client = createTwentyClient(config, context)
  const sink = twentySink.create(config, { ...context, client })
  const signal = new AbortController().signal
  return {
    twenty,
    env,
    state,
    context,
    config,
    client,
    sink,
    async run(items) {
      const plans: (Plan | SyncError)[] = []
      for (const part of chunks(items, 200)) plans.push(...(await sink.plan(part, signal)))
      const good = plans.filter((plan): plan is Plan => !(plan instanceof SyncError))
      const deliveries = new Map<Plan, Delivery>()
      for (const part of chunks(
        good.filter(plan => plan.operation !== 'none' && plan.operation !== 'read'),
        60,
      )) {
        const done = await sink.deliver(part, signal)
        part.forEach((plan, place) => void deliveries.set(plan, done[place]!))
      }
      return plans.map(plan => {
        if (plan instanceof SyncError) return plan
        return deliveries.get(plan) ?? { status: 'skipped', reason: plan.operation, result: plan.result }
      })
    },
    recordCalls: () => twenty.calls.filter(call => !call.path.startsWith('/rest/metadata')) as never,
    stop: () => twenty.stop(),
  }
}

function chunks<T>(list: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, at) => list.slice(at * size, (at + 1) * size))
}

let made = 0

/** An item as the runtime makes it; `key` decides its id. */
export function item(action: string, args: Fields, more: Partial<Item> & { key?: string } = {}): Item {
  const key = more.key ?? `flow/step/${++made}`
  return {
    action,
    args,
    key,
    id: derivedId('effect', key),
    time: '2026-11-24T10:00:00.000Z',
    outcomeUnknown: false,
    priority: 'live',
    ...more,
  }
}
