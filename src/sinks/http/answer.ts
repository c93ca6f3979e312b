import { type HttpAnswer, type HttpCall, type HttpClientOptions, statusError } from '../../clients/http.ts'
import { valueAt } from '../../clients/rest/paths.ts'
import { revised, SyncError } from '../../errors.ts'
import { parseJson } from '../../json.ts'
import { isAmong, methodOf, type RequestArgs, readsOnly } from './request.ts'

/** What later steps see under the step's `as`, unless `result` chooses a part of the body. */
export interface HttpResult {
  readonly status: number
  /** JSON as its value, other text as text, nothing as null. */
  readonly body: unknown
  /** Where the answer says that the new thing is. */
  readonly location?: string
}

/** @throws SyncError for a status that does not mean done. */
export function judge(answer: HttpAnswer, call: HttpCall, args: RequestArgs, options: HttpClientOptions): void {
  const { status } = answer
  if (isAmong(status, args.success ?? ['200-299'])) return
  const error = statusError(answer, call, options)
  if (!args.retry || !isAmong(status, args.retry)) throw error
  // The author says that such an answer means: nothing was done.
  throw revised(error, { kind: 'retryable', outcomeUnknown: false })
}

/** @throws SyncError retryable `INVALID_ANSWER` when a read promised JSON and gave something else. */
export function resultOf(answer: HttpAnswer, args: RequestArgs, system: string): HttpResult {
  const { location } = answer.headers
  return { status: answer.status, body: bodyOf(answer, args, system), ...(location !== undefined && { location }) }
}

/** What later steps see of it. */
export function chosen(result: HttpResult, { result: path }: RequestArgs): unknown {
  return path === undefined ? result : (valueAt(result.body, path) ?? null)
}

function bodyOf(answer: HttpAnswer, args: RequestArgs, system: string): unknown {
  if (answer.body.length === 0) return null
  if (!/^application\/(?:[\w.-]+\+)?json\b/i.test(answer.headers['content-type'] ?? ''))
    return answer.body.toString('utf8')
  try {
    return parseJson(answer.body)
  } catch (cause) {
    // A write was done, whatever its answer looks like.
    if (!readsOnly(methodOf(args))) return answer.body.toString('utf8')
    const message = `${system}: ${methodOf(args)} ${args.path} answered ${answer.status} with JSON that cannot be read`
    throw new SyncError('retryable', 'INVALID_ANSWER', message, { cause, status: answer.status })
  }
}
