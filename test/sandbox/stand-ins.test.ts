import { createHmac } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { simpleParser } from 'mailparser'
import { afterEach, describe, expect, it } from 'vitest'
import { startSandboxAll } from '../../sandbox/all.ts'
import { startSandboxEnrichment } from '../../sandbox/enrichment/server.ts'
import { startSandboxHttp } from '../../sandbox/http/server.ts'
import { startSandboxInbox } from '../../sandbox/mail/inbox.ts'
import { startSandboxMail } from '../../sandbox/mail/server.ts'
import { startSandboxNewsletter } from '../../sandbox/newsletter/server.ts'
import { startSandboxRecorder, transcriptOf } from '../../sandbox/recorder/server.ts'
import { startSandboxScoring } from '../../sandbox/scoring/server.ts'
import { startSandboxSequences } from '../../sandbox/sequences/server.ts'
import { startSandboxWarehouse } from '../../sandbox/warehouse/server.ts'
import { emailSink, sendMail } from '../support/email-bench.ts'
import { until } from '../support/until.ts'

interface Running {
  readonly url: string
  readonly key?: string
  stop(): Promise<void>
}

const running: Running[] = []
afterEach(async () => {
  for (const each of running.splice(0)) await each.stop()
})

async function started<T extends Running>(starting: Promise<T>): Promise<T> {
  const api = await starting
  running.push(api)
  return api
}

interface Answer {
  readonly data: readonly unknown[]
  readonly results: unknown
  readonly companies: unknown
  readonly access_token?: string
}

async function ask(api: Running, line: string, body?: unknown, headers: Record<string, string> = {}) {
  const [method, path] = line.split(' ') as [string, string]
  const response = await fetch(api.url + path, {
    method,
    headers: { authorization: `Bearer ${api.key}`, 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return [response.status, (await response.json().catch(() => null)) as Answer] as const
}

describe('every stand-in', () => {
  it('lets nobody in without the key, and knows its paths', async () => {
    const api = await started(startSandboxEnrichment({ key: 'k' }))
    expect((await ask(api, 'GET /v1/account', undefined, { authorization: 'Bearer x' }))[0]).toBe(401)
    expect((await ask(api, 'GET /v1/nothing'))[0]).toBe(404)
    expect(api.counts).toEqual({ requests: 2, applied: 0, repeated: 0 })
  })

  it('is read and changed at /sandbox, and starts again with `reset`', async () => {
    const api = await started(startSandboxEnrichment())
    await ask(api, 'PUT /sandbox/state/companies/a.example', { domain: 'a.example', name: 'A' })
    await ask(api, 'PUT /sandbox/faults', { failNext: 1, failStatus: 429, retryAfterSeconds: 2 })
    expect((await ask(api, 'GET /v1/companies/a.example'))[0]).toBe(429)
    expect(await ask(api, 'GET /v1/companies/A.example')).toEqual([
      200,
      { company: { domain: 'a.example', name: 'A' } },
    ])
    expect((await ask(api, 'GET /sandbox/calls'))[1]).toMatchObject([{ status: 429 }, { status: 200 }])
    await ask(api, 'DELETE /sandbox/state/companies/a.example')
    expect((await ask(api, 'GET /sandbox/state'))[1].companies).not.toHaveProperty('a.example')
    expect(await ask(api, 'PUT /sandbox/faults', { failNext: 3, failNxt: 1 })).toMatchObject([
      400,
      { error: expect.stringContaining("no fault 'failNxt'") },
    ])
    expect((await ask(api, 'PUT /sandbox/faults', { failNext: 'all' }))[0]).toBe(400)
    expect((await ask(api, 'PUT /sandbox/state/nothing/a', {}))[0]).toBe(400)
    expect(api.faults.failNext).toBe(0)
    api.stores.companies.clear()
    api.reset()
    expect([api.calls.length, api.stores.companies.size, api.faults.failStatus]).toEqual([0, 2, 500])
  })

  it('holds an answer until the caller has had enough', async () => {
    const api = await started(startSandboxScoring())
    api.faults.holdNext = 1
    const enough = new AbortController()
    const answer = fetch(`${api.url}/v1/model`, { signal: enough.signal })
    await until(() => api.calls.length > 0)
    enough.abort()
    await expect(answer).rejects.toThrow()
    expect(api.calls).toMatchObject([{ status: 0 }])
  })
})

describe('enrichment', () => {
  it('finds people by their address, or nobody', async () => {
    const api = await started(startSandboxEnrichment())
    const path = 'GET /v1/people?email=Grace@northwind.example'
    expect((await ask(api, path))[1]).toMatchObject({ person: { lastName: 'Hopper' } })
    expect((await ask(api, 'GET /v1/people?email=x'))[0]).toBe(422)
    api.faults.notFoundNext = 1
    expect((await ask(api, path))[0]).toBe(404)
  })
})

describe('scoring', () => {
  it('scores by what it is told, or as a test wants it', async () => {
    const api = await started(startSandboxScoring())
    const body = { email: 'a@b.example', jobTitle: 'Head of IT', employees: 300 }
    expect((await ask(api, 'POST /v1/scores', body))[1]).toMatchObject({ score: 75, grade: 'B' })
    api.stores.scores.set('a@b.example', 12)
    expect((await ask(api, 'POST /v1/scores', body))[1]).toMatchObject({ score: 12, grade: 'C' })
    expect((await ask(api, 'POST /v1/scores', {}))[0]).toBe(422)
  })
})

describe('warehouse', () => {
  it('gives out tokens that end, and pages by cursor and time; a page may fail', async () => {
    let now = Date.parse('2026-11-24T10:00:00Z')
    const api = await started(startSandboxWarehouse({ now: () => now, faults: { pageLimit: 1 } }))
    const form = new URLSearchParams({ grant_type: 'client_credentials', client_id: api.clientId })
    const token = async (secret: string) => {
      const body = new URLSearchParams([...form, ['client_secret', secret]])
      const answer = await fetch(`${api.url}/oauth2/token`, { method: 'POST', body })
      return ((await answer.json()) as Answer).access_token
    }
    expect(await token('wrong')).toBeUndefined()
    const headers = { authorization: `Bearer ${await token(api.clientSecret)}` }
    const usage = (query: string) => ask(api, `GET /v1/usage${query}`, undefined, headers)
    const [, first] = await usage('?limit=10')
    expect(first).toMatchObject({ data: [{ account_id: 'acc-1', active_users: 240 }], next_cursor: '1' })
    Object.assign(api.faults, { failPageAfter: 1, failStatus: 503, numbersAsText: true })
    expect((await usage(''))[1].data).toMatchObject([{ active_users: '240', revenue: '12400.50' }])
    expect((await usage('?cursor=1'))[0]).toBe(503)
    expect((await usage('?cursor=1'))[1]).toMatchObject({ data: [{ account_id: 'acc-2' }], next_cursor: null })
    expect((await usage('?updated_since=2026-11-21T00:00:00Z'))[1]).toMatchObject({ data: [{ account_id: 'acc-2' }] })
    now += 3_600_000
    expect((await usage(''))[0]).toBe(401)
  })
})

describe('newsletter', () => {
  it('answers for each member of a batch, and takes nobody back who has unsubscribed', async () => {
    const api = await started(startSandboxNewsletter({ faults: { batchLimit: 4 } }))
    const put = (...emails: string[]) =>
      ask(api, 'POST /v1/audiences/all/subscribers/batch', { subscribers: emails.map(email => ({ email })) })
    expect((await put('a@x.example', 'nonsense'))[1]).toMatchObject({
      added: 1,
      failed: 1,
      results: [{ status: 'added' }, { status: 'failed', error: { code: 'invalid_email', retryable: false } }],
    })
    await ask(api, 'PATCH /v1/audiences/all/subscribers/a@x.example', { status: 'unsubscribed' })
    api.faults.failItemsNext = 1
    expect((await put('b@x.example', 'A@x.example', 'c@x.example'))[1].results).toMatchObject([
      { error: { code: 'temporarily_unavailable', retryable: true } },
      { error: { code: 'unsubscribed' } },
      { status: 'added' },
    ])
    expect((await put('c@x.example', 'b@x.example'))[1]).toMatchObject({ added: 1, updated: 1 })
    expect((await put('1', '2', '3', '4', '5'))[0]).toBe(413)
    const list = await ask(api, 'GET /v1/audiences/all/subscribers?status=subscribed&limit=1')
    expect(list[1]).toMatchObject({ data: [{ email: 'c@x.example' }], next_cursor: '1' })
  })
})

describe('sequences', () => {
  it('enrols once, by key and by address', async () => {
    const api = await started(startSandboxSequences())
    const enrol = (sequence: string, email: string, key?: string) =>
      ask(api, `POST /v1/sequences/${sequence}/enrolments`, { email }, key ? { 'idempotency-key': key } : {})
    const [status, made] = await enrol('newcomers', 'a@b.example', 'k')
    expect(status).toBe(201)
    expect(await enrol('newcomers', 'a@b.example', 'k')).toEqual([201, made])
    expect(await enrol('executives', 'A@b.example')).toEqual([409, { error: expect.objectContaining(made) }])
    expect((await enrol('nothing', 'a@b.example'))[0]).toBe(404)
    expect((await enrol('newcomers', 'a'))[0]).toBe(422)
    expect((await ask(api, 'GET /v1/enrolments?email=a@b.example'))[1].data.length).toBe(1)
  })
})

describe('call recorder', () => {
  it('signs its webhooks, tries again, and sends the same one twice with one id', async () => {
    const receiver = await started(startSandboxHttp())
    const recorder = await started(startSandboxRecorder({ target: receiver.url }))
    receiver.faults.failNext = 1
    const meeting = { id: 'm1', transcript: transcriptOf(100_000) }
    expect(await recorder.finish(meeting)).toEqual([500, 200])
    recorder.faults.duplicates = 1
    expect(await recorder.sendAgain('m1')).toEqual([200, 200])
    const { headers, body } = receiver.calls[0]!
    const id = headers['webhook-id']
    expect(receiver.calls.map(call => call.headers['webhook-id'])).toEqual([id, id, id, id])
    const key = Buffer.from(recorder.secret.slice('whsec_'.length), 'base64')
    const text = `${id}.${headers['webhook-timestamp']}.${body}`
    expect(headers['webhook-signature']).toBe(`v1,${createHmac('sha256', key).update(text).digest('base64')}`)
    expect(body.length).toBeGreaterThan(100_000)
    await recorder.finish(meeting)
    expect(receiver.calls.at(-1)!.headers['webhook-id']).not.toBe(id)
    recorder.faults.loseNext = 1
    expect(await recorder.sendAgain('m1')).toEqual([])
    recorder.target = 'http://127.0.0.1:1/'
    expect(await recorder.sendAgain('m1')).toEqual([0, 0, 0, 0, 0, 0])
  })
})

describe('mail', () => {
  it('is taken and kept, with what its lines begin with', async () => {
    const server = await started(startSandboxMail())
    const sink = emailSink({ url: server.url })
    await sendMail(sink, { subject: 'Grüße', text: 'Hello\n.\n..two dots' })
    const inbox = await started(startSandboxInbox(server))
    await sendMail(sink, { to: ['a@x.example', 'b@x.example'] })
    expect(server.mails).toMatchObject([{ to: ['sales@example.com'] }, { to: ['a@x.example', 'b@x.example'] }])
    expect(await simpleParser(server.mails[0]!.raw)).toMatchObject({ subject: 'Grüße', text: 'Hello\n.\n..two dots' })
    expect((await ask(inbox, 'GET /sandbox/state'))[1]).toMatchObject({
      mails: { 1: { to: ['a@x.example', 'b@x.example'] } },
    })
    await sink.close?.()
  })
})

describe('all of them', () => {
  it('start together, with a Twenty that has the fields and addresses that the configs read', async () => {
    const all = await started(startSandboxAll({ port: 0, apiKey: 'k' }))
    expect(all.systems.map(({ name }) => name)).toContain('recorder')
    expect(new Set(all.systems.map(({ url }) => url)).size).toBe(all.systems.length)
    const objects = await ask({ ...all, key: 'k' }, 'GET /rest/metadata/objects')
    expect(JSON.stringify(objects[1])).toContain('"leadScore"')
    const folder = resolve(import.meta.dirname, '../../config')
    const texts = readdirSync(folder)
      .filter(name => name.endsWith('.yaml'))
      .map(name => readFileSync(join(folder, name), 'utf8'))
    const read = texts.flatMap(text => [...text.matchAll(/\$\{([A-Z_]+)\}/g)].map(([, name]) => name))
    expect(read.filter(name => !Object.hasOwn(all.variables, name!))).toEqual([])
  })

  it('shows of each what it knows, what came and how it fails', async () => {
    const all = await started(startSandboxAll({ port: 0, apiKey: 'k' }))
    all.parts.erp.seed('contacts', [{ email: 'ada@example.com' }])
    await fetch(all.variables.SLACK_WEBHOOK_URL!, { method: 'POST', body: '{"text":"Hi"}' })
    const shown = async (url: string, what: string) => (await fetch(`${url}/sandbox/${what}`)).json()
    for (const { url } of all.systems.filter(each => each.url.startsWith('http:'))) {
      for (const what of ['state', 'calls', 'faults']) expect(await shown(url, what), url + what).toBeTypeOf('object')
    }
    const { erp, slack } = all.parts
    expect(await shown(erp.url, 'state')).toMatchObject({ contacts: [{ email: 'ada@example.com' }] })
    expect(await shown(slack.url, 'calls')).toMatchObject([{ method: 'POST', body: '{"text":"Hi"}' }])
    await fetch(`${erp.url}/sandbox/faults`, { method: 'PUT', body: '{"failNext":1,"failStatus":429}' })
    expect(erp.faults).toMatchObject({ failNext: 1, failStatus: 429 })
  })
})
