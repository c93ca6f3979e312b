import pino from 'pino'
import { afterEach, describe, expect, it } from 'vitest'
import {
  type SandboxHttp,
  type SandboxHttpAnswer,
  type SandboxHttpCall,
  startSandboxHttp,
} from '../../sandbox/http/server.ts'
import { createHttpClient, type HttpClient } from '../../src/clients/http.ts'
import { withAuth } from '../../src/clients/http-auth.ts'
import type { OAuth2 } from '../../src/clients/oauth2.ts'
import { createEnvironment } from '../../src/environment/system.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

let server: SandboxHttp | undefined
afterEach(() => server?.stop())

interface Bench {
  readonly client: HttpClient
  readonly clock: VirtualClock
  readonly server: SandboxHttp
  /** Requests for tokens so far. */
  readonly tokenCalls: () => readonly SandboxHttpCall[]
  /** Tokens that the API takes. */
  readonly good: Set<string>
}

async function bench(
  over: Partial<OAuth2> = {},
  answerToken: (n: number) => SandboxHttpAnswer = n => ({
    body: { access_token: `t${n}`, token_type: 'Bearer', expires_in: 600 },
  }),
): Promise<Bench> {
  const good = new Set<string>(['t1', 't2', 't3'])
  let given = 0
  const answer = (call: SandboxHttpCall): SandboxHttpAnswer => {
    if (call.path === '/token') return answerToken(++given)
    const token = call.headers.authorization?.replace('Bearer ', '') ?? ''
    return good.has(token) ? { body: { token } } : { status: 401, body: { error: 'invalid_token' } }
  }
  server = await startSandboxHttp({ answer })
  const clock = new VirtualClock()
  const env = { ...createEnvironment({ logger: pino({ level: 'silent' }) }), clock }
  const oauth2 = { tokenUrl: `${server.url}/token`, clientId: 'me & you', clientSecret: 's:e+c', ...over }
  const client = createHttpClient(withAuth({ oauth2 }, { name: 'api', env, baseUrl: server.url }))
  return { client, clock, server, good, tokenCalls: () => server!.calls.filter(({ path }) => path === '/token') }
}

const get = { method: 'GET', url: '/things' }

describe('OAuth2 client credentials', () => {
  it('one token serves calls side by side and later ones, until shortly before it ends', async () => {
    const { client, clock, tokenCalls } = await bench()
    await Promise.all([client.send(get), client.send(get), client.send(get)])
    await clock.advance(539_000)
    expect((await client.send(get)).json()).toEqual({ token: 't1' })
    expect(tokenCalls()).toHaveLength(1)
    await clock.advance(2000)
    expect((await client.send(get)).json()).toEqual({ token: 't2' })
    expect(tokenCalls()).toHaveLength(2)
  })

  it('id and secret are form-encoded and sent as Basic, or in the form when told', async () => {
    const inHeader = await bench({ scope: 'a b', audience: 'https://x.example.com' })
    await inHeader.client.send(get)
    const [call] = inHeader.tokenCalls()
    expect(Buffer.from(call!.headers.authorization!.replace('Basic ', ''), 'base64').toString()).toBe(
      'me+%26+you:s%3Ae%2Bc',
    )
    expect(Object.fromEntries(new URLSearchParams(call!.body))).toEqual({
      grant_type: 'client_credentials',
      scope: 'a b',
      audience: 'https://x.example.com',
    })
    await server!.stop()
    const inBody = await bench({ credentialsIn: 'body' })
    await inBody.client.send(get)
    const [other] = inBody.tokenCalls()
    expect(other!.headers.authorization).toBeUndefined()
    expect(new URLSearchParams(other!.body).get('client_secret')).toBe('s:e+c')
  })

  it('a 401 is answered with one new token, and a second 401 stands', async () => {
    const { client, good, server, tokenCalls } = await bench()
    await client.send(get)
    good.delete('t1')
    expect((await client.send(get)).json()).toEqual({ token: 't2' })
    expect(tokenCalls()).toHaveLength(2)
    good.clear()
    const before = server.calls.length
    await expect(client.send(get)).rejects.toMatchObject({ kind: 'fatal', code: 'UNAUTHORIZED' })
    expect(server.calls.slice(before).map(({ path }) => path)).toEqual(['/things', '/token', '/things'])
  })

  it('calls side by side that meet a 401 share the new token', async () => {
    const { client, good, tokenCalls } = await bench()
    await client.send(get)
    good.delete('t1')
    await Promise.all([client.send(get), client.send(get), client.send(get)])
    expect(tokenCalls()).toHaveLength(2)
  })

  it('refused credentials are fatal and say where, without the secret', async () => {
    const { client } = await bench({}, () => ({ status: 400, body: { error: 'invalid_client' } }))
    const error = await client.send({ method: 'POST', url: '/things' }).catch(thrown => thrown)
    expect(error).toMatchObject({ kind: 'fatal', code: 'TOKEN_REFUSED', outcomeUnknown: false })
    expect(error.message).toContain('invalid_client')
    expect(JSON.stringify([error.message, error.details ?? null])).not.toContain('s:e+c')
  })

  it('P3: a token server that fails leaves no doubt about the call, which was not made', async () => {
    const { client, server } = await bench()
    server.faults.loseAnswerNext = 1
    await expect(client.send({ method: 'POST', url: '/things' })).rejects.toMatchObject({
      kind: 'retryable',
      code: 'CONNECTION_LOST',
      outcomeUnknown: false,
    })
    server.faults.failNext = 1
    server.faults.failStatus = 503
    server.faults.retryAfterSeconds = 7
    await expect(client.send(get)).rejects.toMatchObject({ kind: 'retryable', retryAfterMs: 7000 })
    expect((await client.send(get)).json()).toBeDefined()
  })

  it('an answer without a token is no token', async () => {
    const { client } = await bench({}, () => ({ body: '<html>' }))
    await expect(client.send(get)).rejects.toMatchObject({ kind: 'retryable', code: 'INVALID_ANSWER' })
  })
})
