import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type SandboxTwenty, startSandboxTwenty } from '../../sandbox/twenty/server.ts'

describe('HTTP faults', () => {
  let sandbox: SandboxTwenty

  beforeEach(async () => {
    sandbox = await startSandboxTwenty()
  })

  afterEach(() => sandbox.stop())

  const call = (method: string, path: string, body?: unknown) =>
    fetch(sandbox.url + path, {
      method,
      headers: { authorization: `Bearer ${sandbox.apiKey}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })

  it('fail the next n with a status, applying nothing', async () => {
    Object.assign(sandbox.faults.http, { failNext: 2, failStatus: 503, retryAfterSeconds: 7, scope: 'writes' })
    expect((await call('GET', '/rest/people')).status).toBe(200)
    const failed = await call('POST', '/rest/people', {})
    expect(failed.status).toBe(503)
    expect(failed.headers.get('retry-after')).toBe('7')
    expect((await call('POST', '/rest/people', {})).status).toBe(503)
    expect((await call('POST', '/rest/people', {})).status).toBe(201)
    expect(sandbox.rows('people')).toHaveLength(1)
  })

  it('lose an answer after the change, or the connection before it', async () => {
    sandbox.faults.http.loseAnswerNext = 1
    await expect(call('POST', '/rest/people', { jobTitle: 'applied' })).rejects.toThrow()
    expect(sandbox.rows('people')).toHaveLength(1)
    sandbox.faults.http.resetNext = 1
    await expect(call('POST', '/rest/people', { jobTitle: 'not applied' })).rejects.toThrow()
    expect(sandbox.rows('people')).toHaveLength(1)
    expect(sandbox.calls.map(each => each.status)).toEqual([0, 0])
  })

  it('stop a batch half-way, leaving its first rows', async () => {
    Object.assign(sandbox.faults.http, { failBatchNext: 1, failBatchAfterRows: 2 })
    expect((await call('POST', '/rest/batch/people', [{}, {}, {}])).status).toBe(500)
    expect(sandbox.rows('people')).toHaveLength(2)
    expect((await call('POST', '/rest/batch/people', [{}, {}, {}])).status).toBe(201)
  })

  it('refuse the key, an object, or the data model', async () => {
    sandbox.faults.http.unauthorized = true
    expect((await call('GET', '/rest/people')).status).toBe(401)
    sandbox.faults.http.unauthorized = false
    sandbox.faults.http.deniedObjects = ['people']
    const denied = await call('GET', '/rest/people')
    expect(denied.status).toBe(400)
    expect(await denied.json()).toMatchObject({ code: 'PERMISSION_DENIED' })
    expect((await call('GET', '/rest/companies')).status).toBe(200)
    sandbox.faults.http.metadataForbidden = true
    expect((await call('GET', '/rest/metadata/objects')).status).toBe(403)
    expect((await call('POST', '/rest/webhooks', {})).status).toBe(403)
  })

  it('skew the clock and coarsen it', async () => {
    sandbox.faults.clock.skewMs = -3_600_000
    const early = await call('POST', '/rest/people?depth=0', {})
    const { createdAt } = ((await early.json()) as { data: { createPerson: { createdAt: string } } }).data.createPerson
    expect(Date.now() - Date.parse(createdAt)).toBeGreaterThan(3_500_000)
    expect(Date.now() - Date.parse(early.headers.get('date')!)).toBeGreaterThan(3_500_000)
    sandbox.faults.clock.granularityMs = 1_000
    const coarse = (await (await call('POST', '/rest/people?depth=0', {})).json()) as typeof early & {
      data: { createPerson: { updatedAt: string } }
    }
    expect(coarse.data.createPerson.updatedAt).toMatch(/\.000Z$/)
  })

  it('can be set over HTTP, one by one, and a wrong name changes nothing', async () => {
    const put = (body: unknown) => fetch(`${sandbox.url}/sandbox/faults`, { method: 'PUT', body: JSON.stringify(body) })
    const wrong = await put({ http: { failNext: 9, failStatuss: 1 } })
    expect(wrong.status).toBe(400)
    expect(await wrong.json()).toMatchObject({ messages: [expect.stringContaining('failStatus')] })
    expect((await put({ http: { failNext: 'all' } })).status).toBe(400)
    expect(sandbox.faults.http.failNext).toBe(0)
    expect((await put({ http: { failNext: 1 }, webhooks: { capPerMinute: 60 } })).status).toBe(200)
    expect(sandbox.faults.webhooks.capPerMinute).toBe(60)
    expect((await call('GET', '/rest/people')).status).toBe(500)
  })

  it('leave the ledger, the state and edits within reach', async () => {
    await call('GET', '/rest/people?limit=1')
    const get = async (path: string) => (await fetch(sandbox.url + path)).json()
    expect(await get('/sandbox/calls')).toMatchObject([
      { method: 'GET', path: '/rest/people', query: 'limit=1', status: 200 },
    ])
    const edited = await fetch(`${sandbox.url}/sandbox/edit`, {
      method: 'POST',
      body: JSON.stringify({ action: 'create', object: 'people', values: { jobTitle: 'By hand' } }),
    })
    expect(await edited.json()).toMatchObject({ jobTitle: 'By hand', createdBy: { source: 'MANUAL' } })
    expect(await get('/sandbox/state')).toMatchObject({ objects: { people: { live: 1, deleted: 0 } } })
    expect(await get('/sandbox/rows/people')).toHaveLength(1)
    expect((await fetch(`${sandbox.url}/sandbox/nothing`)).status).toBe(404)
  })
})
