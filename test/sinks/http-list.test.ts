import { describe, expect, it } from 'vitest'
import type { HttpRequest } from '../../src/environment.ts'
import type { Fields } from '../../src/event.ts'
import { compileExpression } from '../../src/expressions/compile.ts'
import { HttpSink } from '../../src/sinks/http/sink.ts'
import type { Item } from '../../src/sinks/sink.ts'
import { localCoordinator } from '../../src/state/local-coordinator.ts'
import { FlowBench } from '../support/flow-bench.ts'

const never = new AbortController().signal

function sinkOver(answer: (url: URL) => { status?: number; body?: unknown; headers?: Record<string, string> }) {
  const { env, clock } = new FlowBench()
  const urls: string[] = []
  const receive = async ({ url }: HttpRequest) => {
    urls.push(url.replace('https://shop.example.com', ''))
    const { status = 200, body, headers = {} } = answer(new URL(url))
    return { status, headers, body: Buffer.from(JSON.stringify(body ?? null)) }
  }
  const sink = new HttpSink(
    { url: 'https://shop.example.com' },
    {
      name: 'shop',
      env: { ...env, http: receive },
      coordinator: localCoordinator({ clock }),
      compile: compileExpression,
    },
  )
  return { sink, urls }
}

const itemOf = (args: Fields): Item => ({
  action: 'list',
  args,
  key: 'flow/list',
  id: 'uuid',
  time: '2026-11-24T10:00:00.000Z',
  outcomeUnknown: false,
  priority: 'live',
})

async function read(sink: HttpSink, args: Fields): Promise<unknown> {
  const [plan] = await sink.plan([itemOf(args)])
  expect(plan).toMatchObject({ operation: 'read' })
  const [delivery] = await sink.deliver([plan as never], never)
  if (delivery?.status === 'failed') throw delivery.error
  return delivery?.status === 'delivered' ? delivery.result : undefined
}

/** Seven things in pages of three, by cursor. */
const things = (url: URL) => {
  const from = Number(url.searchParams.get('after') ?? 0)
  const all = Array.from({ length: 7 }, (_, n) => ({ id: n, name: `thing ${n}` }))
  const data = all.slice(from, from + 3)
  return { body: { data, next: from + 3 < all.length ? from + 3 : null, total: all.length } }
}
const ARGS = {
  path: '/lists/{list}/things',
  params: { list: 'a b' },
  query: { sort: 'id' },
  items: 'data',
  page: { by: 'cursor', next: 'next', parameter: 'after', total: 'total' },
}

describe('a list', () => {
  it('is read page by page, each from the cursor of the one before', async () => {
    const { sink, urls } = sinkOver(things)
    const pages: unknown[][] = []
    let cursor: string | undefined
    do {
      const page = await sink.page(itemOf(ARGS), cursor, never)
      expect(page.total).toBe(7)
      pages.push([...page.items])
      cursor = page.next
    } while (cursor !== undefined)
    expect(pages.map(page => page.length)).toEqual([3, 3, 1])
    expect(pages.flat()).toHaveLength(7)
    expect(urls).toEqual([
      '/lists/a%20b/things?sort=id',
      '/lists/a%20b/things?sort=id&after=3',
      '/lists/a%20b/things?sort=id&after=6',
    ])
  })

  it('is whole as the result of a step', async () => {
    const { sink } = sinkOver(things)
    expect(await read(sink, ARGS)).toEqual(
      things(new URL('x:?after=0')).body.data.concat([3, 4, 5, 6].map(n => ({ id: n, name: `thing ${n}` }))),
    )
  })

  it('that is longer than a step may hold is an error that says what to do', async () => {
    const { sink } = sinkOver(things)
    await expect(read(sink, { ...ARGS, limit: 5 })).rejects.toMatchObject({
      kind: 'rejected',
      code: 'LIST_TOO_LONG',
      message: expect.stringContaining('each'),
    })
  })

  it('may be of anything: what has no id is told apart by its content', async () => {
    const { sink, urls } = sinkOver(url => {
      const from = Number(url.searchParams.get('offset'))
      return { body: ['x', 'y', 'z'].slice(from, from + 2) }
    })
    expect(await read(sink, { path: '/words', page: { by: 'offset' } })).toEqual(['x', 'y', 'z'])
    expect(urls.length).toBeGreaterThan(1)
  })

  it('whose items lack what tells them apart, or that is none, is tried again', async () => {
    const { sink } = sinkOver(() => ({ body: { data: [{ name: 'x' }] } }))
    await expect(read(sink, { path: '/', items: 'data', itemId: 'email' })).rejects.toMatchObject({
      code: 'INVALID_ANSWER',
    })
    await expect(read(sink, { path: '/' })).rejects.toMatchObject({ kind: 'retryable', code: 'INVALID_ANSWER' })
  })

  it('gives the error of its status', async () => {
    const { sink } = sinkOver(() => ({ status: 403 }))
    await expect(read(sink, { path: '/' })).rejects.toMatchObject({ kind: 'fatal', code: 'UNAUTHORIZED' })
    const missing = sinkOver(() => ({ status: 404 }))
    await expect(read(missing.sink, { path: '/' })).rejects.toMatchObject({ kind: 'rejected', code: 'NOT_FOUND' })
  })

  it('P9: never follows a page to another host', async () => {
    const { sink } = sinkOver(() => ({
      body: [{ id: 1 }],
      headers: { link: '<https://evil.example.net/things?page=2>; rel="next"' },
    }))
    await expect(sink.page(itemOf({ path: '/', page: { by: 'link' } }), undefined, never)).rejects.toMatchObject({
      code: 'INVALID_ANSWER',
    })
  })
})
