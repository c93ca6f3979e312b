import type { Config } from '../config/config.ts'
import type { Environment } from '../environment.ts'
import { SyncError } from '../errors.ts'
import type { Operations } from '../runtime/operations.ts'
import { Redactor } from '../runtime/redact.ts'
import { controlFolder } from '../server/control-file.ts'
import { connectControl } from './control-client.ts'
import { redactedOperations } from './redacted-operations.ts'
import type { Backend } from './shell.ts'

export interface Connection {
  readonly operations: Operations
  /** True when a daemon answers; else the operations work on the stored log and state. */
  readonly live: boolean
  close(): Promise<void>
}

/**
 * The operations of an installation, through its running daemon when there is one.
 * @throws SyncError `FOLDER_LOCKED`, `NOT_RUNNING`, `CONTROL_LOST`, and what opening the engine throws.
 */
export async function connectOperations(
  config: Config,
  env: Environment,
  backend: Pick<Backend, 'openOffline'>,
): Promise<Connection> {
  const redactor = new Redactor(config.secrets)
  const remote = await connectControl(controlFolder(config), env.clock)
  if (remote) return { operations: redactedOperations(remote, redactor), live: true, close: async () => {} }
  if (config.log.type === 'memory') {
    throw new SyncError(
      'retryable',
      'NOT_RUNNING',
      'no daemon runs on this config, and a log in memory is gone with its daemon; start one with `twenty-sync run`',
    )
  }
  const { operations, close } = await backend.openOffline(config, env)
  return { operations: redactedOperations(operations, redactor), live: false, close }
}
