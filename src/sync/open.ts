import type { SyncConfig } from '../config/config.ts'
import type { Expression } from '../config/definition.ts'
import type { Environment } from '../environment.ts'
import type { StateStore } from '../state/state-store.ts'
import type { SyncContext } from './context.ts'
import { Guard } from './guard.ts'
import { LinkStore } from './link-store.ts'
import { createMapping, type Peers } from './mapping.ts'
import { ProgressStore } from './progress.ts'
import { SyncKeys } from './sync-keys.ts'

export interface SyncParts {
  readonly config: SyncConfig
  readonly peers: Peers
  readonly compile: (source: string) => Expression
  readonly state: StateStore
  readonly env: Environment
  /** This process; another one has another name. */
  readonly owner: string
}

/** What a sync knows and works with, running or not. */
export interface OpenedSync {
  readonly context: SyncContext
  readonly progress: ProgressStore
}

export function openSync({ config, peers, compile, state, env, owner }: SyncParts): OpenedSync {
  const identity = config.formerly ?? config.name
  const keys = new SyncKeys(identity)
  const progress = new ProgressStore(state, keys)
  const context: SyncContext = {
    config,
    identity,
    peers,
    mapping: createMapping(config, peers, compile),
    keys,
    store: new LinkStore({ state, keys, clock: env.clock, random: env.random }),
    guard: new Guard(keys, config.guard),
    env,
    owner,
    matchedAt: () => progress.current.matchedAt,
  }
  return { context, progress }
}
