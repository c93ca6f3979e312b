import type { SideName, SyncConfig } from '../config/config.ts'
import type { Environment } from '../environment.ts'
import { derivedId } from '../identity.ts'
import type { Guard } from './guard.ts'
import type { Link } from './link.ts'
import type { LinkStore } from './link-store.ts'
import type { Mapping, Peers } from './mapping.ts'
import type { PlanContext } from './plan.ts'
import type { SyncKeys } from './sync-keys.ts'

/** What all parts of one running sync share. */
export interface SyncContext {
  readonly config: SyncConfig
  /** Name under which state, group and ids are kept: the sync's first one. */
  readonly identity: string
  readonly peers: Peers
  readonly mapping: Mapping
  readonly store: LinkStore
  readonly keys: SyncKeys
  readonly guard: Guard
  readonly env: Environment
  /** This process. */
  readonly owner: string
  /** When both sides had been walked completely once and their records were matched. */
  matchedAt(): number | undefined
}

export function planContext(context: SyncContext): PlanContext {
  const { config, peers, identity, env } = context
  return {
    now: env.clock.now(),
    toleranceMs: Math.max(config.skewToleranceMs, peers.left.granularityMs, peers.right.granularityMs),
    matched: context.matchedAt() !== undefined,
    restores: { left: peers.left.restores, right: peers.right.restores },
    idFor: (link: Link, side: SideName) => derivedId('sync', identity, link.id, side, String(link.made?.[side] ?? 0)),
  }
}

/** The same record begins the same link in every process. */
export function linkIdFor({ identity }: SyncContext, side: SideName, recordId: string): string {
  return derivedId('link', identity, side, recordId)
}
