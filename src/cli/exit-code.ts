import { ConfigError } from '../config/config.ts'
import { SyncError } from '../errors.ts'

/** What the process says to whoever started it. */
export const EXIT = {
  done: 0,
  /** Something failed, or something was found. */
  runtime: 1,
  /** The config or the command line is wrong, or a plan is stale. */
  config: 2,
  /** A system, broker, state store or daemon cannot be reached, or somebody else holds the folder or the port. */
  unreachable: 3,
  interrupted: 130,
  terminated: 143,
} as const

/** A command line that asks for something impossible. Exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

const CONFIG_CODES = new Set(['CONFIG', 'BAD_POSITION', 'RESTART_NEEDED', 'STALE_PLAN'])

const UNREACHABLE_CODES = new Set([
  'CANNOT_LISTEN',
  'CONNECTION_FAILED',
  'CONNECTION_LOST',
  'CONTROL_LOST',
  'FOLDER_LOCKED',
  'FOLDER_UNUSABLE',
  'LOG_AUTH',
  'LOG_TLS',
  'LOG_UNAVAILABLE',
  'NOT_RUNNING',
  'REGISTRY_UNAVAILABLE',
  'STATE_AUTH',
  'STATE_TLS',
  'STATE_UNAVAILABLE',
  'SYSTEM_UNAVAILABLE',
  'TIMEOUT',
])

/** A signal asked for the end before the work was done. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'
  readonly signal: 'SIGINT' | 'SIGTERM'

  constructor(signal: 'SIGINT' | 'SIGTERM') {
    super(signal)
    this.signal = signal
  }

  /** As shells have it: 128 and the number of the signal. */
  get code(): number {
    return this.signal === 'SIGINT' ? EXIT.interrupted : EXIT.terminated
  }
}

export function exitCodeOf(thrown: unknown): number {
  if (thrown instanceof Interrupted) return thrown.code
  if (thrown instanceof ConfigError || thrown instanceof UsageError) return EXIT.config
  if (!(thrown instanceof SyncError)) return EXIT.runtime
  if (CONFIG_CODES.has(thrown.code)) return EXIT.config
  return UNREACHABLE_CODES.has(thrown.code) ? EXIT.unreachable : EXIT.runtime
}
