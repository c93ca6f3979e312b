import { SyncError } from '../../errors.ts'
import { tlsFaultOf } from '../../tls-fault.ts'

export interface StateErrorOptions {
  /** A write was on its way: it may have been done. */
  readonly isWrite?: boolean
  /** What to look at where the error itself does not tell. */
  readonly hint?: string | undefined
}

/** @param doing what was tried, and where, as in "cannot read state (Redis at redis:6379)". */
export function stateError(
  thrown: unknown,
  doing: string,
  { isWrite = false, hint }: StateErrorOptions = {},
): SyncError {
  if (thrown instanceof SyncError) return thrown
  const error = withoutArguments(thrown)
  const reason = reasonOf(error)
  const options = { cause: error }
  const fault = tlsFaultOf(error, { tls: 'state.tls', address: 'state.url' })
  if (fault) return new SyncError('fatal', 'STATE_TLS', `${doing}: ${fault.reason}: ${fault.advice}`, options)
  const text = `${doing}: ${reason}`
  const auth = authAdviceFor(reason)
  if (auth) return new SyncError('fatal', 'STATE_AUTH', `${text.replace(/\.$/, '')}: ${auth}`, options)
  if (/^(MOVED|CROSSSLOT)/.test(reason)) {
    return new SyncError(
      'fatal',
      'STATE_CONFIG',
      `${text}: this is a Redis Cluster: set state.cluster to true`,
      options,
    )
  }
  const advice = adviceFor(reason)
  // The server said that it did nothing; only without an answer is the outcome open.
  const isAnswer = advice !== undefined
  const outcomeUnknown = isWrite && !isAnswer
  return new SyncError(
    'retryable',
    'STATE_UNAVAILABLE',
    `${text}: ${advice ?? (isAway(error) ? undefined : hint) ?? 'is Redis up?'}`,
    {
      ...options,
      outcomeUnknown,
    },
  )
}

/** P9: ioredis hangs the command with its arguments on an error: a password, or what was to be stored. */
export function withoutArguments(error: unknown): unknown {
  if (error instanceof Error && 'command' in error) {
    const { name } = error.command as { name?: string }
    error.command = { name }
  }
  return error
}

/** Only that there is no connection, and not why. */
export function saysLittle(error: unknown): boolean {
  if (!(error instanceof Error)) return true
  const { code = '', message }: NodeJS.ErrnoException = error
  const isBroken = ['ECONNRESET', 'EPIPE'].includes(code)
  return isBroken || /^(Connection is closed|Failed to refresh slots|None of startup)/.test(message)
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  // What follows is about commands that nobody types here.
  return error.message.startsWith('NOAUTH') ? 'NOAUTH: it wants a password' : error.message
}

/** Nobody listens there at all. */
function isAway(error: unknown): boolean {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined
  return ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'].includes(code ?? '')
}

function authAdviceFor(reason: string): string | undefined {
  if (reason.startsWith('NOPERM')) return 'give the user of state.url this right (ACL SETUSER)'
  if (reason.startsWith('NOAUTH')) return 'put user and password into state.url'
  if (reason.startsWith('WRONGPASS')) return 'check user and password in state.url'
  return undefined
}

function adviceFor(reason: string): string | undefined {
  if (reason.startsWith('OOM')) return 'Redis is full: raise maxmemory'
  if (reason.startsWith('READONLY')) return 'this node became a replica: the new master is looked for'
  if (reason.startsWith('MISCONF')) return 'Redis cannot write to its disk'
  if (/^(LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY|NOREPLICAS)/.test(reason)) return 'Redis is not ready'
  if (reason.includes("Stream isn't writeable")) return 'the connection was just lost'
  return undefined
}
