import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { RestConfig } from '../../src/clients/rest/config.ts'
import type { ResourceConfig } from '../../src/clients/rest/resource-config.ts'
import type { Connector, IncomingRequest, Page, Received } from '../../src/connectors/connector.ts'
import restConnector from '../../src/connectors/rest.ts'
import type { ChangeEvent } from '../../src/event.ts'
import restSink from '../../src/sinks/rest.ts'
import { CONTACTS, type RestBench, restBench } from '../support/rest-bench.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const SECRET = 'rest-test-secret'

let bench: RestBench
let clock: VirtualClock
let connector: Connector
let cursor: unknown
let heard: Received[]

const webhook: RestConfig['webhook'] = {
  verify: {
    scheme: 'hmac',
    secret: SECRET,
    header: 'x-signature',
    prefix: 'sha256=',
    timestampHeader: 'x-timestamp',
    signed: '{timestamp}.{body}',
  },
  kind: 'event',
}

beforeEach(async () => {
  clock = new VirtualClock()
  cursor = undefined
  heard = []
  bench = await restBench({
    clock,
    sandbox: {
      now: () => clock.now(),
      settings: { webhook: { url: 'http://127.0.0.1:1/hooks/erp', secret: SECRET, record: true, changes: true } },
      send: async (_url, headers, body) => {
        const received = await connector.receive!(requestOf(body, headers))
        heard.push(received)
        received.appended?.()
        return 202
      },
    },
  })
  connect()
})
afterEach(() => bench.stop())

function connect(
  config: Partial<RestConfig> = {},
  contacts: Partial<ResourceConfig> = {},
  resources: RestConfig['resources'] = { contacts: { ...CONTACTS, ...contacts } },
): void {
  const whole = { ...bench.config, webhook, ...config, resources }
  const client = restSink.client!(whole, bench.context)
  connector = restConnector.create(whole, { ...bench.context, client, objects: Object.keys(resources) })
}

function requestOf(body: string, headers: Readonly<Record<string, string>>, query = {}): IncomingRequest {
  return { method: 'POST', path: '/hooks/erp', query, headers, body: Buffer.from(body), receivedAt: clock.now() }
}

const events = () => heard.flatMap(received => received.events)

/** One walk, as the runtime drives it: cursor and notes are kept, the next page is asked for after the append. */
async function poll(each: (page: Page) => void = () => {}): Promise<ChangeEvent[]> {
  const found: ChangeEvent[] = []
  for await (const page of connector.poll!(cursor, new AbortController().signal)) {
    found.push(...page.events)
    cursor = JSON.parse(JSON.stringify(page.cursor))
    if (page.notes) await bench.state.commit([...page.notes])
    each(page)
  }
  return found
}

const seed = (count: number) =>
  bench.rest.seed(
    'contacts',
    Array.from({ length: count }, (_, at) => ({ id: `c${at}`, email: `c${at}@x.com`, n: at })),
  )
const told = (found: readonly ChangeEvent[]) => found.map(({ type, key }) => `${type} ${key}`)
const changeOf = (event: ChangeEvent, contacts: Partial<ResourceConfig> = {}) => bench.peer(contacts).changeOf(event)

describe('webhook', () => {
  it('gives the record as it is after the change, and who changed what', async () => {
    seed(1)
    await clock.advance(1000)
    bench.rest.asUser('Bob').update('contacts', 'c0', { n: 7 })
    await bench.rest.settled()
    const [event] = events()
    expect(event).toMatchObject({
      type: 'contacts.updated',
      source: '/erp',
      subject: 'contacts/c0',
      key: 'c0',
      time: bench.rest.rows('contacts')[0]!.updated_at,
      changed: ['n'],
      data: { id: 'c0', n: 7 },
      extensions: { via: 'webhook', actor: 'Bob' },
    })
    expect(changeOf(event!)).toMatchObject({
      kind: 'present',
      changed: ['n'],
      by: 'Bob',
      record: { id: 'c0', deleted: false },
    })
  })

  it('refuses what is not signed, and what names no record', async () => {
    await expect(connector.receive!(requestOf('{}', {}))).rejects.toMatchObject({ code: 'NOT_VERIFIED', status: 401 })
    connect({ webhook: { verify: 'none', kind: 'event' } })
    const body = JSON.stringify({ event: 'contact.updated', data: {} })
    await expect(connector.receive!(requestOf(body, {}))).rejects.toMatchObject({ code: 'NOT_A_DELIVERY', status: 400 })
    const other = JSON.stringify({ event: 'invoice.paid', data: { id: 'x' } })
    expect(await connector.receive!(requestOf(other, {}))).toMatchObject({ events: [], dropped: 'unknown-kind' })
  })

  it('is told by its address which resource it is about, where kinds do not', async () => {
    connect({ webhook: { verify: 'none' } }, { webhook: { id: 'id' } })
    const { events: found } = await connector.receive!(requestOf('{"id":7}', {}, { object: 'contacts' }))
    expect(told(found)).toEqual(['contacts.updated 7'])
    expect((await connector.receive!(requestOf('{"id":7}', {}, { object: 'deals' }))).dropped).toBe('unknown-kind')
  })

  it('that only names the record makes whoever needs it read', async () => {
    bench.rest.settings.webhook!.record = false
    seed(1)
    bench.rest.asUser().update('contacts', 'c0', { n: 7 })
    bench.rest.asUser().update('contacts', 'c0', { n: 8 })
    await bench.rest.settled()
    const [first, second] = events()
    expect(first!.data).toEqual({ id: 'c0' })
    expect(first!.id).not.toBe(second!.id)
    expect(changeOf(first!)).toMatchObject({ kind: 'present', incomplete: true, record: { id: 'c0', data: {} } })
  })

  it('of a delete says that the record is gone, or to look where there is a trash', async () => {
    seed(2)
    bench.rest.asUser().delete('contacts', 'c0')
    await bench.rest.settled()
    expect(changeOf(events()[0]!)).toMatchObject({
      kind: 'destroyed',
      record: { id: 'c0', deleted: true, data: { n: 0 } },
    })
    connect({}, { deleted: 'deleted_at' })
    bench.rest.settings.softDelete = true
    bench.rest.asUser().delete('contacts', 'c1')
    await bench.rest.settled()
    expect(changeOf(events()[1]!)).toMatchObject({ kind: 'deleted', record: { id: 'c1', deleted: true } })
    bench.rest.settings.webhook!.record = false
    bench.rest.seed('contacts', [{ id: 'c2' }])
    bench.rest.asUser().delete('contacts', 'c2')
    await bench.rest.settled()
    expect(changeOf(events()[2]!)).toMatchObject({ kind: 'present', incomplete: true })
  })

  it('tells an edit that goes back within one coarse time from the first', async () => {
    bench.rest.settings.granularityMs = 1000
    connect({}, { granularity: '1s' })
    seed(1)
    for (const n of [1, 2, 1]) {
      bench.rest.asUser().update('contacts', 'c0', { n })
      await bench.rest.settled()
    }
    expect(new Set(events().map(({ time }) => time)).size).toBe(1)
    expect(new Set(events().map(({ id }) => id)).size).toBe(3)
  })
})

describe('poll', () => {
  it('learns what exists, then gives what changed, without names that it cannot know', async () => {
    seed(450)
    await clock.advance(600_000)
    expect(await poll()).toEqual([])
    bench.rest.settings.webhook = null
    await clock.advance(60_000)
    bench.rest.asUser().update('contacts', 'c3', { n: 33 })
    bench.rest.asUser().create('contacts', { id: 'new', email: 'new@x.com' })
    bench.rest.resetCalls()
    const found = await poll()
    expect(told(found)).toEqual(['contacts.updated c3', 'contacts.created new'])
    expect(bench.rest.calls).toHaveLength(1)
    expect(found[0]).toMatchObject({ changed: ['n'], extensions: { via: 'poll' } })
    expect(changeOf(found[0]!).changed).toBeUndefined()
    expect(await poll()).toEqual([])
  })

  it('gives a change the id that the webhook gave it, and none where the webhook was noted', async () => {
    seed(2)
    await clock.advance(60_000)
    await poll()
    await clock.advance(60_000)
    bench.rest.asUser().update('contacts', 'c0', { n: 7 })
    await bench.rest.settled()
    expect(await poll()).toEqual([])
    const [byWebhook] = events()
    // Another instance took the webhook in, and its note is not written.
    bench.rest.settings.webhook!.url = 'http://127.0.0.1:1/hooks/erp'
    connect()
    const { context } = bench
    await context.state.commit([{ key: '{connector/erp}:record:contacts:c0', value: { t: 1, h: 'x', f: {} } }])
    expect((await poll()).map(({ id }) => id)).toEqual([byWebhook!.id])
  })

  it('finds a webhook that was lost, and an edit within the same coarse time', async () => {
    bench.rest.settings.granularityMs = 1000
    connect({}, { granularity: '1s' })
    seed(1)
    await clock.advance(60_000)
    await poll()
    await clock.advance(60_000)
    bench.rest.asUser().update('contacts', 'c0', { n: 1 })
    await bench.rest.settled()
    bench.rest.faults.webhooks.loseNext = 1
    bench.rest.asUser().update('contacts', 'c0', { n: 2 })
    const found = await poll()
    expect(found).toMatchObject([{ time: events()[0]!.time, data: { n: 2 } }])
    expect(found[0]!.id).not.toBe(events()[0]!.id)
  })

  it('gives an edit that goes back within one coarse time an id of its own', async () => {
    bench.rest.settings.granularityMs = 1000
    bench.rest.settings.webhook = null
    connect({}, { granularity: '1s' })
    seed(1)
    await clock.advance(60_000)
    await poll()
    await clock.advance(60_000)
    const found: ChangeEvent[] = []
    for (const n of [1, 2, 1]) {
      bench.rest.asUser().update('contacts', 'c0', { n })
      found.push(...(await poll()))
    }
    expect(new Set(found.map(({ time }) => time)).size).toBe(1)
    expect(new Set(found.map(({ id }) => id)).size).toBe(3)
  })

  it('goes on at the page where it was cut off', async () => {
    const page = { by: 'cursor', next: 'next_cursor', parameter: 'cursor', size: 10, sizeParameter: 'limit' } as const
    connect({}, { list: { ...CONTACTS.list, page } })
    seed(35)
    bench.rest.faults.failPageAfter = 2
    await expect(poll()).rejects.toMatchObject({ code: 'SERVER_ERROR' })
    bench.rest.resetCalls()
    await poll()
    expect(bench.rest.calls).toHaveLength(2)
  })

  it('stores what it has seen with the cursor: a crash right after that hides no later deletion (P2)', async () => {
    bench.rest.settings.webhook = null
    seed(3)
    await clock.advance(600_000)
    for await (const page of connector.poll!(undefined, new AbortController().signal)) {
      cursor = page.cursor
      if (page.notes) await bench.state.commit([...page.notes])
      break
    }
    connect()
    bench.rest.vanish('contacts', ['c1'])
    await clock.advance(48 * 3_600_000)
    expect(told(await poll())).toEqual(['contacts.destroyed c1'])
  })

  it('begins anew where a page is refused, but not again and again (P8)', async () => {
    connect({}, { list: { ...CONTACTS.list, page: { by: 'link', next: 'data.0.next' } } })
    bench.rest.seed('contacts', [{ id: 'c0', next: '/no/such/page' }])
    await expect(poll()).rejects.toMatchObject({ status: 404 })
    const first = bench.rest.calls.length
    expect(first).toBeLessThanOrEqual(4)
    await expect(poll()).rejects.toMatchObject({ status: 404 })
    expect(bench.rest.calls.length).toBe(first + 1)
    await clock.advance(600_000)
    await expect(poll()).rejects.toMatchObject({ status: 404 })
    expect(bench.rest.calls.length).toBeLessThanOrEqual(first + 4)
  })

  it('of a resource that is refused keeps no other one from being read', async () => {
    bench.rest.settings.webhook = null
    seed(1)
    const resources = { gone: { ...CONTACTS, list: { ...CONTACTS.list, path: '/no/such/list' } }, contacts: CONTACTS }
    connect({ snapshot: true }, {}, resources)
    const found: ChangeEvent[] = []
    await expect(poll(({ events: own }) => void found.push(...own))).rejects.toMatchObject({ status: 404 })
    expect(told(found)).toEqual(['contacts.created c0'])
  })

  it('by offset and by number sees what was changed while it ran', async () => {
    for (const by of ['offset', 'number'] as const) {
      bench.rest.reset()
      cursor = undefined
      bench.rest.settings.paging = by
      connect(
        { snapshot: true },
        { list: { ...CONTACTS.list, page: { by, size: 10, sizeParameter: 'limit', total: 'total' } } },
      )
      bench.rest.seed(
        'contacts',
        Array.from({ length: 45 }, (_, at) => ({ id: `${by}${at}` })),
      )
      let removed = 0
      const found = await poll(() => {
        if (removed++ < 3) bench.rest.vanish('contacts', [`${by}${removed}`])
      })
      const seen = new Set(found.map(({ key }) => key))
      expect(bench.rest.rows('contacts').filter(({ id }) => !seen.has(id))).toEqual([])
    }
  })

  it('without changedSince reads everything and compares', async () => {
    const { changedSince: _, ...list } = CONTACTS.list
    bench.rest.settings.updatedAt = false
    connect({}, { list, updatedAt: undefined })
    seed(3)
    expect(await poll()).toEqual([])
    expect(await poll()).toEqual([])
    await clock.advance(60_000)
    bench.rest.faults.webhooks.loseNext = 3
    bench.rest.asUser().update('contacts', 'c1', { n: 7 })
    const [first] = await poll()
    expect(first).toMatchObject({ type: 'contacts.updated', key: 'c1', time: new Date(clock.now()).toISOString() })
    await clock.advance(60_000)
    bench.rest.asUser().update('contacts', 'c1', { n: 1 })
    await poll()
    await clock.advance(60_000)
    bench.rest.asUser().update('contacts', 'c1', { n: 7 })
    const [again] = await poll()
    expect(again!.id).not.toBe(first!.id)
  })
})

describe('deleted records', () => {
  const day = 24 * 3_600_000

  beforeEach(async () => {
    bench.rest.settings.webhook = null
    seed(100)
    await clock.advance(600_000)
    await poll()
  })

  it('are found by a complete walk, once', async () => {
    bench.rest.vanish('contacts', ['c1', 'c2'])
    await clock.advance(60_000)
    expect(await poll()).toEqual([])
    await clock.advance(day)
    const found = await poll()
    expect(told(found)).toEqual(['contacts.destroyed c1', 'contacts.destroyed c2'])
    expect(changeOf(found[0]!)).toMatchObject({ kind: 'destroyed', record: { id: 'c1' } })
    await clock.advance(day)
    expect(await poll()).toEqual([])
  })

  it('are not believed in when too many are missing at once, or all (P7)', async () => {
    bench.rest.vanish(
      'contacts',
      Array.from({ length: 21 }, (_, at) => `c${at}`),
    )
    await clock.advance(day)
    expect(await poll()).toEqual([])
    connect({ deletedGuard: 30 })
    await clock.advance(day)
    expect(await poll()).toHaveLength(21)
  })

  it('are not made by an empty page that succeeds (P7)', async () => {
    connect(
      { deletedGuard: 100 },
      { list: { ...CONTACTS.list, page: { ...CONTACTS.list.page!, total: undefined } as never } },
    )
    await clock.advance(day)
    bench.rest.faults.emptyPageAfter = 1
    expect(await poll()).toEqual([])
  })

  it('are not made by a page that is cut short: each is looked for by its id (P7)', async () => {
    const page = { by: 'cursor', next: 'next_cursor', parameter: 'cursor', size: 10, sizeParameter: 'limit' } as const
    connect({ deletedGuard: 100 }, { list: { ...CONTACTS.list, page } })
    await clock.advance(day)
    bench.rest.faults.emptyPageAfter = 3
    expect(await poll()).toEqual([])
  })

  it('are not looked for by a walk that a restart cut in two; the next one does it', async () => {
    const page = { by: 'cursor', next: 'next_cursor', parameter: 'cursor', size: 10, sizeParameter: 'limit' } as const
    const list = { ...CONTACTS.list, page }
    connect({}, { list })
    bench.rest.vanish('contacts', ['c1'])
    await clock.advance(day)
    bench.rest.faults.failPageAfter = 3
    await expect(poll()).rejects.toThrow()
    connect({}, { list })
    expect(await poll()).toEqual([])
    expect(told(await poll())).toEqual(['contacts.destroyed c1'])
  })
})
