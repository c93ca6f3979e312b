import type { ConfigFault } from '../../config/definition.ts'
import { boundsOf, methodOf, type RequestArgs, readsOnly } from './request.ts'

/** What the schema cannot say of a request. */
export function requestFaults(config: unknown): ConfigFault[] {
  const args = config as RequestArgs
  return [...rangeFaults(args, 'success'), ...rangeFaults(args, 'retry'), ...batchFaults(args)]
}

function rangeFaults(args: RequestArgs, key: 'success' | 'retry'): ConfigFault[] {
  return (args[key] ?? []).flatMap((status, at) => {
    if (typeof status === 'number') return []
    const [from, to] = boundsOf(status)
    if (from <= to) return []
    return [{ path: [key, at], message: `no status is from ${from} to ${to}`, suggestion: `${to}-${from}` }]
  })
}

function batchFaults(args: RequestArgs): ConfigFault[] {
  const { batch, body, bodyType, idempotencyHeader } = args
  if (!batch) return []
  const faults: ConfigFault[] = []
  const fault = (path: readonly string[], message: string, suggestion?: string) =>
    faults.push({ path, message, ...(suggestion && { suggestion }) })
  if (readsOnly(methodOf(args))) fault(['method'], 'a batch has a body, which this method has not', 'method: POST')
  if (body === undefined) fault(['batch'], 'what does each item give? `body` is missing', 'body: { email: data.email }')
  if (bodyType === 'form') fault(['bodyType'], 'a batch is sent as JSON', 'bodyType: json')
  if (idempotencyHeader !== undefined) {
    // P3: an item that is tried again meets others, so no two calls are the same.
    fault(['idempotencyHeader'], 'one key cannot stand for many items', 'a field of `body` that tells the items apart')
  }
  const { answers } = batch
  if (answers?.only && !answers.id)
    fault(['batch', 'answers'], '`only: failed` needs to know which failed: `id` is missing')
  if (answers?.only && answers.ok)
    fault(['batch', 'answers', 'ok'], 'all that are in the list failed: `ok` says nothing')
  if (answers && !answers.only && !answers.ok) {
    fault(['batch', 'answers'], 'what says that an item was taken? `ok` is missing', "ok: answer.status == 'ok'")
  }
  return faults
}
