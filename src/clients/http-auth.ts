import { type Static, Type } from '@sinclair/typebox'
import { Secret } from '../config/definition.ts'
import type { HttpClientOptions } from './http.ts'
import { clientCredentials, OAuth2 } from './oauth2.ts'

/** What a header may be called. */
export const HEADER_NAME = "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"

/** How calls to an API prove who we are. */
export const Auth = Type.Union(
  [
    Type.Object(
      { bearer: Secret({ description: 'Token, sent as `Authorization: Bearer …`.', examples: ['${API_TOKEN}'] }) },
      { additionalProperties: false, description: 'A bearer token.' },
    ),
    Type.Object(
      {
        username: Type.String({ pattern: '^[^:]*$', description: 'User name.', examples: ['sync'] }),
        password: Secret({ description: 'Password.', examples: ['${API_PASSWORD}'] }),
      },
      { additionalProperties: false, description: 'HTTP Basic authentication.' },
    ),
    Type.Object(
      {
        headers: Type.Record(
          Type.String({ pattern: HEADER_NAME }),
          Secret({ description: 'Value of the header.', examples: ['${API_KEY}'] }),
          {
            additionalProperties: false,
            description: 'Headers whose values are secrets.',
            examples: [{ 'x-api-key': '${API_KEY}' }],
          },
        ),
      },
      { additionalProperties: false, description: 'Keys in headers of their own.' },
    ),
    Type.Object(
      { oauth2: OAuth2 },
      { additionalProperties: false, description: 'OAuth 2.0 with client credentials (RFC 6749, section 4.4).' },
    ),
  ],
  {
    description: 'How calls prove who we are: `bearer`, `username` and `password`, secret `headers`, or `oauth2`.',
    examples: [{ bearer: '${API_TOKEN}' }, { headers: { 'x-api-key': '${API_KEY}' } }],
  },
)

export type Auth = Static<typeof Auth>

/** The parts of a client's options that prove who we are, beside its other headers. */
export function withAuth(auth: Auth | undefined, options: HttpClientOptions): HttpClientOptions {
  if (auth && 'oauth2' in auth) return { ...options, proof: clientCredentials(auth.oauth2, options) }
  return { ...options, headers: { ...options.headers, ...authHeaders(auth) } }
}

/** Lower-case names. */
function authHeaders(auth: Exclude<Auth, { oauth2: unknown }> | undefined): Record<string, string> {
  if (!auth) return {}
  if ('bearer' in auth) return { authorization: `Bearer ${auth.bearer}` }
  if ('headers' in auth) return lowerCase(auth.headers)
  return { authorization: `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}` }
}

export function lowerCase(headers: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}
