import { afterEach, describe, expect, it } from 'vitest'
import type { Received } from '../../src/connectors/connector.ts'
import { SyncError } from '../../src/errors.ts'
import type { ServerOptions } from '../../src/server/server.ts'
import { until } from '../support/until.ts'
import { connectorOf, eventOf, type Harness, sendRaw, startServer } from './harness.ts'

let harness: Harness

afterEach(() => harness?.server.close(0))

async function start(connector = connectorOf(), given: Partial<ServerOptions> = {}): Promise<Harness> {
  harness = await startServer({ connectors: new Map([['a', connector]]), ...given })
  return harness
}

const post = (path = '/hooks/a', init: RequestInit = {}) =>
  fetch(harness.url + path, { method: 'POST', body: '{}', ...init })

async function reason(response: Response): Promise<string> {
  expect(response.headers.get('content-type')).toMatch(/^application\/json/)
  const { error } = (await response.json()) as { error: { code: string; message: string } }
  expect(error.message).not.toBe('')
  return `${response.status} ${error.code}`
}

/** A promise that the test settles. */
function gate<T = void>() {
  let open!: (value: T) => void
  let fail!: (error: unknown) => void
  const passed = new Promise<T>((resolve, reject) => {
    open = resolve
    fail = reject
  })
  return { passed, open, fail }
}

describe('intake', () => {
  it('P1: answers only after the append', async () => {
    const stored = gate()
    const begun = gate()
    await start(connectorOf(), {
      append: () => {
        begun.open()
        return stored.passed
      },
    })
    let answered = false
    const response = post().then(response => {
      answered = true
      return response
    })
    await begun.passed
    // Time enough for an answer that does not wait: another request goes there and back.
    expect((await fetch(`${harness.url}/livez`)).status).toBe(200)
    expect(answered).toBe(false)
    stored.open()
    expect((await response).status).toBe(202)
    expect(await (await response).json()).toEqual({ accepted: 1 })
  })

  it('P1: never answers 2xx when the append failed', async () => {
    const failures: [unknown, string, string | null][] = [
      [
        new SyncError('retryable', 'LOG_UNAVAILABLE', 'broker b1:9092 away', { retryAfterMs: 2500 }),
        '503 LOG_UNAVAILABLE',
        '3',
      ],
      [new SyncError('fatal', 'LOG_FULL', '/data/log is full'), '507 LOG_FULL', null],
      [new SyncError('rejected', 'RECORD_TOO_LARGE', 'topic t'), '413 RECORD_TOO_LARGE', null],
      [new SyncError('retryable', 'ANYTHING', 'inner matters'), '503 ANYTHING', '5'],
      [new SyncError('fatal', 'ANYTHING', 'inner matters'), '500 INTERNAL', null],
      [new Error('inner matters'), '500 INTERNAL', null],
      ['text', '500 INTERNAL', null],
    ]
    let failure: unknown
    await start(connectorOf(), { append: () => Promise.reject(failure) })
    for (const [thrown, expected, retryAfter] of failures) {
      failure = thrown
      const response = await post()
      expect(response.headers.get('retry-after')).toBe(retryAfter)
      const text = await response.clone().text()
      expect(text).not.toMatch(/inner matters|b1:9092|\/data/)
      expect(await reason(response)).toBe(expected)
    }
    expect(harness.server.counts('a')).toMatchObject({ received: 0 })
  })

  it('P1: tells the connector only of events that are durable', async () => {
    const told: string[] = []
    let failure: unknown
    await start(
      connectorOf({ receive: async ({ body }) => ({ events: [eventOf(body)], appended: () => told.push('stored') }) }),
      {
        append: async () => {
          if (failure) throw failure
        },
      },
    )
    await post()
    failure = new SyncError('retryable', 'LOG_UNAVAILABLE', 'away')
    await post()
    expect(told).toEqual(['stored'])
  })

  it('gives connectors the very bytes, with path, query and headers', async () => {
    let seen: unknown
    await start(
      connectorOf({
        receive: async ({ method, path, query, rawQuery, headers, body, receivedAt }) => {
          seen = {
            method,
            path,
            query,
            rawQuery,
            type: headers['content-type'],
            body: body.toString('hex'),
            recent: Date.now() - receivedAt < 10_000,
          }
          return { events: [] }
        },
      }),
    )
    const response = await post('/hooks/a?x=1&y=a%20b&x=2&__proto__=3', {
      body: Buffer.from([0, 0xff, 0x7b]),
      headers: { 'Content-Type': '; odd' },
    })
    expect(await response.json()).toEqual({ accepted: 0 })
    expect(seen).toEqual({
      method: 'POST',
      path: '/hooks/a',
      query: { x: ['1', '2'], y: 'a b' },
      rawQuery: 'x=1&y=a%20b&x=2&__proto__=3',
      type: '; odd',
      body: '00ff7b',
      recent: true,
    })
  })

  it('joins a body that comes in pieces', async () => {
    await start()
    const head = 'POST /hooks/a HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n'
    const answer = await sendRaw(harness.port, [head, '3\r\nabc\r\n', '2\r\nde\r\n0\r\n\r\n'])
    expect(answer.status).toBe(202)
    expect(harness.appended[0]!.event.id).toBe('event of 5 bytes')
  })

  it('answers what the connector says', async () => {
    const received: Received[] = [
      { events: [], response: { status: 200, headers: { 'x-a': 'b' }, body: { challenge: 1 } } },
      { events: [], dropped: 'honeypot', response: { status: 303, headers: { location: 'https://a.example/' } } },
    ]
    await start(connectorOf({ receive: async () => received.shift()! }))
    const first = await post()
    expect([first.status, first.headers.get('x-a'), await first.json()]).toEqual([200, 'b', { challenge: 1 }])
    const second = await post('/hooks/a', { redirect: 'manual' })
    expect([second.status, second.headers.get('location'), await second.text()]).toEqual([
      303,
      'https://a.example/',
      '',
    ])
    expect(harness.server.counts('a')).toEqual({ received: 0, dropped: { honeypot: 1 }, refused: 0 })
  })

  it('refuses with the reason of the connector', async () => {
    await start(
      connectorOf({
        receive: () => {
          throw new SyncError('rejected', 'NOT_VERIFIED', 'no signature', {
            status: 401,
            details: { reason: 'missing' },
          })
        },
      }),
    )
    expect(await reason(await post())).toBe('401 NOT_VERIFIED')
    expect(harness.server.counts('a')).toEqual({ received: 0, dropped: {}, refused: 1 })
    expect(
      await harness.metric('twenty_sync_requests_refused_total{connector="a",reason="NOT_VERIFIED:missing"}'),
    ).toBe('1')
  })

  it('P9: logs a defect once, by an id, without what it says', async () => {
    await start(
      connectorOf({
        receive: async ({ body }) => {
          throw new Error(`cannot use ${body.toString()}`)
        },
      }),
    )
    const response = await post('/hooks/a', { body: 'canary-body', headers: { authorization: 'Bearer canary-token' } })
    const { error } = (await response.json()) as { error: { id: string } }
    expect(harness.logged).toHaveLength(1)
    expect(JSON.parse(harness.logged[0]!)).toMatchObject({ id: error.id, connector: 'a', error: { name: 'Error' } })
    expect(harness.logged[0]).toContain('server.test.ts')
    expect(harness.logged[0]).not.toContain('canary')
  })

  it.each<[string, string, string, string | null]>([
    ['POST', '/hooks/b', '404 NOT_FOUND', null],
    ['POST', '/', '404 NOT_FOUND', null],
    ['POST', '/hooks/a/', '404 NOT_FOUND', null],
    ['POST', `/${'x'.repeat(3000)}`, '404 NOT_FOUND', null],
    ['POST', '/hooks/%61', '404 NOT_FOUND', null],
    ['POST', '/hooks/%', '400 BAD_REQUEST', null],
    ['PUT', '/hooks/a', '405 METHOD_NOT_ALLOWED', 'POST'],
    ['GET', '/hooks/a', '405 METHOD_NOT_ALLOWED', 'POST'],
    ['OPTIONS', '/hooks/a', '405 METHOD_NOT_ALLOWED', 'POST'],
    ['POST', '/livez', '405 METHOD_NOT_ALLOWED', 'GET'],
  ])('%s %s is %s', async (method, path, expected, allow) => {
    await start()
    const response = await fetch(harness.url + path, { method })
    expect(await reason(response)).toBe(expected)
    expect(response.headers.get('allow')).toBe(allow)
  })

  it('does not unpack compressed bodies', async () => {
    await start()
    expect(await reason(await post('/hooks/a', { headers: { 'content-encoding': 'gzip' } }))).toBe(
      '415 UNSUPPORTED_ENCODING',
    )
  })
})

describe('CORS', () => {
  const cors = () => start(connectorOf({ cors: ['https://a.example'] }))
  const preflight = (origin: string) =>
    fetch(`${harness.url}/hooks/a`, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type, x-form-key',
      },
    })

  it('lets pages of the named origins post, and read the answer', async () => {
    await cors()
    const asked = await preflight('https://a.example')
    expect(asked.status).toBe(204)
    expect(Object.fromEntries(asked.headers)).toMatchObject({
      'access-control-allow-origin': 'https://a.example',
      'access-control-allow-methods': 'POST',
      'access-control-allow-headers': 'content-type, x-form-key',
      vary: 'origin',
    })
    const posted = await post('/hooks/a', { headers: { origin: 'https://a.example' } })
    expect([posted.status, posted.headers.get('access-control-allow-origin')]).toEqual([202, 'https://a.example'])
  })

  it('refuses pages of others, and takes senders that are no browsers', async () => {
    await cors()
    for (const response of [
      await preflight('https://b.example'),
      await post('/hooks/a', { headers: { origin: 'https://b.example' } }),
    ]) {
      expect(response.headers.get('access-control-allow-origin')).toBeNull()
      expect(await reason(response)).toBe('403 ORIGIN_NOT_ALLOWED')
    }
    expect((await post()).status).toBe(202)
    expect(harness.appended).toHaveLength(1)
  })

  it('takes any page with *', async () => {
    await start(connectorOf({ cors: ['*'] }))
    expect((await post('/hooks/a', { headers: { origin: 'null' } })).headers.get('access-control-allow-origin')).toBe(
      '*',
    )
  })

  it('says nothing about it without the option', async () => {
    await start()
    const response = await post('/hooks/a', { headers: { origin: 'https://a.example' } })
    expect([
      response.status,
      response.headers.get('access-control-allow-origin'),
      response.headers.get('vary'),
    ]).toEqual([202, null, null])
  })
})

describe('probes', () => {
  it('say whether the process lives, whether it can take events, and what is wrong', async () => {
    let ready = true
    await start(connectorOf(), { health: () => ({ ready, parts: { intake: ready ? 'ok' : 'no space on the disk' } }) })
    expect(await (await fetch(`${harness.url}/livez`)).json()).toEqual({ status: 'ok' })
    const green = await fetch(`${harness.url}/readyz`)
    expect([green.status, await green.json()]).toEqual([200, { status: 'ready', parts: { intake: 'ok' } }])
    ready = false
    const red = await fetch(`${harness.url}/readyz`)
    expect([red.status, await red.json()]).toEqual([
      503,
      { status: 'not ready', parts: { intake: 'no space on the disk' } },
    ])
  })

  it('show what was counted, by Prometheus names', async () => {
    await start()
    await post()
    await post()
    await post('/nowhere')
    const response = await fetch(`${harness.url}/metrics`)
    expect(response.headers.get('content-type')).toMatch(/^text\/plain/)
    const text = await response.text()
    for (const line of [
      'twenty_sync_events_received_total{connector="a"} 2',
      'twenty_sync_http_responses_total{route="a",status="202"} 2',
      'twenty_sync_http_responses_total{route="unknown",status="404"} 1',
      'twenty_sync_intake_append_seconds_count 2',
      'twenty_sync_http_requests_in_flight 0',
      'twenty_sync_http_body_bytes 0',
    ]) {
      expect(text.split('\n')).toContain(line)
    }
    for (const [, name, type] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
      expect(name).toMatch(type === 'counter' ? /_total$/ : /_(seconds|bytes|in_flight)$/)
    }
  })
})

describe('other parts', () => {
  it('register routes beside the hooks, with bodies, errors and their own 404', async () => {
    harness = await startServer({
      connectors: new Map([['a', connectorOf()]]),
      plugin(app) {
        app.post('/api/v1/echo', async request => request.body)
        app.get('/api/v1/stale', async () => {
          throw new SyncError('rejected', 'STALE_PLAN', 'the plan is old', { status: 409 })
        })
        app.get('/api/v1/broken', async () => {
          throw new Error('canary')
        })
      },
    })
    const json = { 'content-type': 'application/json' }
    expect(await (await post('/api/v1/echo', { body: '{"a":1}', headers: json })).json()).toEqual({ a: 1 })
    expect(await reason(await post('/api/v1/echo', { body: '{', headers: json }))).toBe('400 BAD_REQUEST')
    const answerTo = async (path: string) => {
      const response = await fetch(harness.url + path)
      const { error } = (await response.json()) as { error: { code: string } }
      return `${response.status} ${error.code}`
    }
    expect(await answerTo('/api/v1/stale')).toBe('409 STALE_PLAN')
    expect(await answerTo('/api/v1/broken')).toBe('500 INTERNAL')
    expect(await answerTo('/api/v1/nothing')).toBe('404 NOT_FOUND')
    expect((await post()).status).toBe(202)
    expect(harness.logged).toHaveLength(1)
    expect(harness.logged[0]).not.toContain('canary')
  })
})

describe('connectors', () => {
  it('change without a connection being dropped or a request lost', async () => {
    const held = gate<Received>()
    const begun = gate()
    await start(
      connectorOf({
        receive: () => {
          begun.open()
          return held.passed
        },
      }),
    )
    const early = post()
    await begun.passed
    harness.server.setConnectors(new Map([['b', connectorOf({ path: '/hooks/b' })]]))
    expect((await post('/hooks/b')).status).toBe(202)
    expect((await post('/hooks/a')).status).toBe(404)
    held.open({ events: [eventOf(Buffer.from('old'))] })
    expect((await early).status).toBe(202)
    expect(harness.appended.map(({ connector }) => connector)).toEqual(['b', 'a'])
  })

  it('never share a path, nor take one of the daemon', async () => {
    await start()
    const two = new Map([
      ['a', connectorOf()],
      ['b', connectorOf()],
    ])
    expect(() => harness.server.setConnectors(two)).toThrow(/connectors.b.path: \/hooks\/a belongs to a/)
    for (const path of ['/livez', '/api/v1/x', '/']) {
      expect(() => harness.server.setConnectors(new Map([['a', connectorOf({ path })]]))).toThrow(/the daemon itself/)
    }
    expect((await post()).status).toBe(202)
  })

  it('without a route are left alone', async () => {
    harness = await startServer({
      connectors: new Map([['poll', { objects: ['person'], poll: async function* () {} }]]),
    })
    expect((await post()).status).toBe(404)
  })
})

describe('listening', () => {
  it('says what to do when the port is taken', async () => {
    await start()
    await expect(startServer({ connectors: new Map(), port: harness.port })).rejects.toMatchObject({
      kind: 'fatal',
      code: 'CANNOT_LISTEN',
      message: expect.stringContaining('another process uses it'),
    })
  })
})

describe('closing', () => {
  it('finishes what was begun, refuses what is new, and lets connections go', async () => {
    const held = gate<Received>()
    const begun = gate()
    await start(
      connectorOf({
        receive: () => {
          begun.open()
          return held.passed
        },
      }),
    )
    const early = post()
    await begun.passed
    let closed = false
    const closing = harness.server.close().then(() => {
      closed = true
    })
    await until(async () => (await fetch(`${harness.url}/livez`).catch(() => undefined)) === undefined)
    expect(closed).toBe(false)
    held.open({ events: [eventOf(Buffer.from('x'))] })
    const response = await early
    expect([response.status, response.headers.get('connection')]).toEqual([202, 'close'])
    await closing
    expect(harness.appended).toHaveLength(1)
    await harness.server.close()
  })

  it('cuts what does not end within the deadline', async () => {
    const begun = gate()
    await start(
      connectorOf({
        receive: () => {
          begun.open()
          return new Promise(() => {})
        },
      }),
    )
    const early = post().then(
      () => 'answered',
      () => 'cut',
    )
    await begun.passed
    await harness.server.close(20)
    expect(await early).toBe('cut')
  })
})
