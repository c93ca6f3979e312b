import net from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import type { Received } from '../../src/connectors/connector.ts'
import type { Clock, Environment } from '../../src/environment.ts'
import type { ServerLimits } from '../../src/server/server.ts'
import { until } from '../support/until.ts'
import { connectorOf, type Harness, sendRaw, startServer, testEnvironment } from './harness.ts'

let harness: Harness

afterEach(() => harness?.server.close(0))

const LIMIT = 1024 * 1024
const HEAD = 'POST /hooks/a HTTP/1.1\r\nhost: a\r\n'

async function start(
  limits: ServerLimits = {},
  connector = connectorOf({ bodyLimitBytes: LIMIT }),
  env: Environment = testEnvironment([]),
): Promise<Harness> {
  harness = await startServer({ connectors: new Map([['a', connector]]), limits: { checkEveryMs: 20, ...limits }, env })
  return harness
}

function codeOf({ status, body }: { status: number; body: string }): string {
  return `${status} ${JSON.parse(body).error.code}`
}

describe('a body that is too large', () => {
  it('is refused by its announced length before any of it is read', async () => {
    await start()
    expect(codeOf(await sendRaw(harness.port, [`${HEAD}content-length: ${LIMIT + 1}\r\n\r\n`]))).toBe(
      '413 BODY_TOO_LARGE',
    )
    expect(codeOf(await sendRaw(harness.port, [`${HEAD}content-length: 10000000000\r\n\r\n`]))).toBe(
      '413 BODY_TOO_LARGE',
    )
  })

  it('is refused with an answer that a usual client gets to see', async () => {
    await start()
    const send = (bytes: number) => fetch(`${harness.url}/hooks/a`, { method: 'POST', body: Buffer.alloc(bytes) })
    expect((await send(LIMIT)).status).toBe(202)
    const response = await send(LIMIT + 1)
    expect([response.status, await response.json()]).toMatchObject([413, { error: { code: 'BODY_TOO_LARGE' } }])
  })

  it('is refused while it comes without a length, and never held', async () => {
    await start()
    const chunk = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(0x10000), Buffer.from('\r\n')])
    async function* endless() {
      yield `${HEAD}transfer-encoding: chunked\r\n\r\n`
      for (;;) {
        yield chunk
        await new Promise(setImmediate)
      }
    }
    expect(codeOf(await sendRaw(harness.port, endless()))).toBe('413 BODY_TOO_LARGE')
    expect(await harness.metric('twenty_sync_http_body_bytes')).toBe('0')
    expect(harness.appended).toHaveLength(0)
  })

  it('gets the connection cut when it goes on after the answer', async () => {
    const real = testEnvironment([])
    const hasty: Clock = { ...real.clock, after: (ms, fire, options) => real.clock.after(ms / 50, fire, options) }
    await start({}, undefined, { ...real, clock: hasty })
    const socket = net.connect(harness.port, '127.0.0.1')
    const chunk = Buffer.alloc(64 * 1024)
    let answered = false
    socket.on('data', () => {
      answered = true
    })
    socket.on('error', () => {})
    const cut = new Promise(resolve => socket.on('close', resolve))
    socket.write(`${HEAD}content-length: 10000000000\r\n\r\n`)
    const pump = () => {
      if (!socket.destroyed) socket.write(chunk, () => setImmediate(pump))
    }
    pump()
    await cut
    expect(answered).toBe(true)
  })
})

describe('a sender that is too slow', () => {
  it('with its body gets 408', async () => {
    await start({ requestTimeoutMs: 60 })
    expect(codeOf(await sendRaw(harness.port, [`${HEAD}content-length: 10\r\n\r\n12345`]))).toBe('408 REQUEST_TIMEOUT')
  })

  it('with its headers gets 408', async () => {
    await start({ headersTimeoutMs: 60 })
    expect(codeOf(await sendRaw(harness.port, [HEAD]))).toBe('408 REQUEST_TIMEOUT')
  })

  it('does not keep others waiting', async () => {
    await start({ maxInFlight: 4 })
    const slow = Array.from({ length: 100 }, () => {
      const socket = net.connect(harness.port, '127.0.0.1')
      socket.on('error', () => {})
      socket.write(`${HEAD}content-length: 1000\r\n\r\nx`)
      return socket
    })
    await until(async () => (await harness.metric('twenty_sync_http_body_bytes')) === '100')
    for (let n = 0; n < 20; n++)
      expect((await fetch(`${harness.url}/hooks/a`, { method: 'POST', body: '{}' })).status).toBe(202)
    for (const socket of slow) socket.destroy()
    await until(async () => (await harness.metric('twenty_sync_http_body_bytes')) === '0')
    expect(harness.appended).toHaveLength(20)
  })
})

describe('what is no request', () => {
  it('with too many headers gets 431', async () => {
    await start()
    const headers = Array.from({ length: 10_000 }, (_, n) => `x-${n}: y\r\n`).join('')
    expect(codeOf(await sendRaw(harness.port, [`${HEAD}${headers}\r\n`]))).toBe('431 REQUEST_HEADER_FIELDS_TOO_LARGE')
  })

  it.each([
    'hello\r\n\r\n',
    'POST /hooks/a HTTP/1.1\r\nhost: a\r\nbad header\r\n\r\n',
    `${HEAD}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}`,
    `${HEAD}content-length: 2\r\ncontent-length: 3\r\n\r\n{}`,
    `${HEAD}content-length: -1\r\n\r\n`,
    `${HEAD}transfer-encoding: chunked\r\n\r\nzz\r\n`,
  ])('gets 400: %j', async bytes => {
    await start()
    expect((await sendRaw(harness.port, [bytes])).status).toBe(400)
    expect(harness.appended).toHaveLength(0)
  })

  it('after a length that lies does not undo the request before it', async () => {
    await start()
    const { status } = await sendRaw(harness.port, [`${HEAD}content-length: 2\r\n\r\n{}GARBAGE\r\n\r\n`])
    expect([202, 400]).toContain(status)
    expect(harness.appended.map(({ event }) => event.id)).toEqual(['event of 2 bytes'])
  })
})

describe('overload', () => {
  /** Requests stay in the connector until `open`. */
  function held() {
    let open!: () => void
    const passed = new Promise<Received>(resolve => {
      open = () => resolve({ events: [] })
    })
    return { connector: connectorOf({ bodyLimitBytes: LIMIT, receive: () => passed }), open }
  }

  const post = (body = '{}') => fetch(`${harness.url}/hooks/a`, { method: 'POST', body })

  it('is answered with 503 and when to come back, at once', async () => {
    const { connector, open } = held()
    await start({ maxInFlight: 2 }, connector)
    const first = [post(), post()]
    await until(async () => (await harness.metric('twenty_sync_http_requests_in_flight')) === '2')
    const third = await post()
    expect([third.status, third.headers.get('retry-after'), await third.json()]).toMatchObject([
      503,
      '1',
      { error: { code: 'OVERLOADED' } },
    ])
    open()
    expect((await Promise.all(first)).map(({ status }) => status)).toEqual([202, 202])
    expect((await post()).status).toBe(202)
  })

  it('is measured in bytes too, and a body of any allowed size gets in alone', async () => {
    const { connector, open } = held()
    await start({ maxBodyBytes: 1000 }, connector)
    const large = post('x'.repeat(900))
    await until(async () => (await harness.metric('twenty_sync_http_body_bytes')) === '900')
    expect((await post('x'.repeat(200))).status).toBe(503)
    open()
    expect((await large).status).toBe(202)
    await until(async () => (await harness.metric('twenty_sync_http_body_bytes')) === '0')
    expect((await post('x'.repeat(60_000))).status).toBe(202)
  })

  it('has an end in connections', async () => {
    await start({ maxConnections: 1 })
    const one = net.connect(harness.port, '127.0.0.1')
    await new Promise(resolve => one.on('connect', resolve))
    await until(() =>
      sendRaw(harness.port, [`${HEAD}content-length: 2\r\n\r\n{}`]).then(
        () => false,
        () => true,
      ),
    )
    one.destroy()
    await until(() =>
      sendRaw(harness.port, [`${HEAD}content-length: 2\r\n\r\n{}`]).then(
        ({ status }) => status === 202,
        () => false,
      ),
    )
  })
})
