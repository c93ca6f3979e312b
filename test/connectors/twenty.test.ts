import { createHmac } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { TwentyConfig } from '../../src/clients/twenty/config.ts'
import type { Connector, IncomingRequest, Page, Received } from '../../src/connectors/connector.ts'
import twentyConnector from '../../src/connectors/twenty.ts'
import type { ChangeEvent } from '../../src/event.ts'
import { type TwentyBench, twentyBench } from '../support/twenty-bench.ts'

const SECRET = 'whsec_test'
const PATH = 'http://127.0.0.1:1/hooks/twenty'

let bench: TwentyBench
let connector: Connector
let heard: Received[]

function connect(config: Partial<TwentyConfig> = {}, publicUrl?: string): Connector {
  return twentyConnector.create(
    { ...bench.config, webhookSecret: SECRET, ...config },
    { ...bench.context, client: bench.client, objects: ['person', 'company'], ...(publicUrl && { publicUrl }) },
  )
}

/** What came by webhook, as the log would take it. */
const events = () => heard.flatMap(received => received.events)
const dropped = () => heard.flatMap(received => received.dropped ?? [])

beforeEach(async () => {
  heard = []
  bench = await twentyBench({
    sandbox: {
      faults: { rateLimit: { enabled: false } },
      send: async (_url, headers, body) => {
        const received = await connector.receive!(requestOf(body, headers))
        heard.push(received)
        received.appended?.()
        return 202
      },
    },
  })
  connector = connect()
  await bench.client.schemas.refresh()
})
afterEach(() => bench.stop())

function requestOf(body: string, headers: Readonly<Record<string, string>>, receivedAt = Date.now()): IncomingRequest {
  const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
  return { method: 'POST', path: '/hooks/twenty', query: {}, headers: lower, body: Buffer.from(body), receivedAt }
}

async function subscribe(operations = ['*.*']): Promise<void> {
  await bench.client.saveWebhook({ targetUrl: PATH, operations, secret: SECRET })
}

/** From a minute ago, so that not even a `Date` header of whole seconds makes them look new. */
function seedOld(object: string, records: readonly unknown[]) {
  bench.twenty.faults.clock.skewMs = -60_000
  const rows = bench.twenty.seed(object, records)
  bench.twenty.faults.clock.skewMs = 0
  return rows
}

const me = () => bench.twenty.asUser(String(bench.twenty.members[0]!.id))

/** One walk, as the runtime drives it: cursor and notes are kept, the next page is asked for after the append. */
let cursor: unknown
async function poll(from: Connector = connector, seen: (page: Page) => void = () => {}): Promise<ChangeEvent[]> {
  const found: ChangeEvent[] = []
  for await (const page of from.poll!(cursor, new AbortController().signal)) {
    seen(page)
    found.push(...page.events)
    await keep(page)
  }
  return found
}

async function keep({ cursor: next, notes = [] }: Page): Promise<void> {
  cursor = JSON.parse(JSON.stringify(next))
  if (notes.length > 0) await bench.context.state.commit([...notes])
}

beforeEach(() => {
  cursor = undefined
})

describe('webhook', () => {
  beforeEach(() => subscribe())

  it('gives the record as it is after the change', async () => {
    const [ada] = bench.twenty.seed('people', [{ emails: { primaryEmail: 'ada@example.com' } }])
    me().update('people', String(ada!.id), { jobTitle: 'CTO' })
    await bench.twenty.waitForDeliveries(1)
    const [event] = events()
    expect(event).toMatchObject({
      type: 'person.updated',
      source: '/twenty',
      subject: `person/${ada!.id}`,
      key: ada!.id,
      time: bench.twenty.rows('people')[0]!.updatedAt,
      changed: ['jobTitle'],
      data: { id: ada!.id, jobTitle: 'CTO', emails: { primaryEmail: 'ada@example.com' } },
      extensions: { workspacememberid: bench.twenty.members[0]!.id },
    })
    expect(Object.keys(event!.extensions!).sort()).toEqual([
      'eventdate',
      'userid',
      'via',
      'webhookid',
      'workspacememberid',
    ])
  })

  it.each([true, false])('names a relation by its key, whatever the version lists (both: %s)', async both => {
    bench.twenty.faults.versions.updatedFieldsNameRelations = both
    const [acme] = bench.twenty.seed('companies', [{ name: 'Acme' }])
    const [ada] = bench.twenty.seed('people', [{ jobTitle: 'x' }])
    me().update('people', String(ada!.id), { companyId: acme!.id })
    await bench.twenty.waitForDeliveries(1)
    expect(events()[0]!.changed).toEqual(['companyId'])
  })

  it('says when an upsert brought a record back out of the trash', async () => {
    const [ada] = bench.twenty.seed('people', [{ jobTitle: 'x' }])
    me().softDelete('people', String(ada!.id))
    const person = (await bench.client.schemas.get()).object('person')
    await bench.client.upsert(person, [{ id: String(ada!.id), jobTitle: 'y' }])
    await bench.twenty.waitForDeliveries(2)
    const event = events().at(-1)!
    expect(event).toMatchObject({ type: 'person.updated', data: { deletedAt: null }, extensions: { via: 'webhook' } })
    expect([...event.changed!].sort()).toEqual(['deletedAt', 'jobTitle'])
  })

  it('drops and counts what is no change of content', async () => {
    const [ada] = bench.twenty.seed('people', [{ jobTitle: 'x' }])
    me().update('people', String(ada!.id), { position: 7 })
    bench.twenty.seed('opportunities', [])
    await bench.client.create((await bench.client.schemas.get()).object('opportunity'), [
      { id: '11111111-1111-4111-8111-111111111111', name: 'Deal' },
    ])
    bench.twenty.sendMetadataEvent('fieldMetadata', 'created')
    await bench.twenty.waitForDeliveries(3)
    expect(events()).toEqual([])
    expect(dropped().sort()).toEqual(['metadata', 'position-only', 'unused-object'])
  })

  it('takes the actions of a life', async () => {
    const { id } = me().create('people', { jobTitle: 'x' }) as { id: string }
    me().update('people', id, { jobTitle: 'y' })
    me().softDelete('people', id)
    me().restore('people', id)
    me().destroy('people', id)
    await bench.twenty.waitForDeliveries(5)
    expect(
      events()
        .map(event => [event.type, event.changed])
        .sort(),
    ).toEqual([
      ['person.created', undefined],
      ['person.deleted', ['deletedAt']],
      ['person.destroyed', undefined],
      ['person.restored', ['deletedAt']],
      ['person.updated', ['jobTitle']],
    ])
  })

  it('a repeated delivery has the same id', async () => {
    bench.twenty.faults.webhooks.duplicates = 2
    const [ada] = bench.twenty.seed('people', [{ jobTitle: 'x' }])
    me().update('people', String(ada!.id), { jobTitle: 'y' })
    await bench.twenty.waitForDeliveries(3)
    expect(events()).toHaveLength(3)
    expect(new Set(events().map(event => event.id)).size).toBe(1)
  })
})

describe('signature', () => {
  const body =
    '{"targetUrl":"https://sync.example.com/hooks/twenty","eventName":"person.updated","objectMetadata":{"id":"11111111-1111-4111-8111-111111111111","nameSingular":"person"},"workspaceId":"22222222-2222-4222-8222-222222222222","webhookId":"33333333-3333-4333-8333-333333333333","eventDate":"2026-11-24T10:00:00.000Z","record":{"id":"44444444-4444-4444-8444-444444444444","jobTitle":"CTO"},"updatedFields":["jobTitle"]}'
  const at = 1795514400000
  const vector = '582723ad6cea9a3af23fadad8428a94595fb093ce66b17619a467506f6a88ae2'
  const signed = (timestamp: string | number, signature = vector) => ({
    'x-twenty-webhook-timestamp': String(timestamp),
    'x-twenty-webhook-signature': signature,
    'x-twenty-webhook-nonce': 'anything at all',
  })
  const receive = (headers: Record<string, string>, now = at, text = body, of = connector) =>
    of.receive!(requestOf(text, headers, now))
  const refusal = (reason: string) => ({ kind: 'rejected', status: 401, details: { reason } })

  it('takes the known vector', async () => {
    expect((await receive(signed(at))).events).toHaveLength(1)
  })

  it.each([
    ['a second too old', signed(at), at + 300_001, 'timestamp'],
    ['a second too new', signed(at), at - 300_001, 'timestamp'],
    ['no timestamp', signed('soon'), at, 'timestamp'],
    ['seconds', signed(at / 1000), at, 'timestamp'],
    ['another timestamp', signed(at + 1), at, 'signature'],
    ['a wrong signature', signed(at, vector.replace('5', '6')), at, 'signature'],
    ['more after the signature', signed(at, `${vector}zz`), at, 'signature'],
    ['upper case', signed(at, vector.toUpperCase()), at, 'signature'],
    ['nothing', {}, at, 'unsigned'],
  ])('refuses %s', async (_, headers, now, reason) => {
    await expect(receive(headers, now)).rejects.toMatchObject(refusal(reason))
  })

  it('takes both ends of the tolerance', async () => {
    for (const now of [at + 299_999, at - 299_999]) expect((await receive(signed(at), now)).events).toHaveLength(1)
  })

  it('refuses the same object in other bytes', async () => {
    await expect(receive(signed(at), at, JSON.stringify(JSON.parse(body), null, 1))).rejects.toMatchObject(
      refusal('signature'),
    )
  })

  it('takes a secret that is being replaced', async () => {
    const rotating = connect({ webhookSecret: 'new', previousWebhookSecrets: [SECRET] })
    expect((await receive(signed(at), at, body, rotating)).events).toHaveLength(1)
    const later = connect({ webhookSecret: 'new' })
    await expect(receive(signed(at), at, body, later)).rejects.toMatchObject(refusal('signature'))
  })

  it('without a secret takes deliveries only when told so', async () => {
    const none = connect({ webhookSecret: undefined })
    await expect(receive({}, at, body, none)).rejects.toMatchObject(refusal('no-secret'))
    expect((await receive({}, at, body, connect({ webhookSecret: undefined, unsigned: true }))).events).toHaveLength(1)
  })

  it.each([
    '',
    'x',
    'null',
    '[]',
    '{}',
    '{"eventName":1}',
    '{"eventName":"person.updated"}',
    '{"eventName":"person.updated","record":{}}',
    '{"eventName":"person.updated","record":{"id":"a/b","updatedAt":"2026-11-24T10:00:00Z"}}',
    '{"eventName":"person.updated","record":{"id":"a"}}',
    '{"eventName":"updated","record":{"id":"a","updatedAt":"2026-11-24T10:00:00Z"}}',
    `{"eventName":"person.updated","record":{"id":"a","updatedAt":"2026-11-24T10:00:00Z","jobTitle":${'['.repeat(5000)}${']'.repeat(5000)}}}`,
  ])('answers 400 to a signed body that is no delivery: %.40s', async text => {
    const signature = createHmac('sha256', SECRET).update(`${at}:${text}`).digest('hex')
    await expect(receive(signed(at, signature), at, text)).rejects.toMatchObject({ kind: 'rejected', status: 400 })
  })
})

describe('poll', () => {
  it('first learns what exists, then gives what changes', async () => {
    const [ada, bob] = seedOld('people', [{ jobTitle: 'a' }, { jobTitle: 'b' }])
    expect(await poll()).toEqual([])
    me().update('people', String(ada!.id), { jobTitle: 'new', city: undefined })
    me().softDelete('people', String(bob!.id))
    const { id } = me().create('people', { jobTitle: 'c' }) as { id: string }
    const found = await poll()
    expect(found.map(event => [event.type, event.key, event.changed]).sort()).toEqual(
      [
        ['person.created', id, undefined],
        ['person.deleted', bob!.id, ['deletedAt']],
        ['person.updated', ada!.id, ['jobTitle']],
      ].sort(),
    )
    me().restore('people', String(bob!.id))
    me().update('people', String(ada!.id), { position: 12 })
    expect((await poll()).map(event => event.type)).toEqual(['person.restored'])
    me().update('people', String(ada!.id), { position: 13 })
    const dropped: unknown[] = []
    expect(await poll(undefined, ({ dropped: some }) => some && dropped.push(some))).toEqual([])
    expect(dropped).toEqual([{ 'position-only': 1 }])
  })

  it('with snapshot gives what exists as created, once', async () => {
    seedOld(
      'people',
      Array.from({ length: 450 }, (_, at) => ({ jobTitle: String(at) })),
    )
    const found = await poll(connect({ snapshot: true }))
    expect(found).toHaveLength(450)
    expect(new Set(found.map(event => event.type))).toEqual(new Set(['person.created']))
    expect(await poll(connect({ snapshot: true }))).toEqual([])
  })

  it('is silent about what the webhook brought, and gives the same id for what it did not', async () => {
    await poll()
    await subscribe()
    const { id } = me().create('people', { jobTitle: 'a', emails: { primaryEmail: 'A@example.com' } }) as { id: string }
    me().update('people', id, { jobTitle: 'b' })
    await bench.twenty.waitForDeliveries(2)
    expect(await poll()).toEqual([])
    // The append failed, or the daemon died: nothing was noted.
    bench.twenty.faults.webhooks.dropNext = 0
    const unheard = connect()
    const byWebhook: ChangeEvent[] = []
    connector = {
      ...unheard,
      objects: unheard.objects,
      receive: async request => {
        const received = await unheard.receive!(request)
        byWebhook.push(...received.events)
        return { events: received.events }
      },
    }
    me().update('people', id, { jobTitle: 'c' })
    me().softDelete('people', id)
    me().create('companies', { name: 'Acme', domainName: { primaryLinkUrl: 'https://www.acme.com/' } })
    await bench.twenty.waitForDeliveries(5)
    const byPoll = await poll(unheard)
    expect(byPoll.map(event => event.type).sort()).toEqual(['company.created', 'person.deleted'])
    expect(byWebhook.map(event => event.id)).toEqual(expect.arrayContaining(byPoll.map(event => event.id)))
    for (const event of byPoll) {
      const same = byWebhook.find(other => other.id === event.id)
      expect(same).toMatchObject({ type: event.type, time: event.time, subject: event.subject })
    }
  })

  it.each([
    { emptyTextAs: 'empty', numericAs: 'string', searchVectorInRecord: true },
    { stampsUpdatedByOnSoftDelete: true, stampsUpdatedBy: false },
  ] as const)('ids agree on other versions: %o', async versions => {
    Object.assign(bench.twenty.faults.versions, versions)
    await poll()
    await subscribe()
    connector = {
      objects: connector.objects,
      receive: connector.receive!.bind(connector),
      poll: connector.poll!.bind(connector),
    }
    const { id } = me().create('companies', {
      name: 'Acme',
      annualRevenue: { amountMicros: 5_000_000, currencyCode: 'EUR' },
    }) as {
      id: string
    }
    me().update('companies', id, { name: '' })
    await bench.twenty.waitForDeliveries(2)
    const fresh = await twentyConnectorOnNewState()
    const [found] = await fresh.poll()
    expect(events().map(event => event.id)).toContain(found!.id)
  })

  it('P2: a walk that was cut off goes on behind the last page that was stored', async () => {
    await poll()
    bench.twenty.seed(
      'people',
      Array.from({ length: 450 }, (_, at) => ({ jobTitle: String(at) })),
    )
    const found: string[] = []
    for await (const page of connector.poll!(cursor, new AbortController().signal)) {
      found.push(...page.events.map(event => event.key))
      await keep(page)
      break
    }
    expect(found).toHaveLength(200)
    bench.twenty.resetCalls()
    const rest = await poll(connect())
    expect(rest.map(event => event.key).filter(key => found.includes(key))).toEqual([])
    expect(new Set([...found, ...rest.map(event => event.key)]).size).toBe(450)
    expect(bench.twenty.calls.filter(call => call.path === '/rest/people')).toHaveLength(2)
  })

  it("since is by the server's clock, whatever ours says", async () => {
    bench.twenty.faults.clock.skewMs = -3_660_000
    const [ada] = bench.twenty.seed('people', [{ jobTitle: 'a' }])
    bench.twenty.faults.clock.skewMs = -3_600_000
    await poll(connect({ pollOverlap: '5s' }))
    me().update('people', String(ada!.id), { jobTitle: 'b' })
    expect((await poll(connect({ pollOverlap: '5s' }))).map(event => event.type)).toEqual(['person.updated'])
  })

  it('what happens while the first walk runs is news', async () => {
    seedOld(
      'people',
      Array.from({ length: 250 }, (_, at) => ({ jobTitle: String(at) })),
    )
    const walk = connector.poll!(undefined, new AbortController().signal)[Symbol.asyncIterator]()
    const first = (await walk.next()).value
    await keep(first)
    const found = [...first.events]
    // Date headers are whole seconds: what is made in the same one counts as made during the walk.
    const { id } = me().create('people', { jobTitle: 'new' }) as { id: string }
    for (let next = await walk.next(); !next.done; next = await walk.next()) {
      found.push(...next.value.events)
      await keep(next.value)
    }
    // Where its id lies before the walk's place the next poll, which looks back to the walk's start, finds it.
    found.push(...(await poll()))
    expect(found.filter(event => event.key === id).map(event => event.type)).toEqual(['person.created'])
  })
})

async function twentyConnectorOnNewState() {
  const { memoryState } = await import('../../src/state/memory.ts')
  const state = memoryState({ clock: bench.env.clock })
  const fresh = twentyConnector.create(
    { ...bench.config, webhookSecret: SECRET },
    { ...bench.context, state, client: bench.client, objects: ['company'] },
  )
  // A past first walk, so that what exists counts as changed.
  const since = new Date(Date.now() - 3_600_000).toISOString()
  return {
    async poll() {
      const found: ChangeEvent[] = []
      const from = { objects: { company: { since, knownFrom: new Date(Date.now() + 60_000).toISOString() } } }
      for await (const page of fresh.poll!(from, new AbortController().signal)) found.push(...page.events)
      return found
    },
  }
}

describe('destroyed records', () => {
  const everyPoll = { findDestroyedEvery: '0s' }

  it('are found where a crash came as soon as the page that showed them was stored (P2)', async () => {
    const config = { ...everyPoll, pollOverlap: '0s' }
    const [ada] = seedOld('people', [{ jobTitle: 'a' }, { jobTitle: 'b' }])
    for await (const page of connect(config).poll!(undefined, new AbortController().signal)) {
      await keep(page)
      if ((page.seen ?? 0) > 0) break
    }
    await poll(connect(config))
    me().destroy('people', String(ada!.id))
    expect((await poll(connect(config))).map(({ type, key }) => `${type} ${key}`)).toEqual([
      `person.destroyed ${ada!.id}`,
    ])
  })

  async function destroyQuietly(ids: readonly unknown[]): Promise<void> {
    for (const id of ids) me().destroy('people', String(id))
  }

  it('P7: are found by a complete walk of the ids', async () => {
    const rows = seedOld(
      'people',
      Array.from({ length: 450 }, (_, at) => ({ jobTitle: String(at) })),
    )
    await poll(connect(everyPoll))
    await destroyQuietly([rows[3]!.id, rows[300]!.id])
    const found = await poll(connect(everyPoll))
    expect(found.map(event => [event.type, event.key]).sort()).toEqual(
      [rows[3]!.id, rows[300]!.id].map(id => ['person.destroyed', id]).sort(),
    )
    expect(await poll(connect(everyPoll))).toEqual([])
  })

  it('P7: too many at once are not believed, and neither is an empty workspace', async () => {
    const rows = seedOld(
      'people',
      Array.from({ length: 60 }, (_, at) => ({ jobTitle: String(at) })),
    )
    await poll(connect(everyPoll))
    await destroyQuietly(rows.slice(0, 21).map(row => row.id))
    expect(await poll(connect(everyPoll))).toEqual([])
    expect(await poll(connect({ ...everyPoll, destroyedGuard: 50 }))).toHaveLength(21)
    await destroyQuietly(rows.slice(21).map(row => row.id))
    expect(await poll(connect({ ...everyPoll, destroyedGuard: 100 }))).toEqual([])
  })

  it('P7: nothing is concluded from a walk that failed', async () => {
    const rows = seedOld(
      'people',
      Array.from({ length: 450 }, (_, at) => ({ jobTitle: String(at) })),
    )
    await poll(connect(everyPoll))
    await destroyQuietly([rows[0]!.id])
    bench.twenty.faults.http.deniedObjects = ['companies']
    await expect(poll(connect(everyPoll))).rejects.toMatchObject({ code: 'TWENTY_AUTH' })
    bench.twenty.faults.http.deniedObjects = []
    expect(await poll(connect(everyPoll))).toHaveLength(1)
  })
})

describe('check', () => {
  const signal = new AbortController().signal

  it('registers the webhook once, mends it, and leaves a wider one alone', async () => {
    const register = () => connect({ registerWebhook: true }, 'http://127.0.0.1:1/').check!(signal)
    await register()
    await register()
    const [webhook, ...others] = await bench.client.webhooks()
    expect(others).toEqual([])
    expect(webhook).toMatchObject({
      targetUrl: PATH,
      operations: ['person.*', 'company.*', 'metadata.*.*'],
      secret: SECRET,
    })
    await bench.client.saveWebhook({ ...webhook!, operations: ['person.created'], secret: 'other' })
    await register()
    expect(await bench.client.webhooks()).toMatchObject([{ operations: webhook!.operations, secret: SECRET }])
    await bench.client.saveWebhook({ ...webhook!, operations: ['*.*'] })
    bench.twenty.resetCalls()
    await register()
    expect(bench.twenty.calls.map(call => call.method)).toEqual(['GET'])
  })

  it('says what is missing', async () => {
    await expect(connect({ registerWebhook: true }).check!(signal)).rejects.toMatchObject({
      code: 'NO_PUBLIC_URL',
      message: expect.stringContaining('server.publicUrl'),
    })
  })
})
