import pino from 'pino'
import { type SandboxRest, type SandboxRestOptions, startSandboxRest } from '../../sandbox/rest/server.ts'
import { createRestClient, type RestClient } from '../../src/clients/rest/client.ts'
import type { RestConfig } from '../../src/clients/rest/config.ts'
import type { ResourceConfig } from '../../src/clients/rest/resource-config.ts'
import type { SystemContext } from '../../src/config/definition.ts'
import { createEnvironment } from '../../src/environment/system.ts'
import restSink from '../../src/sinks/rest.ts'
import { localCoordinator } from '../../src/state/local-coordinator.ts'
import { memoryState } from '../../src/state/memory.ts'
import type { StateStore } from '../../src/state/state-store.ts'
import type { Peer, PeerOptions } from '../../src/sync/peer.ts'

/** A stand-in REST API with the product's client and peer on it. */
export interface RestBench {
  readonly rest: SandboxRest
  readonly state: StateStore
  readonly context: SystemContext
  readonly config: RestConfig
  readonly client: RestClient
  /** Of `contacts`, with changes to the resource's description. */
  peer(more?: Partial<ResourceConfig>): Peer
  stop(): Promise<void>
}

export const CONTACTS: ResourceConfig = {
  updatedAt: 'updated_at',
  list: {
    path: '/contacts',
    items: 'data',
    page: { by: 'cursor', next: 'next_cursor', parameter: 'cursor', size: 200, sizeParameter: 'limit', total: 'total' },
    changedSince: { parameter: 'updated_since' },
  },
  get: { path: '/contacts/{id}', item: 'data' },
  getMany: { path: '/contacts', parameter: 'ids' },
  find: { parameters: { email: 'email' } },
  create: {
    path: '/contacts',
    item: 'data',
    idKey: 'id',
    taken: { statuses: [409, 422], code: 'error.code', codes: ['duplicate'], id: 'error.existing_id' },
  },
  update: { path: '/contacts/{id}', item: 'data', ifMatch: { by: 'etag' } },
  delete: { path: '/contacts/{id}', ifMatch: { by: 'etag' } },
  webhook: {
    events: ['contact.*'],
    created: ['contact.created'],
    deleted: ['contact.deleted'],
    id: 'data.id',
    record: 'data',
    changed: 'changes',
    time: 'occurred_at',
    by: 'actor.name',
  },
}

export async function restBench(
  options: { sandbox?: SandboxRestOptions; config?: Partial<RestConfig>; clock?: SystemContext['env']['clock'] } = {},
): Promise<RestBench> {
  const rest = await startSandboxRest(options.sandbox)
  const made = createEnvironment({ logger: pino({ level: 'silent' }) })
  const env = { ...made, ...(options.clock && { clock: options.clock }) }
  const state = memoryState({ clock: env.clock })
  const config: RestConfig = {
    url: rest.url,
    auth: { bearer: rest.token },
    resources: { contacts: CONTACTS },
    ...options.config,
  }
  const context: SystemContext = {
    name: 'erp',
    env,
    state,
    coordinator: localCoordinator({ clock: env.clock }),
    compile: () => {
      throw new Error('not needed')
    },
  }
  const client = createRestClient(config, context)
  return {
    rest,
    state,
    context,
    config,
    client,
    peer(more) {
      const resources = { contacts: { ...CONTACTS, ...more } }
      const own = more ? createRestClient({ ...config, resources }, context) : client
      return restSink.peer!(config, { ...context, client: own, object: 'contacts' })
    },
    stop: () => rest.stop(),
  }
}

export const live: PeerOptions = { signal: new AbortController().signal, priority: 'live' }
