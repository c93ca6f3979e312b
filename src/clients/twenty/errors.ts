import type { HttpResponse } from '../../environment.ts'
import { SyncError } from '../../errors.ts'
import type { HttpCall } from '../http.ts'
import type { Refusal } from '../rate-limiter.ts'
import { retryAfterMs, secondsToMs } from '../retry-after.ts'
import { isFields } from './metadata.ts'

/**
 * Undefined unless the answer says that calls come too fast. In order of the server's age: 429 with `Retry-After` and
 * details in the body; 429 with a text alone; 400 with that text.
 */
export function refusalOf(answer: HttpResponse, nowMs: number): Refusal | undefined {
  const body = bodyOf(answer)
  if (answer.status !== 429 && !(answer.status === 400 && /limit reached|too many requests/i.test(body.text))) {
    return undefined
  }
  return { retryAfterMs: waitOf(answer, body.fields, nowMs), limit: limitOf(body.fields) }
}

function waitOf(answer: HttpResponse, body: Readonly<Record<string, unknown>>, nowMs: number): number | undefined {
  const header = retryAfterMs(answer.headers, nowMs)
  if (header !== undefined) return header
  if (typeof body.retryAfterSeconds === 'number') return secondsToMs(body.retryAfterSeconds)
  const reset = Number(answer.headers['x-ratelimit-reset'] ?? Number.NaN)
  const theirNow = Date.parse(answer.headers.date ?? '')
  return secondsToMs(Math.max(0, reset - (Number.isNaN(theirNow) ? nowMs : theirNow) / 1000))
}

function limitOf({ limit, windowSeconds }: Readonly<Record<string, unknown>>): Refusal['limit'] {
  if (typeof limit !== 'number' || typeof windowSeconds !== 'number' || limit < 1 || windowSeconds <= 0)
    return undefined
  return { limit, windowMs: windowSeconds * 1000 }
}

/** What an answer outside 2xx means. Twenty says some things with 400 for which others have a status of their own. */
export function errorOf(name: string, call: HttpCall, answer: HttpResponse, plain: SyncError): SyncError {
  const { text } = bodyOf(answer)
  const said = text ? `: ${text}` : ''
  const target = `${name}: ${call.method} ${call.url.replace(/\?.*$/, '')} answered ${answer.status}`
  const make = (kind: SyncError['kind'], code: string, advice = '') =>
    new SyncError(kind, code, `${target}${said}${advice}`, {
      status: answer.status,
      details: plain.details,
      outcomeUnknown: plain.outcomeUnknown,
      retryAfterMs: plain.retryAfterMs,
    })
  if (answer.status === 401) {
    return make(
      'fatal',
      'TWENTY_AUTH',
      '; the API key is wrong, expired or revoked: make a new one under Settings > APIs & Webhooks',
    )
  }
  if (answer.status === 403 || (answer.status === 400 && /PERMISSION_DENIED|does not have permission/i.test(text))) {
    return make('fatal', 'TWENTY_AUTH', '; the role of the API key lacks this right: change it under Settings > Roles')
  }
  if (answer.status === 402) return make('fatal', 'TWENTY_QUOTA', "; the workspace's plan does not allow more")
  if (answer.status === 404) return make('rejected', 'TWENTY_NOT_FOUND')
  if (isDuplicate(answer.status, text)) return make('rejected', 'TWENTY_DUPLICATE')
  if (answer.status === 400 && UNKNOWN_FIELD.test(text)) return make('rejected', 'TWENTY_UNKNOWN_FIELD')
  return make(plain.kind, plain.kind === 'rejected' ? 'TWENTY_REFUSED' : plain.code)
}

const UNKNOWN_FIELD =
  /unknown (argument|field)|field .*(does ?n.t|does not) exist|(doesn't|does not) have any .* field|field metadata not found/i

/** @see https://github.com/twentyhq/twenty/issues/13567 for one of the texts */
function isDuplicate(status: number, text: string): boolean {
  return (
    (status === 400 || status === 409) &&
    /duplicate|unique constraint|already exists|UPSERT_MULTIPLE_MATCHING/i.test(text)
  )
}

/** `messages` of Twenty's own error, or the body as it is. */
function bodyOf(answer: HttpResponse): { fields: Readonly<Record<string, unknown>>; text: string } {
  const raw = answer.body.subarray(0, 4096).toString('utf8')
  try {
    const parsed: unknown = JSON.parse(answer.body.toString('utf8'))
    if (!isFields(parsed)) return { fields: {}, text: raw }
    const messages = Array.isArray(parsed.messages) ? parsed.messages : [parsed.message ?? '']
    const code = typeof parsed.code === 'string' ? `${parsed.code}: ` : ''
    return { fields: parsed, text: (code + messages.map(String).join('; ')).slice(0, 500) }
  } catch {
    return { fields: {}, text: raw.slice(0, 500) }
  }
}
