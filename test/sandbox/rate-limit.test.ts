import { describe, expect, it } from 'vitest'
import { workspace } from './workspace.ts'

const LIMITS = { enabled: true, shortLimit: 5, shortWindowMs: 1_000, longLimit: 8, longWindowMs: 60_000 } as const

describe('rate limit', () => {
  it('lets a burst through, then answers 429 with the documented headers and body', () => {
    const { call, clock } = workspace({ faults: { rateLimit: LIMITS } })
    for (let n = 0; n < 5; n++) expect(call('GET', '/rest/people').status).toBe(200)
    const refused = call('GET', '/rest/people')
    expect(refused.status).toBe(429)
    expect(refused.headers).toEqual({
      'Retry-After': '1',
      'X-RateLimit-Limit': '5',
      'X-RateLimit-Remaining': '0',
      'X-RateLimit-Reset': String(Math.ceil((clock.now() + 200) / 1000)),
    })
    expect(refused.body).toMatchObject({
      statusCode: 429,
      error: 'RATE_LIMITED',
      messages: [expect.stringContaining('Limit reached')],
      limitKind: 'speed',
      scope: { spenderType: expect.any(String), spenderId: expect.any(String) },
      limit: 5,
      remaining: 0,
      retryAfterSeconds: 1,
    })
  })

  it('refills with time, and the sustained bucket outlasts the burst one', async () => {
    const { call, clock } = workspace({ faults: { rateLimit: LIMITS } })
    for (let n = 0; n < 5; n++) call('GET', '/rest/people')
    await clock.advance(1_000)
    for (let n = 0; n < 3; n++) expect(call('GET', '/rest/people').status).toBe(200)
    const refused = call('GET', '/rest/people')
    expect(refused.status).toBe(429)
    expect(refused.body.limit).toBe(8)
    await clock.advance(Number(refused.headers!['Retry-After']) * 1000)
    expect(call('GET', '/rest/people').status).toBe(200)
  })

  it('has the two older shapes: a plain 429, and a 400 with the same text', () => {
    const { call, twenty } = workspace({ faults: { rateLimit: { ...LIMITS, shortLimit: 0 } } })
    twenty.faults.rateLimit.style = 'plain'
    const plain = call('GET', '/rest/people')
    expect(plain.status).toBe(429)
    expect(plain.headers).toEqual({})
    expect(plain.body).toEqual({
      statusCode: 429,
      error: expect.any(String),
      messages: [expect.stringMatching(/^Limit reached/)],
    })
    twenty.faults.rateLimit.style = 'badRequest'
    expect(call('GET', '/rest/people')).toMatchObject({ status: 400, body: { messages: plain.body.messages } })
  })

  it('counts keys of one workspace together, each GraphQL root field, and no people', () => {
    const { call, twenty } = workspace({ otherApiKeys: { other: 'other' }, faults: { rateLimit: LIMITS } })
    const body = { query: '{ a: people { totalCount } b: people { totalCount } c: people { totalCount } }' }
    expect(call('POST', '/graphql', body).status).toBe(200)
    for (let n = 0; n < 2; n++) expect(call('GET', '/rest/people', undefined, 'other').status).toBe(200)
    expect(call('GET', '/rest/people').status).toBe(429)
    expect(call('POST', '/graphql', body).status).toBe(429)
    twenty.faults.versions.throttledGraphqlStatus = 200
    expect(call('POST', '/graphql', body)).toMatchObject({ status: 200, body: { errors: [{}, {}, {}] } })
    const member = String([...twenty.records.table('workspaceMember').rows()][0]!.id)
    expect(call('GET', '/rest/people', undefined, `user-${member}`).status).toBe(200)
  })
})
