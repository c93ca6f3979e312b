import type { Config } from '../config/config.ts'
import type { Environment } from '../environment.ts'
import { SyncError } from '../errors.ts'
import type { DaemonOperations, Operations } from '../runtime/operations.ts'
import { Redactor } from '../runtime/redact.ts'
import { controlFolder } from '../server/control-file.ts'
import { connectControl } from './control-client.ts'
import { redactedOperations } from './redacted-operations.ts'
import type { Backend, Variables } from './shell.ts'

export interface Connection {
  readonly operations: Operations
  /** True when a daemon answers; else the operations work on the stored log and state. */
  readonly live: boolean
  /** True when nobody else can append meanwhile: this process has the data folder to itself. */
  readonly alone: boolean
  close(): Promise<void>
}

export interface ConnectOptions {
  /** Config files and folders. */
  readonly paths: readonly string[]
  readonly variables: Variables
  readonly env: Environment
  readonly backend: Backend
  /** The whole config. Only asked for when no daemon runs. @throws ConfigError */
  readonly load: () => Promise<Config>
}

/**
 * The operations of an installation, through its running daemon when there is one.
 * @throws ConfigError, SyncError `FOLDER_LOCKED`, `NOT_RUNNING`, `CONTROL_LOST`, and what opening the engine throws.
 */
export async function connectOperations(options: ConnectOptions): Promise<Connection> {
  const { env, backend, load } = options
  const remote = await findDaemon(options)
  // The daemon redacts what it answers: it knows its secrets, this process may not.
  if (remote) return { operations: remote, live: true, alone: false, close: async () => {} }
  return openStored(await load(), env, backend)
}

/**
 * What can be asked of the daemon itself.
 * @throws ConfigError when the config is too wrong to say where its daemon is, SyncError `NOT_RUNNING`, `CONTROL_LOST`.
 */
export async function connectDaemon(options: ConnectOptions): Promise<DaemonOperations> {
  const daemon = await findDaemon(options)
  if (daemon) return daemon
  await options.load()
  throw new SyncError('retryable', 'NOT_RUNNING', 'no daemon runs on this config; start one with `twenty-sync run`')
}

async function findDaemon({ paths, variables, env, backend }: ConnectOptions): Promise<DaemonOperations | undefined> {
  const located = await backend.locateLog(paths, variables)
  return located && connectControl(controlFolder(located, variables.TWENTY_SYNC_CONTROL), env.clock)
}

async function openStored(config: Config, env: Environment, backend: Backend): Promise<Connection> {
  if (config.log.type === 'memory') {
    throw new SyncError(
      'retryable',
      'NOT_RUNNING',
      'no daemon runs on this config, and a log in memory is gone with its daemon; start one with `twenty-sync run`',
    )
  }
  const { operations, close } = await backend.openOffline(config, env)
  const redacted = redactedOperations(operations, new Redactor(config.secrets))
  return { operations: redacted, live: false, alone: config.log.type === 'embedded', close }
}
