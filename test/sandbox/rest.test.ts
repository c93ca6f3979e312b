import { createHmac } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type SandboxRest, startSandboxRest } from '../../sandbox/rest/server.ts'
import type { SandboxRestSettings } from '../../sandbox/rest/settings.ts'

let rest: SandboxRest
let now: number
let sent: { body: string; headers: Readonly<Record<string, string>> }[]

beforeEach(async () => {
  now = Date.parse('2026-11-24T10:00:00.123Z')
  sent = []
  rest = await startSandboxRest({
    now: () => now,
    send: async (_url, headers, body) => {
      sent.push({ headers, body })
      return 202
    },
  })
})
afterEach(() => rest.stop())

async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(rest.url + path, {
    method,
    headers: { authorization: `Bearer ${rest.token}`, ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) }
}

const hundred = () =>
  rest.seed(
    'contacts',
    Array.from({ length: 100 }, (_, at) => ({ id: `c${at}`, n: at })),
  )

describe('reading', () => {
  it('refuses a call without its token', async () => {
    expect((await call('GET', '/contacts', undefined, { authorization: 'Bearer no' })).status).toBe(401)
  })

  it.each<SandboxRestSettings['paging']>(['cursor', 'offset', 'number', 'link'])('pages by %s', async paging => {
    rest.settings.paging = paging
    rest.settings.pageLimit = 30
    hundred()
    const seen: string[] = []
    let path: string | undefined = '/contacts?limit=50'
    for (let page = 1; path; page++) {
      const answer = await call('GET', path)
      const rows = answer.body.data as { id: string }[]
      seen.push(...rows.map(row => row.id))
      const link: string | undefined = /<[^>]*>; rel="prev", <([^>]*)>/.exec(answer.headers.get('link') ?? '')?.[1]
      const next: Record<string, string | undefined> = {
        cursor: answer.body.next_cursor && `/contacts?limit=50&cursor=${answer.body.next_cursor}`,
        offset: rows.length > 0 ? `/contacts?limit=50&offset=${seen.length}` : undefined,
        number: rows.length > 0 ? `/contacts?limit=50&page=${page + 1}` : undefined,
        link: link?.slice(rest.url.length),
      }
      path = next[paging]
    }
    expect(seen).toEqual(Array.from({ length: 100 }, (_, at) => `c${at}`))
  })

  it('finds by a field, by ids, and what changed since', async () => {
    rest.seed('contacts', [
      { id: 'a', email: 'ada@example.com' },
      { id: 'b', name: { last: 'Byron' } },
    ])
    now += 60_000
    rest.asUser().update('contacts', 'b', { phone: '1' })
    const ids = async (query: string) =>
      ((await call('GET', `/contacts?${query}`)).body.data as { id: string }[]).map(({ id }) => id)
    expect(await ids('email=ada@example.com')).toEqual(['a'])
    expect(await ids('name.last=Byron')).toEqual(['b'])
    expect(await ids('ids=b,a,z')).toEqual(['a', 'b'])
    expect(await ids(`updated_since=${new Date(now).toISOString()}`)).toEqual(['b'])
  })
})

describe('writing', () => {
  it('creates under the id given, keeps unique values and idempotency keys', async () => {
    const made = await call('POST', '/contacts', { id: 'a', email: 'ada@example.com' }, { 'idempotency-key': 'k' })
    expect(made).toMatchObject({ status: 201, body: { data: { id: 'a', updated_at: '2026-11-24T10:00:00.123Z' } } })
    const again = await call('POST', '/contacts', { id: 'a', email: 'ada@example.com' }, { 'idempotency-key': 'k' })
    expect(again.body).toEqual(made.body)
    const taken = await call('POST', '/contacts', { email: 'ada@example.com' })
    expect(taken).toMatchObject({ status: 409, body: { error: { code: 'duplicate', existing_id: 'a' } } })
    expect(rest.calls.filter(({ applied }) => applied)).toHaveLength(1)
  })

  it('cuts times to its granularity', async () => {
    rest.settings.granularityMs = 1000
    rest.seed('contacts', [{ id: 'a' }])
    expect(rest.rows('contacts')[0]!.updated_at).toBe('2026-11-24T10:00:00.000Z')
  })

  it('keeps If-Match and If-Unmodified-Since', async () => {
    rest.seed('contacts', [{ id: 'a', n: 1 }])
    const tag = (await call('GET', '/contacts/a')).headers.get('etag')!
    expect((await call('PATCH', '/contacts/a', { n: 2 }, { 'if-match': tag })).status).toBe(200)
    expect((await call('PATCH', '/contacts/a', { n: 3 }, { 'if-match': tag })).status).toBe(412)
    now += 5000
    rest.asUser().update('contacts', 'a', { n: 4 })
    const before = new Date(now - 2000).toUTCString()
    expect((await call('DELETE', '/contacts/a', undefined, { 'if-unmodified-since': before })).status).toBe(412)
    rest.settings.etags = false
    expect((await call('DELETE', '/contacts/a', undefined, { 'if-match': tag })).status).toBe(204)
    expect((await call('GET', '/contacts/a')).status).toBe(404)
  })

  it('keeps the deleted in its trash, and shows them to who asks for changes', async () => {
    rest.settings.softDelete = true
    rest.seed('contacts', [{ id: 'a' }])
    await call('DELETE', '/contacts/a')
    expect((await call('GET', '/contacts')).body.data).toEqual([])
    const changed = await call('GET', '/contacts?updated_since=2026-01-01T00:00:00Z')
    expect(changed.body.data).toMatchObject([{ id: 'a', deleted_at: '2026-11-24T10:00:00.123Z' }])
  })
})

describe('webhooks', () => {
  beforeEach(() => {
    rest.settings.webhook = { url: 'http://127.0.0.1:1/hooks', secret: 's', record: true, changes: true }
    rest.seed('contacts', [{ id: 'a', n: 1 }])
  })

  it('are signed, and tell of edits by people and by calls', async () => {
    rest.asUser('Bob').update('contacts', 'a', { n: 2 })
    await call('PATCH', '/contacts/a', { n: 3 })
    await rest.settled()
    expect(sent.map(({ body }) => JSON.parse(body))).toMatchObject([
      { event: 'contact.updated', actor: { name: 'Bob' }, data: { id: 'a', n: 2 }, changes: ['n'] },
      { event: 'contact.updated', actor: { name: 'api' }, data: { id: 'a', n: 3 } },
    ])
    const { headers, body } = sent[0]!
    const expected = createHmac('sha256', 's').update(`${headers['x-timestamp']}.${body}`).digest('hex')
    expect(headers['x-signature']).toBe(`sha256=${expected}`)
  })

  it('are lost, doubled, held and shuffled when told to', async () => {
    const { webhooks } = rest.faults
    webhooks.loseNext = 1
    rest.asUser().update('contacts', 'a', { n: 2 })
    webhooks.hold = true
    rest.asUser().update('contacts', 'a', { n: 3 })
    rest.asUser().update('contacts', 'a', { n: 4 })
    await rest.settled()
    expect(sent).toEqual([])
    webhooks.hold = false
    await rest.release('reversed')
    expect(sent.map(({ body }) => JSON.parse(body).data.n)).toEqual([4, 3])
    webhooks.duplicateRate = 1
    rest.asUser().delete('contacts', 'a')
    await rest.settled()
    expect(sent.slice(2).map(({ body }) => JSON.parse(body).event)).toEqual(['contact.deleted', 'contact.deleted'])
    expect(rest.deliveries.map(({ status }) => status)).toEqual(['lost', 202, 202, 202, 202])
  })
})

describe('faults', () => {
  it('fail without effect, with the wait that it asks for', async () => {
    Object.assign(rest.faults, { failNext: 1, failStatus: 429, retryAfterSeconds: 7 })
    const answer = await call('POST', '/contacts', { id: 'a' })
    expect(answer.status).toBe(429)
    expect(answer.headers.get('retry-after')).toBe('7')
    expect(rest.rows('contacts')).toEqual([])
  })

  it('lose the answer of what was done, and drop what was not', async () => {
    rest.faults.loseAnswerNext = 1
    await expect(call('POST', '/contacts', { id: 'a' })).rejects.toThrow()
    expect(rest.rows('contacts')).toHaveLength(1)
    rest.faults.resetNext = 1
    await expect(call('DELETE', '/contacts/a')).rejects.toThrow()
    expect(rest.rows('contacts')).toHaveLength(1)
    expect(rest.calls.map(({ status, applied }) => [status, applied])).toEqual([
      [0, true],
      [0, false],
    ])
  })

  it('fail or empty one page', async () => {
    hundred()
    rest.faults.failPageAfter = 1
    expect((await call('GET', '/contacts')).status).toBe(200)
    expect((await call('GET', '/contacts')).status).toBe(503)
    rest.faults.emptyPageAfter = 0
    expect((await call('GET', '/contacts')).body).toEqual({ data: [] })
    expect((await call('GET', '/contacts')).body.data).toHaveLength(100)
  })

  it('has a clock of its own', async () => {
    rest.settings.skewMs = 300_000
    const { headers } = await call('GET', '/me')
    expect(Date.parse(headers.get('date')!)).toBe(Date.parse('2026-11-24T10:05:00.000Z'))
  })
})
