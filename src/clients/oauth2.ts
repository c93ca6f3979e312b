import { type Static, Type } from '@sinclair/typebox'
import { Secret, Url } from '../config/definition.ts'
import type { Environment, HttpResponse } from '../environment.ts'
import { asSyncError, SyncError } from '../errors.ts'
import { onAbort } from '../on-abort.ts'
import type { Proof } from './http.ts'
import { retryAfterMs } from './retry-after.ts'

/** @see https://www.rfc-editor.org/rfc/rfc6749#section-4.4 */
export const OAuth2 = Type.Object(
  {
    tokenUrl: Url({
      description: 'Where tokens are given out.',
      examples: ['https://login.example.com/oauth2/token'],
    }),
    clientId: Type.String({ minLength: 1, description: 'Id of this client.', examples: ['twenty-sync'] }),
    clientSecret: Secret({ description: 'Secret of this client.', examples: ['${CLIENT_SECRET}'] }),
    scope: Type.Optional(
      Type.String({ description: 'Scopes, with blanks between them.', examples: ['usage.read billing.read'] }),
    ),
    audience: Type.Optional(
      Type.String({
        description: 'Sent as `audience`, where the server wants it.',
        examples: ['https://api.example.com'],
      }),
    ),
    credentialsIn: Type.Optional(
      Type.Union([Type.Literal('header'), Type.Literal('body')], {
        description: 'Where id and secret are sent: as HTTP Basic, or in the form.',
        default: 'header',
      }),
    ),
  },
  {
    additionalProperties: false,
    description: 'A token is fetched with these, kept until shortly before it ends, and fetched anew once after a 401.',
  },
)

export type OAuth2 = Static<typeof OAuth2>

const TIMEOUT_MS = 30_000
/** A token is given up this long before it ends, or a tenth of its life where that is shorter. */
const MARGIN_MS = 60_000

interface Token {
  readonly headers: Readonly<Record<string, string>>
  /** By the clock that never goes back; absent: until it is refused. */
  readonly endsAt?: number
}

/** Tokens of a client, one at a time, shared by all calls. P9: none is ever in a message. */
export function clientCredentials(
  config: OAuth2,
  { name, env }: { readonly name: string; readonly env: Pick<Environment, 'http' | 'clock'> },
): Proof {
  let token: Token | undefined
  let fetching: Promise<Token> | undefined

  const fresh = (): Promise<Token> => {
    fetching ??= fetchToken(config, name, env)
      .then(fetched => {
        token = fetched
        return fetched
      })
      .finally(() => {
        fetching = undefined
      })
    return fetching
  }

  return {
    async headers(signal) {
      const isGood = token && (token.endsAt === undefined || env.clock.elapsed() < token.endsAt)
      return isGood ? token!.headers : (await untilAborted(fresh(), signal)).headers
    },
    refused(headers) {
      // Another call may have fetched a new one meanwhile.
      if (token?.headers === headers) token = undefined
    },
  }
}

async function fetchToken(config: OAuth2, name: string, env: Pick<Environment, 'http' | 'clock'>): Promise<Token> {
  const where = `${name}: the token server at ${new URL(config.tokenUrl).host}`
  const answer = await ask(config, env).catch(thrown => {
    const { kind, code, message } = asSyncError(thrown)
    // Not `outcomeUnknown`, whatever became of this call: the one that needs the token was not made.
    throw new SyncError(kind, code, `${where} did not answer: ${message}`, { cause: thrown })
  })
  if (answer.status === 408 || answer.status === 429 || answer.status >= 500) {
    const waitMs = retryAfterMs(answer.headers, env.clock.now())
    const options = { status: answer.status, ...(waitMs !== undefined && { retryAfterMs: waitMs }) }
    throw new SyncError('retryable', 'SERVER_ERROR', `${where} answered ${answer.status}`, options)
  }
  const body = parsed(answer)
  if (answer.status < 200 || answer.status > 299) {
    const reason = typeof body.error === 'string' ? ` (${body.error.slice(0, 100)})` : ''
    const message = `${where} answered ${answer.status}${reason}: check clientId, clientSecret, scope and \`credentialsIn\``
    throw new SyncError('fatal', 'TOKEN_REFUSED', message, { status: answer.status })
  }
  if (typeof body.access_token !== 'string' || !/^[\x21-\x7e]+$/.test(body.access_token)) {
    throw new SyncError(
      'retryable',
      'INVALID_ANSWER',
      `${where} answered without a token; is \`tokenUrl\` the right one?`,
    )
  }
  const lifeMs = Number(body.expires_in) * 1000
  return {
    headers: { authorization: `Bearer ${body.access_token}` },
    ...(lifeMs > 0 && { endsAt: env.clock.elapsed() + lifeMs - Math.min(MARGIN_MS, lifeMs / 10) }),
  }
}

function ask(config: OAuth2, { http }: Pick<Environment, 'http'>): Promise<HttpResponse> {
  const { tokenUrl, clientId, clientSecret, scope, audience, credentialsIn = 'header' } = config
  const form = new URLSearchParams({ grant_type: 'client_credentials' })
  if (scope !== undefined) form.set('scope', scope)
  if (audience !== undefined) form.set('audience', audience)
  const headers: Record<string, string> = {
    accept: 'application/json',
    'content-type': 'application/x-www-form-urlencoded',
  }
  if (credentialsIn === 'body') {
    form.set('client_id', clientId)
    form.set('client_secret', clientSecret)
  } else {
    // Both are encoded as in a form before they are joined: https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1
    const pair = `${formEncoded(clientId)}:${formEncoded(clientSecret)}`
    headers.authorization = `Basic ${Buffer.from(pair).toString('base64')}`
  }
  return http({ method: 'POST', url: tokenUrl, headers, body: form.toString(), timeoutMs: TIMEOUT_MS })
}

function formEncoded(text: string): string {
  return new URLSearchParams({ _: text }).toString().slice(2)
}

function parsed({ body }: HttpResponse): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'))
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

/** The work goes on for the others that wait for it. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const deaf = onAbort(signal, () => reject(signal.reason))
    work.then(resolve, reject).finally(deaf)
  })
}
