import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createHttpClient } from '../../src/clients/http.ts'
import { MAX_RETRY_AFTER_MS, retryAfterMs } from '../../src/clients/retry-after.ts'
import type { HttpRequest, HttpResponse } from '../../src/environment.ts'
import { SyncError } from '../../src/errors.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const clock = new VirtualClock()

function client(answer: Partial<Omit<HttpResponse, 'body'>> & { body?: string }, sent: HttpRequest[] = []) {
  return createHttpClient({
    name: 'crm',
    baseUrl: 'https://crm.example.com/rest',
    headers: { authorization: 'Bearer hidden' },
    env: {
      clock,
      http: async request => {
        sent.push(request)
        return { status: 200, headers: {}, ...answer, body: Buffer.from(answer.body ?? '') }
      },
    },
  })
}

async function failure(promise: Promise<unknown>): Promise<SyncError> {
  const error = await promise.then(
    () => undefined,
    thrown => thrown,
  )
  expect(error).toBeInstanceOf(SyncError)
  return error
}

describe('http client', () => {
  it('joins base, path and query, and sends JSON', async () => {
    const sent: HttpRequest[] = []
    const answer = await client({ body: '{"ok":true}' }, sent).send({
      method: 'POST',
      url: '/people',
      query: { filter: 'a[eq]:"x y"', limit: 5, depth: undefined },
      json: { a: 1 },
    })
    expect(sent[0]).toMatchObject({
      url: 'https://crm.example.com/rest/people?filter=a%5Beq%5D%3A%22x%20y%22&limit=5',
      body: '{"a":1}',
      headers: { authorization: 'Bearer hidden', 'content-type': 'application/json' },
      timeoutMs: 30_000,
    })
    expect(answer.json()).toEqual({ ok: true })
  })

  it.each([
    [401, 'fatal', 'UNAUTHORIZED', false],
    [403, 'fatal', 'UNAUTHORIZED', false],
    [400, 'rejected', 'REQUEST_REFUSED', false],
    [404, 'rejected', 'NOT_FOUND', false],
    [409, 'rejected', 'CONFLICT', false],
    [302, 'rejected', 'UNEXPECTED_REDIRECT', false],
    [408, 'retryable', 'SERVER_ERROR', true],
    [429, 'retryable', 'RATE_LIMITED', false],
    [500, 'retryable', 'SERVER_ERROR', true],
    [503, 'retryable', 'SERVER_ERROR', false],
  ])('%i is %s %s, outcome unknown: %s', async (status, kind, code, outcomeUnknown) => {
    const error = await failure(client({ status, body: 'why' }).send({ method: 'POST', url: '/x?token=secret' }))
    expect(error).toMatchObject({ kind, code, status, outcomeUnknown, details: 'why' })
    // P9
    expect(error.message).not.toMatch(/secret|hidden/)
  })

  it('never doubts the outcome of a read', async () => {
    expect((await failure(client({ status: 502 }).send({ method: 'GET', url: '/x' }))).outcomeUnknown).toBe(false)
  })

  it('says that an answer is not JSON', async () => {
    const answer = await client({ body: '<html>' }).send({ method: 'GET', url: '/x' })
    expect(() => answer.json()).toThrow(expect.objectContaining({ code: 'INVALID_ANSWER' }))
  })

  it('hands over what the other side wishes to wait', async () => {
    const error = await failure(
      client({ status: 429, headers: { 'retry-after': '7' } }).send({ method: 'GET', url: '' }),
    )
    expect(error.retryAfterMs).toBe(7000)
  })
})

describe('Retry-After', () => {
  const now = clock.now()
  it.each([
    ['0', 0],
    ['2.5', 2500],
    [' 30 ', 30_000],
    ['-5', undefined],
    ['1e30', MAX_RETRY_AFTER_MS],
    ['99999999', MAX_RETRY_AFTER_MS],
    ['soon', undefined],
    ['', undefined],
    [new Date(now + 90_000).toUTCString(), 90_000],
    [new Date(now - 90_000).toUTCString(), 0],
    ['Fri, 31 Dec 2999 23:59:59 GMT', MAX_RETRY_AFTER_MS],
  ])('%j is %s ms', (value, expected) => {
    expect(retryAfterMs({ 'retry-after': value }, now)).toBe(expected)
  })

  it("reads a date against the other side's own clock", () => {
    const theirs = now - 3_600_000
    const headers = { date: new Date(theirs).toUTCString(), 'retry-after': new Date(theirs + 5000).toUTCString() }
    expect(retryAfterMs(headers, now)).toBe(5000)
  })

  it('is absent or within a day, whatever is sent', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.double().map(String), fc.date().map(String)), value => {
        const ms = retryAfterMs({ 'retry-after': value }, now)
        expect(ms === undefined || (ms >= 0 && ms <= MAX_RETRY_AFTER_MS)).toBe(true)
      }),
    )
  })
})
