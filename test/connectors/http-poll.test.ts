import { afterEach, describe, expect, it } from 'vitest'
import type { SandboxHttpAnswer } from '../../sandbox/http/server.ts'
import type { HttpPollConfig } from '../../src/connectors/http-poll/config.ts'
import { PollBench } from '../support/poll-bench.ts'

interface Row {
  [name: string]: unknown
}

let bench: PollBench
afterEach(() => bench?.stop())

const SIZE = 2
const CURSOR: Partial<HttpPollConfig> = {
  items: 'rows',
  page: { by: 'cursor', next: 'next', parameter: 'cursor' },
  key: 'data.id',
}

/** A list by cursor, and by every other way of paging that the query asks for. */
function list(rows: () => readonly Row[]) {
  return (_: unknown, query: URLSearchParams): SandboxHttpAnswer => {
    const since = query.get('since')
    const all = rows().filter(row => since === null || String(row.at) >= since)
    const from = query.has('page')
      ? (Number(query.get('page')) - 1) * SIZE
      : Number(query.get('cursor') ?? query.get('offset') ?? 0)
    const page = all.slice(from, from + SIZE)
    const more = from + SIZE < all.length
    return { body: { rows: page, next: more ? String(from + SIZE) : null, mark: `m${from + page.length}` } }
  }
}

function rows(count: number): Row[] {
  return Array.from({ length: count }, (_, n) => ({ id: `a${n + 1}`, n, at: `2026-11-2${n % 5}T00:00:00Z` }))
}

const ids = (items: readonly { key: string }[]) => items.map(({ key }) => key)

describe('http-poll', () => {
  it('makes an event of each item of all pages, and knows it again', async () => {
    bench = await PollBench.start(list(() => rows(5)))
    const { poller, stop } = bench.run({ ...CURSOR, object: 'usage', updated: 'data.at' })
    await bench.advance(1000)
    expect(bench.calls).toEqual(['/items', '/items?cursor=2', '/items?cursor=4'])
    expect(ids(bench.appended)).toEqual(['a1', 'a2', 'a3', 'a4', 'a5'])
    expect(bench.appended[1]).toMatchObject({
      type: 'usage.received',
      source: '/usage',
      subject: 'usage/a2',
      time: '2026-11-21T00:00:00.000Z',
      data: { id: 'a2', n: 1 },
    })
    expect(new Set(bench.appended.map(({ id }) => id)).size).toBe(5)
    expect(poller.status.runs?.last).toMatchObject({ pages: 3, items: 5, events: 5 })
    await stop()
  })

  const WAYS: [string, Partial<HttpPollConfig>, string[]][] = [
    ['cursor', CURSOR, ['', '?cursor=2', '?cursor=4']],
    [
      'offset',
      { page: { by: 'offset', size: SIZE } },
      ['?offset=0', '?offset=1', '?offset=2', '?offset=3', '?offset=4'],
    ],
    ['number', { page: { by: 'number', size: SIZE } }, ['?page=1', '?page=2', '?page=3']],
    ['a link in the answer', { page: { by: 'link', next: 'link' } }, ['', '?cursor=2', '?cursor=4']],
    ['the Link header', { page: { by: 'link' } }, ['', '?cursor=2', '?cursor=4']],
  ]
  it.each(WAYS)('pages by %s, and another process goes on at the page that failed', async (_, config, pages) => {
    bench = await PollBench.start((call, query) => {
      const answer = list(() => rows(5))(call, query)
      const { next } = answer.body as { next: string | null }
      const link = next && `/items?cursor=${next}`
      const headers = { ...(link && { link: `</items>; rel="first", <${link}>; rel="next"` }) }
      return { headers, body: { ...(answer.body as object), link } }
    })
    bench.server.faults.failStatus = 503
    bench.beforeAppend = () => {
      if (bench.appended.length === 0) bench.server.faults.failNext = 1
    }
    const first = bench.run({ items: 'rows', key: 'data.id', ...config })
    await bench.advance(100)
    await first.stop()
    expect(ids(bench.appended)).toEqual(['a1', 'a2'])
    const second = bench.run({ items: 'rows', key: 'data.id', ...config }, 'two')
    await bench.advance(31_000)
    const [one, two, ...more] = pages.map(page => `/items${page}`)
    expect(bench.calls).toEqual([one, two, two, ...more])
    expect(ids(bench.appended)).toEqual(['a1', 'a2', 'a3', 'a4', 'a5'])
    expect(second.poller.status.runs?.last).toMatchObject({ pages: pages.length, events: 5 })
    await second.stop()
  })

  it.each<[string, HttpPollConfig['auth'], Record<string, string>]>([
    ['a bearer token', { bearer: 'secret' }, { authorization: 'Bearer secret' }],
    ['name and password', { username: 'me', password: 'secret' }, { authorization: `Basic ${btoa('me:secret')}` }],
    ['headers', { headers: { 'x-key': 'secret' } }, { 'x-key': 'secret' }],
  ])('proves itself by %s', async (_, auth, headers) => {
    bench = await PollBench.start(list(() => rows(1)))
    const { stop } = bench.run({ ...CURSOR, auth })
    await bench.advance(1000)
    expect(bench.server.calls[0]!.headers).toMatchObject(headers)
    await stop()
  })

  it('without pages and `items` the answer is the list, asked for as the request says', async () => {
    bench = await PollBench.start(() => ({ body: [{ sku: 1 }, 'plain'] }))
    const request = {
      method: 'POST',
      query: { kind: 'x' },
      headers: { 'x-version': '3' },
      body: { report: 'churn' },
    } as const
    const { stop } = bench.run({ request, auth: { bearer: 'secret' } })
    await bench.advance(1000)
    expect(bench.server.calls[0]).toMatchObject({
      method: 'POST',
      query: 'kind=x',
      body: '{"report":"churn"}',
      headers: { 'x-version': '3', authorization: 'Bearer secret' },
    })
    expect(bench.appended.map(({ data, key, id }) => [data, key === id])).toEqual([
      [{ sku: 1 }, true],
      [{ value: 'plain' }, true],
    ])
    await stop()
  })

  it('a token that ends in the middle of a run is fetched anew', async () => {
    let given = 0
    bench = await PollBench.start((call, query) => {
      if (call.path === '/token') return { body: { access_token: `t${++given}` } }
      const good = query.has('cursor') ? 't2' : 't1'
      if (call.headers.authorization !== `Bearer ${good}`) return { status: 401 }
      return list(() => rows(3))(call, query)
    })
    const oauth2 = { tokenUrl: `${bench.server.url}/token`, clientId: 'me', clientSecret: 's' }
    const { poller, stop } = bench.run({ ...CURSOR, auth: { oauth2 } })
    await bench.advance(1000)
    expect(ids(bench.appended)).toEqual(['a1', 'a2', 'a3'])
    expect(poller.status).toMatchObject({ state: 'waiting', error: undefined })
    await stop()
  })
})

describe('what an item says', () => {
  it('gives an event when it is new or changed, with the names of the changed fields', async () => {
    const all = rows(2)
    bench = await PollBench.start(list(() => all))
    const { poller, stop } = bench.run(CURSOR)
    await bench.advance(1000)
    all[1] = { ...all[1], n: 7 }
    await bench.advance(900_000)
    expect(ids(bench.appended)).toEqual(['a1', 'a2', 'a2'])
    expect(bench.appended[2]).toMatchObject({ changed: ['n'], data: { n: 7 } })
    expect(poller.status.dropped).toEqual({ unchanged: 1 })
    await stop()
  })

  it('a value that comes back is another change, with and without times, however coarse', async () => {
    for (const more of [{}, { updated: 'data.day' }]) {
      let n = 1
      bench = await PollBench.start(() => ({ body: [{ id: 'a', n, day: '2026-11-24' }] }))
      const { stop } = bench.run({ key: 'data.id', ...more })
      for (n of [1, 2, 1, 2]) await bench.advance(900_000)
      expect(bench.appended.map(({ data }) => data.n)).toEqual([1, 2, 1, 2])
      expect(new Set(bench.appended.map(({ id }) => id)).size).toBe(4)
      await stop()
      await bench.stop()
    }
  })

  it('what is older than what was seen is left out', async () => {
    const states = [
      { id: 'a', v: 2, at: '2026-11-24T09:00:00Z' },
      { id: 'a', v: 1, at: '2026-11-24T08:00:00Z' },
    ]
    bench = await PollBench.start(() => ({ body: states }))
    const { poller, stop } = bench.run({ key: 'data.id', updated: 'data.at' })
    await bench.advance(1000)
    expect(bench.appended.map(({ data }) => data.v)).toEqual([2])
    expect(poller.status.dropped).toEqual({ older: 1 })
    await stop()
  })

  it('an item without its key, or too large for the log, holds up nothing', async () => {
    bench = await PollBench.start(() => ({ body: [{ n: 1 }, { id: 'big', text: 'x'.repeat(1_100_000) }, { id: 'c' }] }))
    const { poller, stop } = bench.run({ key: 'data.id' })
    await bench.advance(1000)
    expect(bench.appended.map(({ data }) => data)).toEqual([{ n: 1 }, { id: 'c' }])
    expect(bench.appended[0]!.key).toBe(bench.appended[0]!.id)
    expect(poller.status.dropped).toEqual({ 'too-large': 1 })
    expect(bench.lines.join()).toContain('1 items are larger than a topic takes')
    await stop()
  })

  it('`idempotency` names the event whatever it says, and `repeat` gives all of them in every run', async () => {
    let n = 0
    bench = await PollBench.start(() => ({
      body: [
        { id: 'a', day: 1, n: ++n },
        { id: 'a', day: 2, n },
      ],
    }))
    const named = bench.run({ key: 'data.id', idempotency: "data.id + '/' + string(data.day)" })
    await bench.advance(901_000)
    await named.stop()
    expect(ids(bench.appended)).toEqual(['a', 'a', 'a', 'a'])
    const [one, two, again] = bench.appended
    expect([one!.id === two!.id, one!.id === again!.id]).toEqual([false, true])
    await bench.stop()

    bench = await PollBench.start(list(() => rows(2)))
    const repeated = bench.run({ ...CURSOR, repeat: true })
    await bench.advance(901_000)
    await repeated.stop()
    expect(ids(bench.appended)).toEqual(['a1', 'a2', 'a1', 'a2'])
    expect(new Set(bench.appended.map(({ id }) => id)).size).toBe(4)
  })
})

describe('`since`', () => {
  const SINCE = { parameter: 'since', value: 'data.at', start: '2026-01-01' }

  it('is the latest of the items, and moves on only when the run is complete', async () => {
    const all = rows(3)
    bench = await PollBench.start(list(() => all))
    bench.server.faults.failStatus = 503
    const { stop } = bench.run({ ...CURSOR, since: SINCE })
    bench.beforeAppend = () => {
      if (bench.server.calls.length === 1) bench.server.faults.failNext = 1
    }
    await bench.advance(1500)
    expect(bench.calls).toEqual([
      '/items?since=2026-01-01',
      '/items?since=2026-01-01&cursor=2',
      '/items?since=2026-01-01&cursor=2',
    ])
    all.push({ id: 'new', at: '2026-11-23T00:00:00Z' })
    await bench.advance(900_000)
    expect(bench.calls.at(-1)).toBe('/items?since=2026-11-22T00%3A00%3A00Z')
    expect(ids(bench.appended)).toEqual(['a1', 'a2', 'a3', 'new'])
    await stop()
  })

  it('is what the last answer says, or looks back by the overlap', async () => {
    bench = await PollBench.start(list(() => rows(3).map(({ id }) => ({ id, at: 'm9' }))))
    const answered = bench.run({ ...CURSOR, since: { parameter: 'since', value: 'response.mark' } })
    await bench.advance(900_500)
    await answered.stop()
    expect(bench.calls).toEqual(['/items', '/items?cursor=2', '/items?since=m3', '/items?since=m3&cursor=2'])
    await bench.stop()

    bench = await PollBench.start(list(() => rows(1)))
    const overlapping = bench.run({ ...CURSOR, since: { parameter: 'since', value: 'data.at', overlap: '5m' } })
    await bench.advance(900_500)
    await overlapping.stop()
    expect(bench.calls).toEqual(['/items', '/items?since=2026-11-19T23%3A55%3A00.000Z'])
  })

  it('never goes back, nor to a time that is yet to come', async () => {
    let at = '2026-11-23T00:00:00Z'
    bench = await PollBench.start(() => ({ body: [{ id: 'a', at }] }))
    const { stop } = bench.run({ key: 'data.id', since: { parameter: 'since', value: 'data.at' } })
    for (at of ['2026-11-23T00:00:00Z', '2026-11-20T00:00:00Z', '2099-01-01T00:00:00Z', at])
      await bench.advance(900_000)
    expect(new Set(bench.calls.slice(1))).toEqual(new Set(['/items?since=2026-11-23T00%3A00%3A00Z']))
    expect(bench.lines.join()).toContain('yet to come')
    await stop()
  })

  it('begins anew when it is another parameter', async () => {
    bench = await PollBench.start(list(() => rows(1)))
    const first = bench.run({ ...CURSOR, since: SINCE })
    await bench.advance(1000)
    await first.stop()
    const second = bench.run({ ...CURSOR, since: { ...SINCE, parameter: 'after', start: 0 } })
    await bench.advance(900_000)
    expect(bench.calls.at(-1)).toBe('/items?after=0')
    await second.stop()
  })
})

describe('a run', () => {
  it('that fails half-way is tried again with back-off, from the page that failed', async () => {
    bench = await PollBench.start(list(() => rows(5)))
    Object.assign(bench.server.faults, { failStatus: 503 })
    bench.beforeAppend = () => {
      if (bench.appended.length === 2) bench.server.faults.failNext = 3
    }
    const { poller, stop } = bench.run(CURSOR)
    await bench.advance(900)
    expect(poller.status).toMatchObject({ state: 'failing', error: { code: 'SERVER_ERROR' } })
    await bench.advance(200)
    expect(poller.status.runs?.current).toMatchObject({ pages: 2, items: 4, error: { code: 'SERVER_ERROR' } })
    await bench.advance(22_000)
    expect(bench.calls).toEqual(['/items', '/items?cursor=2', ...Array(4).fill('/items?cursor=4')])
    const at = bench.server.calls.map(call => call.at - bench.server.calls[0]!.at)
    expect(at.slice(2)).toEqual([0, 1000, 6000, 21_000])
    expect(ids(bench.appended)).toEqual(['a1', 'a2', 'a3', 'a4', 'a5'])
    expect(poller.status.runs).toEqual({
      last: {
        dueAt: expect.any(Number),
        startedAt: expect.any(Number),
        endedAt: expect.any(Number),
        pages: 3,
        items: 5,
        events: 5,
      },
    })
    await stop()
  })

  it('waits as long as the other side wants', async () => {
    bench = await PollBench.start(list(() => rows(1)))
    Object.assign(bench.server.faults, { failNext: 1, failStatus: 503, retryAfterSeconds: 120 })
    const { stop } = bench.run(CURSOR)
    await bench.advance(119_000)
    expect(bench.calls).toHaveLength(1)
    await bench.advance(2000)
    expect(bench.calls).toHaveLength(2)
    await stop()
  })

  it('P2 P3: a crash after the append and before the cursor repeats a page under the same ids', async () => {
    bench = await PollBench.start(list(() => rows(5)))
    const first = bench.run(CURSOR)
    const commit = bench.state.commit.bind(bench.state)
    bench.state.commit = async writes => {
      if (bench.appended.length === 4) throw new Error('crash')
      return commit(writes)
    }
    await bench.advance(100)
    await first.stop()
    bench.state.commit = commit
    const second = bench.run(CURSOR, 'two')
    await bench.advance(31_000)
    expect(bench.calls).toEqual(['/items', '/items?cursor=2', '/items?cursor=2', '/items?cursor=4'])
    expect(ids(bench.appended)).toEqual(['a1', 'a2', 'a3', 'a4', 'a3', 'a4', 'a5'])
    expect(new Set(bench.appended.map(({ id }) => id)).size).toBe(5)
    await second.stop()
  })

  it('a page of many items goes into the log in parts, and a crash between them repeats none that were noted', async () => {
    bench = await PollBench.start(() => ({ body: rows(1200) }))
    bench.beforeAppend = () => {
      if (bench.appended.length === 500) throw new Error('crash')
    }
    const first = bench.run({ key: 'data.id' })
    await bench.advance(100)
    await first.stop()
    bench.beforeAppend = () => {}
    const second = bench.run({ key: 'data.id' }, 'two')
    await bench.advance(31_000)
    expect(ids(bench.appended)).toEqual(rows(1200).map(({ id }) => id))
    expect(second.poller.status.runs?.last).toMatchObject({ pages: 1, items: 1200, events: 1200 })
    await second.stop()
  })

  it('whose page the API does not know any more begins anew, once in a while', async () => {
    let forget = true
    bench = await PollBench.start((call, query) => {
      if (query.get('cursor') === '4' && forget) return { status: 410 }
      return list(() => rows(5))(call, query)
    })
    const { poller, stop } = bench.run(CURSOR)
    await bench.advance(700)
    expect(bench.calls).toEqual([
      '/items',
      '/items?cursor=2',
      '/items?cursor=4',
      '/items',
      '/items?cursor=2',
      '/items?cursor=4',
    ])
    expect(poller.status.state).toBe('failing')
    forget = false
    await bench.advance(2000)
    expect(ids(bench.appended)).toEqual(['a1', 'a2', 'a3', 'a4', 'a5'])
    await stop()
  })

  it('whose page is gone for good begins anew later', async () => {
    let forget = true
    bench = await PollBench.start((call, query) => {
      if (query.get('cursor') === '4') return { status: 410 }
      return list(() => rows(forget ? 5 : 3))(call, query)
    })
    const { poller, stop } = bench.run(CURSOR)
    await bench.advance(60_000)
    expect(poller.status.state).toBe('failing')
    forget = false
    await bench.advance(660_000)
    expect(poller.status).toMatchObject({ state: 'waiting', error: undefined })
    expect(new Set(ids(bench.appended)).size).toBe(4)
    await stop()
  })

  it('goes on elsewhere in the list when the request was changed meanwhile', async () => {
    bench = await PollBench.start(list(() => rows(5)))
    bench.beforeAppend = () => {
      if (bench.appended.length === 2) throw new Error('stop here')
    }
    const first = bench.run(CURSOR)
    await bench.advance(100)
    await first.stop()
    bench.beforeAppend = () => {}
    const second = bench.run({ ...CURSOR, request: { query: { v: 2 } } })
    await bench.advance(31_000)
    expect(bench.calls.slice(2)).toEqual(['/items?v=2', '/items?v=2&cursor=2', '/items?v=2&cursor=4'])
    expect(ids(bench.appended)).toEqual(['a1', 'a2', 'a3', 'a4', 'a5'])
    await second.stop()
  })
})

describe('the schedule', () => {
  const CRON = { every: undefined, schedule: '0 6 * * 1-5', timeZone: 'Europe/Berlin' } as Partial<HttpPollConfig>

  it('begins with the first time that comes, and goes by its time zone', async () => {
    // Six o'clock in Berlin is five in winter.
    bench = await PollBench.start(
      list(() => rows(1)),
      '2026-11-25T04:30:00Z',
    )
    const { poller, stop } = bench.run({ ...CURSOR, ...CRON, schedule: '0 6,7 * * *' })
    await bench.until('2026-11-25T04:59:59Z')
    expect(bench.calls).toEqual([])
    expect(new Date(poller.status.nextAt!).toISOString()).toBe('2026-11-25T05:00:00.000Z')
    await bench.until('2026-11-25T05:00:01Z')
    expect(bench.calls).toHaveLength(1)
    await bench.until('2026-11-25T06:00:01Z')
    expect(bench.calls).toHaveLength(2)
    await stop()
  })

  it('polls at once when a person wants it, and goes on by the schedule after', async () => {
    bench = await PollBench.start(
      list(() => rows(1)),
      '2026-11-25T03:00:00Z',
    )
    const { poller, stop } = bench.run({ ...CURSOR, ...CRON })
    await bench.advance(60_000)
    poller.now()
    await bench.advance(1000)
    expect(bench.calls).toHaveLength(1)
    expect(poller.status.runs?.last).toMatchObject({ dueAt: Date.parse('2026-11-25T03:01:00Z'), items: 1 })
    await bench.until('2026-11-25T04:59:00Z')
    expect(bench.calls).toHaveLength(1)
    await bench.until('2026-11-25T05:01:00Z')
    expect(bench.calls).toHaveLength(2)
    await stop()
  })

  it('makes up once for what was missed while nothing ran, and says so', async () => {
    bench = await PollBench.start(
      list(() => rows(1)),
      '2026-11-24T10:00:00Z',
    )
    const first = bench.run({ ...CURSOR, ...CRON })
    await bench.advance(1000)
    await first.stop()
    await bench.until('2026-11-30T03:00:00Z')
    const second = bench.run({ ...CURSOR, ...CRON })
    await bench.advance(1000)
    expect(bench.calls).toHaveLength(1)
    expect(second.poller.status.runs?.last).toMatchObject({ dueAt: Date.parse('2026-11-25T05:00:00Z'), missed: 2 })
    expect(bench.lines.join()).toContain('did not take place')
    await bench.until('2026-11-30T04:59:00Z')
    expect(bench.calls).toHaveLength(1)
    await bench.until('2026-11-30T05:01:00Z')
    expect(bench.calls).toHaveLength(2)
    await second.stop()
  })

  it('another schedule has missed nothing', async () => {
    bench = await PollBench.start(
      list(() => rows(1)),
      '2026-11-25T04:50:00Z',
    )
    const first = bench.run({ ...CURSOR, ...CRON })
    await bench.until('2026-11-25T05:10:00Z')
    await first.stop()
    const second = bench.run({ ...CURSOR, ...CRON, schedule: '5 6 * * *' })
    await bench.advance(60_000)
    expect(bench.calls).toHaveLength(1)
    await second.stop()
  })

  it('a run that still goes on when the next is due leaves that one out, and says so', async () => {
    bench = await PollBench.start(list(() => rows(3)))
    bench.server.faults.failStatus = 503
    bench.beforeAppend = () => {
      bench.server.faults.failNext = bench.appended.length === 0 ? 36 : 0
    }
    const { poller, stop } = bench.run(CURSOR)
    await bench.advance(16 * 60_000)
    expect(poller.status.runs?.current).toMatchObject({ pages: 1, skipped: 1 })
    await bench.advance(25 * 60_000)
    expect(ids(bench.appended)).toEqual(['a1', 'a2', 'a3'])
    expect(poller.status.runs?.last).toMatchObject({ pages: 2, skipped: 2 })
    expect(bench.lines.filter(line => line.includes('is left out'))).toHaveLength(1)
    const before = bench.calls.length
    // The grid stays that of the first run.
    await bench.until('2026-11-24T10:44:00Z')
    expect(bench.calls).toHaveLength(before)
    await bench.until('2026-11-24T10:46:00Z')
    expect(bench.calls.length).toBeGreaterThan(before)
    await stop()
  })

  it('runs in one of several instances at a time, and each run once', async () => {
    bench = await PollBench.start(list(() => rows(3)))
    const one = bench.run(CURSOR, 'one')
    const two = bench.run(CURSOR, 'two')
    await bench.advance(31 * 60_000)
    expect(bench.calls.filter(call => call === '/items')).toHaveLength(3)
    expect(ids(bench.appended)).toEqual(['a1', 'a2', 'a3'])
    await one.stop()
    await two.stop()
  })
})
