import type { Config, Problem, SideName, SyncConfig } from '../config/config.ts'
import type { PeerContext, SinkDefinition } from '../config/definition.ts'
import { syncUses } from '../config/sync-uses.ts'
import { SIDES } from '../sync/link.ts'
import type { Peers } from '../sync/mapping.ts'
import type { Peer } from '../sync/peer.ts'
import type { Tasks } from '../sync/tasks.ts'
import type { TopicNames } from './topics.ts'

/** A sync with its sides made. */
export interface CompiledSync {
  readonly config: SyncConfig
  readonly identity: string
  readonly group: string
  readonly topics: Readonly<Record<SideName, string>>
  /** Where answers to its questions come in. */
  readonly taskTopic?: string
  /** Where they are asked. */
  readonly tasks?: Tasks
  readonly peers: Peers
  readonly systems: readonly string[]
}

type MakeContext = (system: string, object: string) => PeerContext

export function assembleSync(
  sync: SyncConfig,
  config: Config,
  names: TopicNames,
  contextOf: MakeContext,
): CompiledSync {
  const identity = sync.formerly ?? sync.name
  const topics = {
    left: names.source(sync.left.system, sync.left.object),
    right: names.source(sync.right.system, sync.right.object),
  }
  return {
    config: sync,
    identity,
    group: names.syncGroup(identity),
    topics,
    ...(sync.tasks && { taskTopic: names.source(sync.tasks.system, 'task') }),
    ...(sync.tasks && tasksOf(config, sync.tasks.system, contextOf)),
    peers: {
      left: peerOf(config, sync.left.system, sync.left.object, contextOf),
      right: peerOf(config, sync.right.system, sync.right.object, contextOf),
    },
    systems: [...new Set([sync.left.system, sync.right.system, ...(sync.tasks ? [sync.tasks.system] : [])])],
  }
}

function peerOf(config: Config, system: string, object: string, contextOf: MakeContext): Peer {
  const { definition, config: own } = config.systems.get(system)!
  // Only systems whose definition has one pass the checks of the config.
  return (definition as SinkDefinition).peer!(own as never, contextOf(system, object))
}

function tasksOf(config: Config, system: string, contextOf: MakeContext): { tasks?: Tasks } {
  const { definition, config: own } = config.systems.get(system)!
  const tasks = (definition as SinkDefinition).tasks?.(own as never, contextOf(system, 'task'))
  return tasks ? { tasks } : {}
}

/** What a live system says about the fields that syncs name in it. */
export async function verifySyncs(
  syncs: readonly CompiledSync[],
  config: Config,
  system: string,
  signal: AbortSignal,
): Promise<Problem[]> {
  const problems: Problem[] = []
  for (const { sync, side, uses } of syncUses(config).filter(each => each.system === system)) {
    const peer = syncs.find(each => each.config.name === sync)!.peers[side]
    await peer.verify(
      uses.map(({ path, writes, at }) => ({
        path,
        writes,
        problem: (message: string, suggestion?: string) => {
          problems.push(config.problemAt(at, 'unknown-field', message, suggestion))
        },
      })),
      { signal, priority: 'live' },
    )
  }
  return problems
}

/** Topics that a sync reads. */
export function topicsOf({ topics, taskTopic }: CompiledSync): string[] {
  return [...new Set([...SIDES.map(side => topics[side]), ...(taskTopic ? [taskTopic] : [])])]
}
