import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { SandboxRestSettings } from '../../sandbox/rest/settings.ts'
import { createRestClient } from '../../src/clients/rest/client.ts'
import type { PageConfig } from '../../src/clients/rest/page-config.ts'
import { derivedId } from '../../src/identity.ts'
import restSink from '../../src/sinks/rest.ts'
import type { Peer, PeerRecord, PeerWrite } from '../../src/sync/peer.ts'
import { CONTACTS, live, type RestBench, restBench } from '../support/rest-bench.ts'

let bench: RestBench

beforeEach(async () => {
  bench = await restBench()
})
afterEach(() => bench.stop())

const seed = (count: number) =>
  bench.rest.seed(
    'contacts',
    Array.from({ length: count }, (_, at) => ({ id: `c${at}`, email: `c${at}@example.com`, n: at })),
  )

async function walk(peer: Peer, between: (page: number) => void = () => {}): Promise<PeerRecord[]> {
  const records: PeerRecord[] = []
  let cursor: unknown
  let page = 0
  do {
    // As it lies in the state.
    const { records: found, next } = await peer.list(
      cursor === undefined ? undefined : JSON.parse(JSON.stringify(cursor)),
      live,
    )
    records.push(...found)
    cursor = next
    between(++page)
    if (page > 200) throw new Error('the walk does not end')
  } while (cursor !== undefined)
  return records
}

const one = async (peer: Peer, write: PeerWrite) => (await peer.write([write], live))[0]!
const versionOf = async (peer: Peer, id: string) => (await peer.get([id], live))[0]!.version

const PAGES: Record<Exclude<SandboxRestSettings['paging'], 'none'>, PageConfig> = {
  cursor: { by: 'cursor', next: 'next_cursor', parameter: 'cursor', size: 20, sizeParameter: 'limit', total: 'total' },
  offset: { by: 'offset', size: 20, sizeParameter: 'limit', total: 'total' },
  number: { by: 'number', size: 20, sizeParameter: 'limit', total: 'total' },
  link: { by: 'link', size: 20, sizeParameter: 'limit', total: 'total' },
}
const WAYS = Object.keys(PAGES) as (keyof typeof PAGES)[]

function paged(by: keyof typeof PAGES, more: object = {}): Peer {
  bench.rest.settings.paging = by
  return bench.peer({ list: { ...CONTACTS.list, page: { ...PAGES[by], ...more } as PageConfig } })
}

describe('list', () => {
  it.each(WAYS)('by %s gives every record once, in few calls', async by => {
    seed(100)
    const peer = paged(by)
    bench.rest.resetCalls()
    const records = await walk(peer)
    expect(records.map(({ id }) => id)).toEqual(Array.from({ length: 100 }, (_, at) => `c${at}`))
    expect(bench.rest.calls.length).toBeLessThanOrEqual(by === 'offset' ? 6 : 5)
    expect(records[0]).toMatchObject({ deleted: false, version: bench.rest.rows('contacts')[0]!.updated_at })
  })

  it.each(WAYS)('by %s goes on where the API gives fewer than asked for, and tells no total', async by => {
    bench.rest.settings.pageLimit = 7
    bench.rest.settings.total = false
    seed(40)
    expect(new Set((await walk(paged(by, { total: undefined }))).map(({ id }) => id)).size).toBe(40)
  })

  it.each(WAYS)('by %s misses none while others are deleted (P7)', async by => {
    seed(100)
    const gone = new Set<string>()
    const records = await walk(paged(by), page => {
      if (page > 3) return
      const ids = [0, 1, 2, 3, 4].map(at => `c${(page - 1) * 20 + at}`)
      for (const id of ids) gone.add(id)
      bench.rest.vanish('contacts', ids)
    })
    const seen = new Set(records.map(({ id }) => id))
    const stayed = bench.rest.rows('contacts').map(({ id }) => id)
    expect(stayed.filter(id => !seen.has(id))).toEqual([])
  })

  it('takes one answer for all where there are no pages', async () => {
    bench.rest.settings.paging = 'none'
    seed(30)
    const { page: _, ...list } = CONTACTS.list
    expect(await walk(bench.peer({ list }))).toHaveLength(30)
  })

  it.each(WAYS)('by %s does not take one empty page for the end where the API counts (P7)', async by => {
    seed(50)
    const peer = paged(by)
    const first = await peer.list(undefined, live)
    bench.rest.faults.emptyPageAfter = 0
    const second = peer.list(first.next, live)
    // By offset the page joins nothing, so the one before is read again at once.
    if (by === 'offset') expect((await second).next).toBeDefined()
    else await expect(second).rejects.toMatchObject({ kind: 'retryable', code: 'INVALID_ANSWER' })
    bench.rest.faults.emptyPageAfter = 1
    const records = await walk(peer).catch((error: unknown) => error)
    if (by === 'offset') expect(records).toHaveLength(50)
    else expect(records).toMatchObject({ code: 'INVALID_ANSWER' })
  })

  it('refuses an empty page whose own total says otherwise', async () => {
    bench.rest.settings.paging = 'number'
    seed(50)
    const send = vi.spyOn(bench.client, 'exchange')
    send.mockResolvedValueOnce({
      status: 200,
      headers: {},
      body: Buffer.alloc(0),
      json: () => ({ data: [], total: 50 }),
    })
    await expect(bench.peer().list(undefined, live)).rejects.toMatchObject({
      kind: 'retryable',
      code: 'INVALID_ANSWER',
    })
  })

  it('refuses a list with a record that has no id, and an answer that is no list', async () => {
    seed(1)
    await expect(bench.peer({ id: 'key' }).list(undefined, live)).rejects.toThrow(/no id at `key`/)
    const list = { ...CONTACTS.list, items: 'records' }
    await expect(bench.peer({ list }).list(undefined, live)).rejects.toThrow(/`records` of the answer is not a list/)
  })

  it('leaves out what lies in the trash, and names it when asked', async () => {
    bench.rest.settings.softDelete = true
    seed(2)
    bench.rest.asUser().delete('contacts', 'c0')
    const peer = bench.peer({ deleted: 'deleted_at' })
    expect((await walk(peer)).map(({ id }) => id)).toEqual(['c1'])
    expect(await peer.get(['c0'], live)).toMatchObject([{ id: 'c0', deleted: true }])
  })
})

describe('get and find', () => {
  it('gets many in one call, in order, and asks for the missing by name', async () => {
    seed(5)
    bench.rest.resetCalls()
    const found = await bench.peer().get(['c3', 'nobody', 'c1'], live)
    expect(found.map(record => record?.id)).toEqual(['c3', undefined, 'c1'])
    expect(bench.rest.calls.map(({ path }) => path)).toEqual(['/contacts', '/contacts/nobody'])
  })

  it('gets one by one where the API cannot do better, a few at a time', async () => {
    seed(10)
    const ids = Array.from({ length: 10 }, (_, at) => `c${at}`)
    bench.rest.resetCalls()
    const found = await bench.peer({ getMany: undefined }).get(ids, live)
    expect(found.map(record => record?.id)).toEqual(ids)
    expect(bench.rest.calls).toHaveLength(10)
  })

  it('keeps an id one part of the path', async () => {
    const peer = bench.peer({ getMany: undefined })
    expect(await peer.get(['../me'], live)).toEqual([undefined])
    expect(bench.rest.calls.at(-1)!.path).toBe('/contacts/..%2Fme')
    await expect(peer.get(['..'], live)).rejects.toMatchObject({ code: 'BAD_REQUEST_VALUE' })
  })

  it('finds by a parameter, one call per value, and only what fits', async () => {
    seed(3)
    bench.rest.resetCalls()
    const found = await bench.peer().find('email', ['c1@example.com', 'nobody@example.com', null], live)
    expect(found.map(({ id }) => id)).toEqual(['c1'])
    expect(bench.rest.calls.map(({ query }) => new URLSearchParams(query).get('email'))).toEqual([
      'c1@example.com',
      'nobody@example.com',
    ])
  })

  it('walks the list where there is no parameter', async () => {
    bench.rest.seed('contacts', [
      { id: 'a', name: { last: 'Lovelace' } },
      { id: 'b', name: { last: 'Byron' } },
    ])
    expect((await bench.peer().find('name.last', ['lovelace'], live)).map(({ id }) => id)).toEqual(['a'])
  })

  it('shows what an answer leaves out as empty where the fields are named', async () => {
    bench.rest.settings.omitEmpty = true
    bench.rest.seed('contacts', [{ id: 'a', email: 'a@example.com', phone: '', name: null }])
    const [plain] = await bench.peer().get(['a'], live)
    expect(plain!.data).not.toHaveProperty('phone')
    const fields = { email: 'text', phone: 'text', 'name.last': 'text' } as const
    const [named] = await bench.peer({ fields }).get(['a'], live)
    expect(named!.data).toMatchObject({ email: 'a@example.com', phone: null, name: { last: null } })
  })
})

describe('create', () => {
  const create = (values: object, id = derivedId('x')): PeerWrite => ({ op: 'create', id, values: { ...values } })

  it('makes the record under our id, nested as its paths say', async () => {
    const outcome = await one(bench.peer(), create({ email: 'ada@example.com', 'name.first': 'Ada', 'name.last': 'L' }))
    expect(outcome).toMatchObject({
      status: 'written',
      exact: true,
      record: {
        id: derivedId('x'),
        deleted: false,
        data: { email: 'ada@example.com', name: { first: 'Ada', last: 'L' } },
      },
    })
    expect(bench.peer().choosesId).toBe(true)
  })

  it.each(['id', 'nothing'] as const)('reads the record where the answer has %s', async returns => {
    bench.rest.settings.returns = returns
    const peer = bench.peer({
      create: { path: '/contacts', item: 'data', returns: returns === 'id' ? 'id' : 'record' },
    })
    const outcome = await one(peer, create({ email: 'ada@example.com' }))
    expect(outcome).toMatchObject({ status: 'written', exact: false, record: { data: { email: 'ada@example.com' } } })
    expect(peer.choosesId).toBe(false)
  })

  it('says by whom a unique value is taken, only where the answer means that', async () => {
    seed(1)
    expect(await one(bench.peer(), create({ email: 'c0@example.com' }))).toMatchObject({
      status: 'taken',
      record: { id: 'c0' },
    })
    const other = { ...CONTACTS.create!, taken: { statuses: [409], code: 'error.code', codes: ['other'] } }
    expect(await one(bench.peer({ create: other }), create({ email: 'c0@example.com' }))).toMatchObject({
      status: 'failed',
      error: { kind: 'rejected', code: 'CONFLICT' },
    })
  })

  it('repeated after a lost answer finds its own record (P3)', async () => {
    bench.rest.faults.loseAnswerNext = 1
    const write = create({ email: 'ada@example.com' })
    expect(await one(bench.peer(), write)).toMatchObject({ status: 'failed', error: { outcomeUnknown: true } })
    const { taken: _, ...own } = CONTACTS.create!
    const peer = bench.peer({ create: { ...own, taken: { statuses: [409] } } })
    expect(await one(peer, write)).toMatchObject({ status: 'taken', record: { id: write.id } })
    expect(bench.rest.rows('contacts')).toHaveLength(1)
  })

  it('carries its id as the idempotency key', async () => {
    const peer = bench.peer({ create: { path: '/contacts', item: 'data', idempotencyHeader: 'Idempotency-Key' } })
    bench.rest.faults.loseAnswerNext = 1
    const write = create({ email: 'ada@example.com' })
    await one(peer, write)
    const outcome = await one(peer, write)
    expect(outcome).toMatchObject({ status: 'written', record: { id: bench.rest.rows('contacts')[0]!.id } })
    expect(bench.rest.rows('contacts')).toHaveLength(1)
  })

  it('that fails leaves the others alone', async () => {
    seed(1)
    const writes = ['a', 'c0', 'b'].map(name => create({ email: `${name}@example.com` }, derivedId(name)))
    const outcomes = await bench.peer().write(writes, live)
    expect(outcomes.map(({ status }) => status)).toEqual(['written', 'taken', 'written'])
  })

  it('that was done and cannot be read has an unknown outcome', async () => {
    bench.rest.settings.returns = 'nothing'
    const peer = bench.peer({ get: { path: '/contacts/{id}', item: 'nowhere' } })
    expect(await one(peer, create({ email: 'ada@example.com' }))).toMatchObject({
      status: 'failed',
      error: { outcomeUnknown: true },
    })
  })
})

describe('update', () => {
  const update = (version: string, values: object, current: object = {}, id = 'c0'): PeerWrite => ({
    op: 'update',
    id,
    version,
    values: { ...values },
    current: { ...current },
  })

  beforeEach(() => {
    bench.rest.seed('contacts', [{ id: 'c0', email: 'c0@example.com', n: 0, name: { first: 'A', last: 'B' } }])
  })

  it('sends only what changes, composites whole', async () => {
    const peer = bench.peer()
    const version = await versionOf(peer, 'c0')
    const current = { name: { first: 'A', last: 'B' } }
    const outcome = await one(peer, update(version, { 'name.first': 'Ada', n: null }, current))
    expect(outcome).toMatchObject({
      status: 'written',
      exact: true,
      record: { data: { name: { first: 'Ada', last: 'B' }, n: null } },
    })
    expect(bench.rest.calls.at(-1)!.body).toEqual({ name: { first: 'Ada', last: 'B' }, n: null })
  })

  it('is refused when the record is another one now, before and at the write', async () => {
    const peer = bench.peer()
    const version = await versionOf(peer, 'c0')
    await new Promise(resolve => setTimeout(resolve, 2))
    bench.rest.asUser().update('contacts', 'c0', { phone: '1' })
    const outcome = await one(peer, update(version, { n: 1 }, { n: 0 }))
    expect(outcome).toMatchObject({ status: 'changed', record: { data: { phone: '1', n: 0 } } })
    // Between the read and the write: the ETag tells.
    const now = await versionOf(peer, 'c0')
    const { exchange } = bench.client
    vi.spyOn(bench.client, 'exchange').mockImplementation((call, options) => {
      if (call.method === 'PATCH') bench.rest.asUser().update('contacts', 'c0', { phone: '2' })
      return exchange(call, options)
    })
    expect(await one(bench.peer(), update(now, { n: 1 }, { n: 0 }))).toMatchObject({
      status: 'changed',
      record: { data: { phone: '2', n: 0 } },
    })
  })

  it('sees an edit within one coarse time by the values that it is about to write', async () => {
    bench.rest.settings.granularityMs = 3_600_000
    bench.rest.seed('contacts', [{ id: 'c1', email: 'c1@example.com', n: 0 }])
    const peer = bench.peer({ granularity: '1s' })
    const version = await versionOf(peer, 'c1')
    bench.rest.asUser().update('contacts', 'c1', { n: 7 })
    expect(await one(peer, update(version, { n: 1 }, { n: 0 }, 'c1'))).toMatchObject({
      status: 'changed',
      record: { data: { n: 7 } },
    })
    expect(peer.granularityMs).toBe(1000)
  })

  it('goes by time where the API takes If-Unmodified-Since', async () => {
    const peer = bench.peer({ update: { ...CONTACTS.update!, ifMatch: { by: 'time' } } })
    const old = new Date(Date.now() - 60_000).toISOString()
    bench.rest.resetCalls()
    expect(await one(peer, update(old, { n: 1 }))).toMatchObject({ status: 'changed', record: { data: { n: 0 } } })
    expect(bench.rest.calls.map(({ method }) => method)).toEqual(['PATCH', 'GET'])
    expect(await one(peer, update(await versionOf(peer, 'c0'), { n: 1 }))).toMatchObject({ status: 'written' })
  })

  it('sends the whole record with PUT, and says where no condition is kept', async () => {
    const peer = bench.peer({ update: { path: '/contacts/{id}', method: 'PUT', item: 'data' } })
    const outcome = await one(peer, update(await versionOf(peer, 'c0'), { 'name.last': 'C' }))
    expect(outcome).toMatchObject({
      status: 'written',
      record: { data: { email: 'c0@example.com', name: { first: 'A', last: 'C' } } },
    })
    expect([peer.conditional, bench.peer().conditional]).toEqual([false, true])
  })

  it.each([['etag'], ['time'], [undefined]] as const)('says that the record is gone (%s)', async by => {
    const ifMatch = by && { by }
    const peer = bench.peer({ update: { path: '/contacts/{id}', item: 'data', ...(ifMatch && { ifMatch }) } })
    expect(await one(peer, update('2026-11-24T10:00:00.000Z', { n: 1 }, {}, 'nobody'))).toEqual({ status: 'gone' })
  })

  it('says whether a failed write may have been done', async () => {
    const peer = bench.peer({ update: { path: '/contacts/{id}', item: 'data' } })
    const write = update('2026-11-24T10:00:00.000Z', { n: 1 })
    Object.assign(bench.rest.faults, { failNext: 1, failStatus: 503 })
    expect(await one(peer, write)).toMatchObject({
      status: 'failed',
      error: { kind: 'retryable', outcomeUnknown: false },
    })
    Object.assign(bench.rest.faults, { failNext: 1, failStatus: 500 })
    expect(await one(peer, write)).toMatchObject({ error: { kind: 'retryable', outcomeUnknown: true } })
    bench.rest.faults.loseAnswerNext = 1
    expect(await one(peer, write)).toMatchObject({ error: { code: 'CONNECTION_LOST', outcomeUnknown: true } })
    bench.rest.faults.resetNext = 1
    expect(await one(peer, write)).toMatchObject({ error: { outcomeUnknown: true } })
  })

  it('waits as long as a 429 asks for, then goes on', async () => {
    const peer = bench.peer({ update: { path: '/contacts/{id}', item: 'data' } })
    Object.assign(bench.rest.faults, { failNext: 1, failStatus: 429, retryAfterSeconds: 0 })
    expect(await one(peer, update('2026-11-24T10:00:00.000Z', { n: 1 }))).toMatchObject({ status: 'written' })
    Object.assign(bench.rest.faults, { failNext: 1, retryAfterSeconds: 3600 })
    expect(await one(peer, update('2026-11-24T10:00:00.000Z', { n: 2 }))).toMatchObject({
      error: { code: 'RATE_LIMITED', retryAfterMs: 3_600_000 },
    })
  })
})

describe('delete', () => {
  it('deletes the version that it knows, once', async () => {
    seed(1)
    const peer = bench.peer()
    const version = await versionOf(peer, 'c0')
    expect(await one(peer, { op: 'delete', id: 'c0', version: '2020-01-01T00:00:00.000Z' })).toMatchObject({
      status: 'changed',
    })
    expect(await one(peer, { op: 'delete', id: 'c0', version })).toEqual({ status: 'deleted' })
    expect(await one(peer, { op: 'delete', id: 'c0', version })).toEqual({ status: 'gone' })
  })

  it('is refused by name where the config has no such call, as is a restore', async () => {
    const peer = bench.peer({ delete: undefined })
    const failed = { status: 'failed', error: { kind: 'rejected', code: 'CALL_NOT_CONFIGURED' } }
    expect(await one(peer, { op: 'delete', id: 'c0', version: '' })).toMatchObject(failed)
    expect(await one(peer, { op: 'restore', id: 'c0', version: '', values: {}, current: {} })).toMatchObject(failed)
    expect(peer.restores).toBe(false)
  })
})

describe('values', () => {
  it.each([
    ['', null],
    [undefined, null],
    [[], null],
    [{ a: '' }, null],
    [' x ', ' x '],
    [-0, 0],
    ['12.50', '12.50'],
    [{ b: 1, a: null }, { b: 1 }],
  ])('%j is kept as %j', (value, kept) => {
    expect(bench.peer().normalise('anything', value)).toEqual(kept)
  })

  it.each([
    ['number', '12.50', 12.5],
    ['number', 'x', 'x'],
    ['boolean', 'true', true],
    ['boolean', 0, false],
    ['text', 7, '7'],
    ['date', '2026-11-24T00:00:00Z', '2026-11-24'],
    ['time', '2026-11-24 10:00:00', '2026-11-24T10:00:00.000Z'],
    ['time', 1_795_600_800, '2026-11-25T10:00:00.000Z'],
  ] as const)('as %s, %j is %j', (type, value, kept) => {
    expect(bench.peer({ fields: { f: type } }).normalise('f', value)).toEqual(kept)
  })

  it('checks paths against the fields that are named', async () => {
    const problems: string[] = []
    const use = (path: string, writes = false) => ({
      path,
      writes,
      problem: (message: string, suggestion = '') => void problems.push(`${message} -> ${suggestion}`),
    })
    const uses = [use('email'), use('emial'), use('name.last'), use('updated_at', true)]
    await bench.peer({ fields: { email: 'text', 'name.last': 'text', updated_at: 'time' } }).verify(uses, live)
    expect(problems).toEqual(['contacts of erp has no field "emial" -> email', "`updated_at` is the system's own -> "])
  })
})

describe('versions', () => {
  it('by our clock never go back where records have no time, and changes within a poll are simultaneous', async () => {
    bench.rest.settings.updatedAt = false
    seed(1)
    const peer = bench.peer({ updatedAt: undefined })
    const first = await versionOf(peer, 'c0')
    expect((await versionOf(peer, 'c0')) >= first).toBe(true)
    expect(Math.abs(Date.parse(first) - Date.now())).toBeLessThan(10_000)
    expect(peer.granularityMs).toBe(60_000)
    bench.rest.settings.skewMs = 300_000
    await peer.get(['c0'], live)
    expect(peer.clockOffsetMs()).toBe(0)
  })

  it('are by the API clock, whose lead is measured', async () => {
    bench.rest.settings.skewMs = 300_000
    seed(1)
    const peer = bench.peer()
    expect(peer.clockOffsetMs()).toBe(0)
    await peer.get(['c0'], live)
    expect(Math.abs(peer.clockOffsetMs() - 300_000)).toBeLessThan(1500)
  })
})

describe('system', () => {
  it('checks address and credentials, and shows how the way stands', async () => {
    const context = { ...bench.context, client: bench.client }
    const sink = restSink.create(bench.config, context)
    await sink.check!(live.signal)
    expect(await sink.status!()).toMatchObject({ breaker: 'closed' })
    const config = { ...bench.config, auth: { bearer: 'wrong' }, check: '/me' }
    const wrong = restSink.create(config, { ...context, client: createRestClient(config, bench.context) })
    await expect(wrong.check!(live.signal)).rejects.toMatchObject({ kind: 'fatal', code: 'UNAUTHORIZED' })
  })

  it('keeps its credentials to its own address (P9)', async () => {
    bench.rest.settings.paging = 'link'
    seed(1)
    const list = { ...CONTACTS.list, page: { by: 'link' as const, next: 'elsewhere' } }
    const send = vi.spyOn(bench.client, 'exchange')
    const body = { data: [{ id: 'c0' }], elsewhere: 'https://example.com/contacts?page=2' }
    send.mockResolvedValueOnce({ status: 200, headers: {}, body: Buffer.alloc(0), json: () => body })
    bench.config.resources.contacts = { ...CONTACTS, list }
    await expect(
      restSink.peer!(bench.config, { ...bench.context, client: bench.client, object: 'contacts' }).list(
        undefined,
        live,
      ),
    ).rejects.toThrow(/next page is at another address/)
  })

  it('names the resources that there are', () => {
    expect(() => restSink.peer!(bench.config, { ...bench.context, client: bench.client, object: 'people' })).toThrow(
      /no resource "people"; there are contacts/,
    )
  })
})
