import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Static } from '@sinclair/typebox'
import pino from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { createEnvironment } from '../../src/environment/system.ts'
import type { Clock } from '../../src/environment.ts'
import { SyncError } from '../../src/errors.ts'
import type { Fields } from '../../src/event.ts'
import http from '../../src/sinks/http.ts'
import { type Delivery, effectOf, type Item, type Plan, type Sink } from '../../src/sinks/sink.ts'
import { localCoordinator } from '../../src/state/local-coordinator.ts'
import { schemaErrors } from '../support/schema-errors.ts'
import { until } from '../support/until.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

interface Call {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

let server: Server
let url: string
let calls: Call[]
let answer: (call: Call, response: ServerResponse) => void

beforeEach(async () => {
  calls = []
  answer = (_call, response) => response.writeHead(204).end()
  server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const call = { method: request.method!, url: request.url!, headers: request.headers, body }
    calls.push(call)
    answer(call, response)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})

afterEach(() => {
  server.closeAllConnections()
  server.close()
})

function createSink(config: Partial<Static<(typeof http)['config']>> = {}, clock?: Clock): Sink {
  const env = createEnvironment({ logger: pino({ level: 'silent' }) })
  const context = {
    name: 'shop',
    env: clock ? { ...env, clock } : env,
    coordinator: localCoordinator({ clock: clock ?? env.clock }),
  }
  return http.create(
    { url, ...config },
    { ...context, compile: undefined as never, state: undefined as never, client: undefined },
  )
}

function itemOf(args: Fields, given: Partial<Item> = {}): Item {
  const key = 'orders/request-shop/event-1'
  return {
    action: 'request',
    args,
    key,
    id: 'uuid-of-key',
    time: '2026-11-24T10:00:00.000Z',
    outcomeUnknown: false,
    priority: 'live',
    ...given,
  }
}

const never = new AbortController().signal

async function planOne(sink: Sink, args: Fields): Promise<Plan> {
  const [plan] = await sink.plan([itemOf(args)], never)
  if (plan instanceof SyncError) throw plan
  return plan!
}

async function deliverOne(sink: Sink, args: Fields, given: Partial<Item> = {}, signal = never): Promise<Delivery> {
  const [delivery] = await sink.deliver([{ item: itemOf(args, given), operation: 'send' }], signal)
  return delivery!
}

async function failure(sink: Sink, args: Fields): Promise<SyncError> {
  const delivery = await deliverOne(sink, args)
  if (delivery.status !== 'failed') throw new Error(`it was ${delivery.status}`)
  return delivery.error
}

const json = (status: number, value: unknown, headers: Record<string, string> = {}) => {
  answer = (_call, response) =>
    response
      .writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers })
      .end(JSON.stringify(value))
}

describe('config', () => {
  const step = http.actions.request!.config

  it('has examples that are valid', () => {
    for (const { yaml } of http.examples) {
      const { type, ...config } = parse(yaml)
      expect([type, schemaErrors(http.config, config)]).toEqual(['http', []])
    }
    for (const action of Object.values(http.actions)) {
      for (const { yaml } of action.examples) {
        const { in: _in, as: _as, ...config } = parse(yaml)
        expect([schemaErrors(action.config, config), action.check?.(config, undefined) ?? []]).toEqual([[], []])
      }
    }
  })

  it.each([
    { path: 'orders' },
    { path: '/orders?x=1' },
    { path: '/orders', method: 'post' },
    { path: '/orders', success: [] },
    { path: '/orders', success: ['2xx'] },
    { path: '/orders', batch: { size: 1 } },
    { path: '/orders', idempotencyHeader: 'a b' },
    {},
  ])('refuses the step %j', config => {
    expect(schemaErrors(step, config)).not.toEqual([])
  })

  it.each([
    [{}, 'blind'],
    [{ method: 'PUT' }, 'blind'],
    [{ idempotent: false }, 'blind'],
    [{ idempotent: true }, 'safe'],
    [{ idempotencyHeader: 'Idempotency-Key' }, 'keyed'],
    [{ method: 'GET' }, 'read'],
    [{ method: 'HEAD' }, 'read'],
  ])('has for %j the effect %s', (args, effect) => {
    expect(effectOf(http.actions.request!, { path: '/x', ...args })).toBe(effect)
  })

  it('finds a placeholder that nothing fills', async () => {
    const found: unknown[] = []
    const problem = (...given: unknown[]) => found.push(given)
    await createSink().verify!(
      [{ action: 'request', args: { path: '/a/{id}/{x}', params: { id: 'data.id' } }, problem }],
      never,
    )
    expect(found).toEqual([[['path'], '{x} has no value', 'add `params: { x: … }`']])
  })
})

describe('a call', () => {
  it('is what the step says', async () => {
    json(201, { id: 7 }, { location: '/orders/7' })
    const sink = createSink({ url: `${url}/v2/`, headers: { 'X-Source': 'crm' }, auth: { bearer: 'token-1' } })
    const delivery = await deliverOne(sink, {
      path: '/customers/{id}/orders',
      params: { id: 'a/../b ?ü' },
      query: { tag: ['x', 'y z'], none: null, page: 2, day: new Date(0) },
      headers: { 'X-Step': 'one', absent: undefined },
      body: { lines: [{ sku: 'ü', count: 1.5 }], note: null },
      idempotencyHeader: 'Idempotency-Key',
    })
    expect(delivery).toEqual({ status: 'delivered', result: { status: 201, body: { id: 7 }, location: '/orders/7' } })
    expect(calls).toHaveLength(1)
    expect(calls[0]).toMatchObject({
      method: 'POST',
      url: '/v2/customers/a%2F..%2Fb%20%3F%C3%BC/orders?tag=x&tag=y+z&page=2&day=1970-01-01T00%3A00%3A00.000Z',
      headers: {
        'x-source': 'crm',
        'x-step': 'one',
        authorization: 'Bearer token-1',
        'content-type': 'application/json',
        'idempotency-key': 'uuid-of-key',
      },
      body: '{"lines":[{"sku":"ü","count":1.5}],"note":null}',
    })
    expect(calls[0]!.headers).not.toHaveProperty('absent')
  })

  it('may be a form', async () => {
    await deliverOne(createSink(), { path: '/f', bodyType: 'form', body: { a: 'x y', b: [1, 2], c: null } })
    expect(calls[0]).toMatchObject({
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'a=x+y&b=1&b=2',
    })
  })

  it('proves itself as configured', async () => {
    await deliverOne(createSink({ auth: { username: 'ada', password: 'pw' } }), { path: '/' })
    await deliverOne(createSink({ auth: { headers: { 'X-Key': 'k1', 'X-Id': 'i1' } } }), { path: '/' })
    expect(calls[0]!.headers.authorization).toBe(`Basic ${Buffer.from('ada:pw').toString('base64')}`)
    expect(calls[1]!.headers).toMatchObject({ 'x-key': 'k1', 'x-id': 'i1' })
  })

  it.each<[string, Fields]>([
    ['a path part that is absent', { path: '/a/{id}', params: {} }],
    ['a path part that climbs', { path: '/a/{id}', params: { id: '..' } }],
    ['an empty path part', { path: '/a/{id}', params: { id: '' } }],
    ['a list as a path part', { path: '/a/{id}', params: { id: ['x'] } }],
    ['an object in the query', { path: '/a', query: { q: {} } }],
    ['a line end in a header', { path: '/a', headers: { x: 'a\r\nx-admin: true' } }],
    ['a list as a form', { path: '/a', bodyType: 'form', body: [] }],
  ])('is not made with %s', async (_name, args) => {
    const sink = createSink()
    await expect(planOne(sink, args)).rejects.toMatchObject({ kind: 'rejected', code: 'BAD_REQUEST_VALUE' })
    expect(await failure(sink, args)).toMatchObject({ kind: 'rejected', code: 'BAD_REQUEST_VALUE' })
    expect(calls).toHaveLength(0)
  })

  it('is planned without being made', async () => {
    const sink = createSink()
    expect(
      await planOne(sink, { path: '/a/{id}', params: { id: 1 }, query: { q: 'x' }, body: { n: 1 } }),
    ).toMatchObject({
      operation: 'send',
      after: { method: 'POST', path: '/a/1?q=x', body: { n: 1 } },
    })
    expect(await planOne(sink, { path: '/a', method: 'GET' })).toEqual({ item: expect.anything(), operation: 'read' })
    expect(calls).toHaveLength(0)
  })
})

describe('an answer', () => {
  it.each<[string, string, unknown]>([
    ['application/json', '{"a":[1]}', { a: [1] }],
    ['application/problem+json', 'null', null],
    ['text/plain', '{"a":1}', '{"a":1}'],
    ['application/json', '', null],
    ['application/json', '{broken', '{broken'],
    ['application/json', '{"__proto__":{"x":1}}', '{"__proto__":{"x":1}}'],
  ])('of %s with %s gives its value', async (type, text, body) => {
    answer = (_call, response) => response.writeHead(200, { 'content-type': type }).end(text)
    expect(await deliverOne(createSink(), { path: '/' })).toEqual({
      status: 'delivered',
      result: { status: 200, body },
    })
  })

  it('to a read that promises JSON must be JSON', async () => {
    answer = (_call, response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{broken')
    expect(await failure(createSink(), { path: '/', method: 'GET' })).toMatchObject({
      kind: 'retryable',
      code: 'INVALID_ANSWER',
      outcomeUnknown: false,
    })
  })

  it.each([
    [400, 'rejected', false],
    [401, 'fatal', false],
    [404, 'rejected', false],
    [302, 'rejected', false],
    [429, 'retryable', false],
    [500, 'retryable', true],
    [503, 'retryable', false],
    [504, 'retryable', true],
  ])('%i is %s', async (status, kind, outcomeUnknown) => {
    json(status, { reason: 'because' }, { location: '/elsewhere', 'retry-after': '2' })
    const error = await failure(createSink(), { path: '/a' })
    expect(error).toMatchObject({ kind, status, outcomeUnknown, retryAfterMs: 2000, details: '{"reason":"because"}' })
    expect(error.message).toMatch(/^shop: POST /)
    expect(calls).toHaveLength(1)
  })

  it('may mean done, or later, where the step says so', async () => {
    json(409, { existing: true })
    expect(await deliverOne(createSink(), { path: '/', success: [200, 409] })).toMatchObject({
      status: 'delivered',
      result: { status: 409 },
    })
    expect(await failure(createSink(), { path: '/', retry: [409] })).toMatchObject({ kind: 'retryable', status: 409 })
    expect(await deliverOne(createSink(), { path: '/', success: ['200-299', '404-409'] })).toMatchObject({
      result: { status: 409 },
    })
    expect(await failure(createSink(), { path: '/', retry: ['300-408', '409-499'] })).toMatchObject({
      kind: 'retryable',
    })
    expect(await failure(createSink(), { path: '/', success: ['200-408'] })).toMatchObject({ kind: 'rejected' })
    json(500, {})
    expect(await failure(createSink(), { path: '/', retry: [500] })).toMatchObject({
      kind: 'retryable',
      outcomeUnknown: false,
    })
    json(200, {})
    expect(await failure(createSink(), { path: '/', success: [201] })).toMatchObject({ kind: 'rejected', status: 200 })
  })

  it('gives later steps the part that the step chooses', async () => {
    json(200, { data: { items: [{ id: 7 }] } })
    const [chosen, none] = await Promise.all(
      ['data.items.0.id', 'data.more'].map(result => deliverOne(createSink(), { path: '/', result })),
    )
    expect(chosen).toEqual({ status: 'delivered', result: 7 })
    expect(none).toEqual({ status: 'delivered', result: null })
  })

  it('P3: that is lost leaves the outcome unknown', async () => {
    answer = (_call, response) => response.socket!.destroy()
    expect(await failure(createSink(), { path: '/' })).toMatchObject({
      kind: 'retryable',
      code: 'CONNECTION_LOST',
      outcomeUnknown: true,
    })
    answer = () => {}
    expect(await failure(createSink({ timeout: '50ms' }), { path: '/' })).toMatchObject({
      code: 'TIMEOUT',
      outcomeUnknown: true,
    })
    expect(calls).toHaveLength(2)
  })

  it('that nobody was there to give is known to have had no effect', async () => {
    server.close()
    expect(await failure(createSink(), { path: '/' })).toMatchObject({
      kind: 'retryable',
      code: 'CONNECTION_FAILED',
      outcomeUnknown: false,
    })
  })

  it('is not read beyond its limit', async () => {
    answer = (_call, response) => response.end('x'.repeat(2000))
    expect(await failure(createSink({ maxResponse: '1KiB' }), { path: '/' })).toMatchObject({
      code: 'RESPONSE_TOO_LARGE',
    })
  })

  it('P9: in an error never shows the credentials or the query', async () => {
    json(400, {})
    const error = await failure(createSink({ auth: { bearer: 'canary-token' } }), {
      path: '/a',
      query: { q: 'canary-query' },
    })
    expect(`${error.message} ${JSON.stringify(error)}`).not.toContain('canary')
  })
})

describe('pace', () => {
  it('P8: no more calls at one time than allowed, live ones first', async () => {
    const open: (() => void)[] = []
    answer = (_call, response) => open.push(() => response.end())
    const sink = createSink({ limits: { concurrency: 1 } })
    const done: string[] = []
    const send = (name: string, priority: Item['priority']) =>
      deliverOne(sink, { path: `/${name}` }, { priority }).then(() => done.push(name))
    const all = [send('first', 'live'), send('replay', 'replay'), send('live', 'live')]
    for (let n = 1; n <= 3; n++) {
      await until(() => open.length === n)
      expect(calls).toHaveLength(n)
      open[n - 1]!()
    }
    await Promise.all(all)
    expect(done).toEqual(['first', 'live', 'replay'])
  })

  it('gives up a place in the queue when told to stop', async () => {
    let finish = () => {}
    answer = (_call, response) => {
      finish = () => response.end()
    }
    const sink = createSink({ limits: { concurrency: 1 } })
    const first = deliverOne(sink, { path: '/1' })
    await until(() => calls.length === 1)
    const stop = new AbortController()
    const second = deliverOne(sink, { path: '/2' }, {}, stop.signal)
    stop.abort(new SyncError('retryable', 'ABORTED', 'stopping'))
    expect(await second).toMatchObject({ status: 'failed', error: { code: 'ABORTED' } })
    finish()
    expect(await first).toMatchObject({ status: 'delivered' })
    answer = (_call, response) => response.end()
    expect(await deliverOne(sink, { path: '/3' })).toMatchObject({ status: 'delivered' })
    expect(calls.map(call => call.url)).toEqual(['/1', '/3'])
  })

  it.each([undefined, { perSecond: 100 }])(
    'P8: after a 429 nobody calls until the time that it names (limits %j)',
    async limits => {
      const clock = new VirtualClock()
      json(429, {}, { 'retry-after': '5' })
      const sink = createSink({ limits }, clock)
      expect(await deliverOne(sink, { path: '/1' })).toMatchObject({
        status: 'failed',
        error: { code: 'RATE_LIMITED', retryAfterMs: 5000 },
      })
      json(200, {})
      const second = deliverOne(sink, { path: '/2' })
      await clock.advance(4900)
      expect(calls).toHaveLength(1)
      await clock.advance(3000)
      expect(await second).toMatchObject({ status: 'delivered' })
    },
  )

  it('hands back a wait that is too long', async () => {
    const clock = new VirtualClock()
    json(429, {}, { 'retry-after': '600' })
    const sink = createSink({}, clock)
    await deliverOne(sink, { path: '/1' })
    const error = await failure(sink, { path: '/2' })
    expect(error).toMatchObject({ kind: 'retryable', code: 'RATE_LIMITED', retryAfterMs: 600_000 })
    expect(calls).toHaveLength(1)
  })

  it('P8: keeps to the configured rate', async () => {
    const clock = new VirtualClock()
    const sink = createSink({ limits: { perSecond: 2 } }, clock)
    const all = Promise.all(Array.from({ length: 6 }, (_, n) => deliverOne(sink, { path: `/${n}` })))
    await until(() => calls.length === 2)
    while (calls.length < 6) {
      const before = calls.length
      await clock.advance(500)
      await until(() => calls.length > before)
      expect(calls.length - before).toBe(1)
    }
    await all
  })

  it('asks a system that does not answer only now and then', async () => {
    const clock = new VirtualClock()
    json(503, {})
    const sink = createSink({}, clock)
    for (let n = 0; n < 5; n++) await failure(sink, { path: '/' })
    expect(await failure(sink, { path: '/' })).toMatchObject({ code: 'SYSTEM_UNAVAILABLE', outcomeUnknown: false })
    expect(calls).toHaveLength(5)
    json(200, {})
    await clock.advance(1000)
    expect(await deliverOne(sink, { path: '/' })).toMatchObject({ status: 'delivered' })
  })
})

describe('check', () => {
  it('asks the path that shows whether address and credentials work', async () => {
    await createSink().check!(never)
    expect(calls).toHaveLength(0)
    json(401, {})
    await expect(createSink({ check: '/me' }).check!(never)).rejects.toMatchObject({ kind: 'fatal', status: 401 })
    expect(calls[0]).toMatchObject({ method: 'GET', url: '/me' })
  })
})
