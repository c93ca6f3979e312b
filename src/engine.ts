import type { Config } from './config/config.ts'
import { openEmbedded } from './embedded/open.ts'
import type { Environment } from './environment.ts'
import { SyncError } from './errors.ts'
import type { EventLog } from './log/event-log.ts'
import { memoryLog } from './log/memory.ts'
import type { Coordinator } from './state/coordinator.ts'
import { localCoordinator } from './state/local-coordinator.ts'
import { memoryState } from './state/memory.ts'
import type { StateStore } from './state/state-store.ts'

/** Where events and state live. Two engines, one behaviour. */
export interface Engine {
  /** For people: `embedded (./data)`, `Kafka (3 brokers), Redis`. */
  readonly description: string
  /** Other instances may work on the same log and state. */
  readonly shared: boolean
  readonly log: EventLog
  readonly state: StateStore
  readonly coordinator: Coordinator
  /** How full the log is, where it has a limit. */
  usage?(): { bytes: number; limit?: number }
  close(): Promise<void>
}

/** Opens what `log` and `state` of the config name. @throws SyncError `FOLDER_LOCKED`, `LOG_UNAVAILABLE`, `STATE_UNAVAILABLE`. */
export async function openEngine(config: Pick<Config, 'log' | 'state'>, env: Environment): Promise<Engine> {
  if (config.log.type === 'embedded' && config.state.type === 'embedded') {
    return openOneFile(config.log.folder, config.log.maxBytes, env)
  }
  const log = await openLog(config, env)
  try {
    return await withState(config, env, log)
  } catch (error) {
    await log.close()
    throw error
  }
}

async function openOneFile(folder: string, maxBytes: number | undefined, env: Environment): Promise<Engine> {
  const embedded = await openEmbedded({ folder, clock: env.clock, ...(maxBytes !== undefined && { maxBytes }) })
  const coordinator = localCoordinator({ clock: env.clock })
  return {
    description: `embedded, one file in ${folder}`,
    shared: false,
    log: embedded.log,
    state: embedded.state,
    coordinator,
    usage: () => embedded.usage(),
    async close() {
      await coordinator.close()
      await embedded.close()
    },
  }
}

async function openLog({ log }: Pick<Config, 'log'>, env: Environment): Promise<EventLog> {
  if (log.type === 'kafka') {
    // Loaded only where used: the clients would double the start-up time of the embedded engine.
    const { openKafkaLog } = await import('./log/kafka/open.ts')
    return openKafkaLog(log, { env })
  }
  if (log.type === 'memory') return memoryLog({ clock: env.clock })
  throw new SyncError('fatal', 'CONFIG', '`log: embedded` goes with `state: embedded`: both are one file')
}

async function withState(
  { log, state }: Pick<Config, 'log' | 'state'>,
  env: Environment,
  opened: EventLog,
): Promise<Engine> {
  const where = log.type === 'kafka' ? `Kafka at ${log.brokers.join(', ')}` : 'memory'
  if (state.type === 'redis') {
    const { openRedis } = await import('./state/redis/open.ts')
    const redis = await openRedis(state, { env })
    return {
      description: `${where}, Redis at ${state.urls.map(withoutCredentials).join(', ')}`,
      shared: true,
      log: opened,
      state: redis.state,
      coordinator: redis.coordinator,
      async close() {
        await opened.close()
        await redis.close()
      },
    }
  }
  const [memory, coordinator] = [memoryState({ clock: env.clock }), localCoordinator({ clock: env.clock })]
  return {
    description: `${where}, state in memory`,
    shared: log.type === 'kafka',
    log: opened,
    state: memory,
    coordinator,
    async close() {
      await opened.close()
      await coordinator.close()
      await memory.close()
    },
  }
}

function withoutCredentials(url: string): string {
  const { host } = new URL(url)
  return host
}
