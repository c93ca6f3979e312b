import type { ServerResponse } from 'node:http'
import { SyncError } from '../errors.ts'

export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON; undefined sends none. */
  readonly body?: unknown
}

const DEFAULT_RETRY_SECONDS = 5

/** Answers that say why. `code` is stable, `message` is for people. */
export function errorAnswer(status: number, code: string, message: string, headers?: Record<string, string>): Answer {
  return { status, headers, body: { error: { code, message } } }
}

/** The sender did nothing wrong: come back. */
export function laterAnswer(status: number, code: string, message: string, retryAfterMs?: number): Answer {
  const seconds = retryAfterMs === undefined ? DEFAULT_RETRY_SECONDS : Math.max(1, Math.ceil(retryAfterMs / 1000))
  return errorAnswer(status, code, message, { 'retry-after': String(seconds) })
}

/**
 * What a failure of intake means to the sender. undefined: a defect of ours, for which the caller has words.
 * P9: only what was written for the sender goes out; causes and the log's own troubles stay inside.
 */
export function answerOf(error: unknown): Answer | undefined {
  if (!(error instanceof SyncError)) return undefined
  if (error.code === 'LOG_UNAVAILABLE') {
    return laterAnswer(503, error.code, 'events cannot be stored at the moment; send again later', error.retryAfterMs)
  }
  if (error.code === 'LOG_FULL') return errorAnswer(507, error.code, 'there is no room for further events')
  if (error.code === 'RECORD_TOO_LARGE') return errorAnswer(413, error.code, 'the event is larger than the log takes')
  if (error.kind === 'rejected' && error.status !== undefined && error.status >= 400 && error.status < 500) {
    return errorAnswer(error.status, error.code, error.message)
  }
  if (error.kind === 'retryable') {
    return laterAnswer(503, error.code, 'this cannot be done at the moment; send again later', error.retryAfterMs)
  }
  return undefined
}

/** Writes the whole answer with its length, in one go. */
export function send(response: ServerResponse, answer: Answer, extra?: Readonly<Record<string, string>>): void {
  if (response.headersSent || response.destroyed) return
  // The newline is for people: without it a shell's prompt stands behind the answer.
  const text = answer.body === undefined ? '' : `${JSON.stringify(answer.body)}\n`
  const headers: Record<string, string | number> = {}
  if (answer.body !== undefined) headers['content-type'] = 'application/json'
  if (answer.status !== 204) headers['content-length'] = Buffer.byteLength(text)
  if (answer.headers) Object.assign(headers, answer.headers)
  if (extra) Object.assign(headers, extra)
  response.writeHead(answer.status, headers)
  response.end(text)
}
