import { SyncError } from '../../errors.ts'

/** @param written a write was on its way: it may have been done. */
export function stateError(error: unknown, doing: string, written = false): SyncError {
  if (error instanceof SyncError) return error
  const reason = error instanceof Error ? error.message : String(error)
  const text = `${doing}: ${reason}`
  const options = { cause: error }
  if (/^(NOAUTH|WRONGPASS|NOPERM)/.test(reason)) {
    return new SyncError('fatal', 'STATE_AUTH', `${text}: check the user and password in state.urls`, options)
  }
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
  const outcomeUnknown = written && !isAnswer
  return new SyncError('retryable', 'STATE_UNAVAILABLE', `${text}: ${advice ?? 'is Redis up?'}`, {
    ...options,
    outcomeUnknown,
  })
}

function adviceFor(reason: string): string | undefined {
  if (reason.startsWith('OOM')) return 'Redis is full: raise maxmemory'
  if (reason.startsWith('READONLY')) return 'this node became a replica: the new master is looked for'
  if (reason.startsWith('MISCONF')) return 'Redis cannot write to its disk'
  if (/^(LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY|NOREPLICAS)/.test(reason)) return 'Redis is not ready'
  if (reason.includes("Stream isn't writeable")) return 'the connection was just lost'
  return undefined
}
