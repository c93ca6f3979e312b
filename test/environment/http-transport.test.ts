import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Agent } from 'undici'
import { afterEach, expect, it, vi } from 'vitest'
import { createHttpTransport } from '../../src/environment/http-transport.ts'
import type { HttpRequest } from '../../src/environment.ts'

const agent = new Agent()
const http = createHttpTransport(agent)
const servers: Server[] = []

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  servers.push(server)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  }
})

const get = (url: string, more: Partial<HttpRequest> = {}) => http({ method: 'GET', url, timeoutMs: 5000, ...more })

it('sends the bytes and gives the whole answer', async () => {
  const url = await serve((request, response) => {
    response.writeHead(418, { 'X-Many': ['a', 'b'] })
    request.pipe(response)
  })
  const answer = await http({ method: 'POST', url, body: 'tea', timeoutMs: 5000 })
  expect(answer).toMatchObject({ status: 418, headers: { 'x-many': 'a, b' } })
  expect(answer.body.toString()).toBe('tea')
})

it('follows no redirect', async () => {
  const url = await serve((_, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end())
  expect((await get(url)).status).toBe(302)
})

it('CONNECTION_FAILED when nobody listens: nothing was sent', async () => {
  const url = await serve(() => {})
  const server = servers.pop()!
  await new Promise(resolve => server.close(resolve))
  await expect(get(url)).rejects.toMatchObject({ kind: 'retryable', code: 'CONNECTION_FAILED', outcomeUnknown: false })
})

it('CONNECTION_LOST when the answer is cut off', async () => {
  const url = await serve((_, response) => {
    response.writeHead(200, { 'content-length': 100 })
    response.write('half')
    response.destroy()
  })
  await expect(get(url)).rejects.toMatchObject({ kind: 'retryable', code: 'CONNECTION_LOST', outcomeUnknown: true })
})

it('TIMEOUT when the body does not end in time', async () => {
  const url = await serve((_, response) => response.writeHead(200).write('half'))
  await expect(get(`${url}/p?key=secret`, { timeoutMs: 50 })).rejects.toMatchObject({
    code: 'TIMEOUT',
    outcomeUnknown: true,
    // P9: the query stays out of messages
    message: expect.not.stringContaining('secret'),
  })
})

it('RESPONSE_TOO_LARGE instead of filling the memory', async () => {
  const url = await serve((_, response) => response.end('x'.repeat(1000)))
  await expect(get(url, { maxResponseBytes: 999 })).rejects.toMatchObject({ code: 'RESPONSE_TOO_LARGE' })
  expect((await get(url, { maxResponseBytes: 1000 })).body).toHaveLength(1000)
})

it('ABORTED by the signal, before and while waiting', async () => {
  const url = await serve(() => {})
  await expect(get(url, { signal: AbortSignal.abort() })).rejects.toMatchObject({
    code: 'ABORTED',
    outcomeUnknown: false,
  })
  const abort = new AbortController()
  const waiting = get(url, { signal: abort.signal })
  abort.abort()
  await expect(waiting).rejects.toMatchObject({ code: 'ABORTED', outcomeUnknown: true })
})

it('sends nothing of a request that was given up while it waited for a connection', async () => {
  const paths: string[] = []
  const held: (() => void)[] = []
  const url = await serve((request, response) => {
    paths.push(request.url!)
    held.push(() => response.end())
  })
  const narrow = createHttpTransport(new Agent({ connections: 1 }))
  const ask = (path: string, signal?: AbortSignal) =>
    narrow({ method: 'GET', url: url + path, timeoutMs: 5000, signal })
  const first = ask('/first')
  const abort = new AbortController()
  const second = ask('/second', abort.signal)
  abort.abort()
  await expect(second).rejects.toMatchObject({ code: 'ABORTED' })
  const third = ask('/third')
  await vi.waitFor(() => expect(held).toHaveLength(1))
  held[0]!()
  await first
  await vi.waitFor(() => expect(held).toHaveLength(2))
  held[1]!()
  expect((await third).status).toBe(200)
  expect(paths).toEqual(['/first', '/third'])
})

it('INVALID_REQUEST for what can be no request', async () => {
  await expect(get('not a url')).rejects.toMatchObject({ kind: 'rejected', code: 'INVALID_REQUEST' })
  await expect(get('http://127.0.0.1:1/', { headers: { 'bad name': 'x' } })).rejects.toMatchObject({
    code: 'INVALID_REQUEST',
  })
})
