import { createHmac } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TwentySchema } from '../../src/clients/twenty/schema.ts'
import type { ConnectorContext } from '../../src/config/definition.ts'
import twentyConnector from '../../src/connectors/twenty.ts'
import type { ChangeEvent, Fields } from '../../src/event.ts'
import { derivedId } from '../../src/identity.ts'
import twentySink from '../../src/sinks/twenty.ts'
import type { Peer, PeerOptions, PeerOutcome, PeerRecord, PeerWrite } from '../../src/sync/peer.ts'
import { type TwentyBench, twentyBench } from '../support/twenty-bench.ts'

let bench: TwentyBench
let peer: Peer
const options: PeerOptions = { signal: new AbortController().signal, priority: 'live' }

function peerOf(object: string): Peer {
  return twentySink.peer!(bench.config, { ...bench.context, client: bench.client, object })
}

beforeEach(async () => {
  bench = await twentyBench()
  await bench.client.schemas.refresh()
  bench.twenty.resetCalls()
  peer = peerOf('person')
})
afterEach(() => bench.stop())

const me = () => bench.twenty.asUser(String(bench.twenty.members[0]!.id))
const rows = (object = 'people') => bench.twenty.rows(object) as Fields[]
const rowOf = (id: unknown) => rows().find(row => row.id === id)
const seed = (...people: Fields[]) => bench.twenty.seed('people', people) as (Fields & { id: string })[]
const count = (count: number) => Array.from({ length: count }, (_, at) => at)
const email = (at: number | string) => `p${at}@example.com`
const id = (name: string) => derivedId('test', name)

function update(row: Fields, values: Fields, more: Partial<PeerWrite> = {}): PeerWrite {
  const version = String(row.updatedAt)
  return { op: 'update', id: String(row.id), values, current: row, version, ...more } as PeerWrite
}
const create = (name: string, values: Fields): PeerWrite => ({ op: 'create', id: id(name), values })
const remove = (row: Fields): PeerWrite => ({ op: 'delete', id: String(row.id), version: String(row.updatedAt) })
const write = (...writes: PeerWrite[]) => peer.write(writes, options)
const methods = () => bench.recordCalls().map(call => call.method)

function recordIn(outcome: PeerOutcome | undefined): PeerRecord {
  if (!outcome || !('record' in outcome) || !outcome.record) throw new Error(`no record: ${JSON.stringify(outcome)}`)
  return outcome.record
}

describe('reading', () => {
  it('lists 10,000 records in 50 calls, each once, without the deleted', async () => {
    const all = seed(...count(10_001).map(at => ({ jobTitle: `j${at}` })))
    me().softDelete('people', all[17]!.id)
    bench.twenty.resetCalls()
    const seen: string[] = []
    let cursor: unknown
    do {
      const page = await peer.list(cursor, options)
      expect(page.total).toBe(10_000)
      seen.push(...page.records.map(record => record.id))
      // It is stored between two pages.
      cursor = page.next === undefined ? undefined : JSON.parse(JSON.stringify(page.next))
    } while (cursor !== undefined)
    expect(new Set(seen).size).toBe(10_000)
    expect(seen).toHaveLength(10_000)
    expect(bench.recordCalls()).toHaveLength(50)
    expect(bench.recordCalls().every(call => !call.query.includes('order_by'))).toBe(true)
  })

  it('P7: a server that gives the same page for ever is not taken for one that has no more', async () => {
    seed(...count(250).map(() => ({})))
    const find = bench.client.find
    const deaf = {
      ...bench.client,
      find: (object: never, { after: _, ...query }: { after?: string }) => find(object, query),
    }
    peer = twentySink.peer!(bench.config, { ...bench.context, client: deaf, object: 'person' })
    const first = await peer.list(undefined, options)
    await expect(peer.list(first.next, options)).rejects.toMatchObject({ kind: 'retryable', code: 'INVALID_ANSWER' })
  })

  it('gets up to 200 by id in one call, in order, deleted ones too, and none for what there is not', async () => {
    const all = seed(...count(198).map(at => ({ jobTitle: `j${at}` })))
    me().softDelete('people', all[3]!.id)
    bench.twenty.resetCalls()
    const ids = [...all.map(row => row.id).reverse(), id('nobody'), 'no-uuid']
    const found = await peer.get(ids, options)
    expect(found.map(record => record?.id)).toEqual([...all.map(row => row.id).reverse(), undefined, undefined])
    expect(found.filter(record => record?.deleted).map(record => record?.id)).toEqual([all[3]!.id])
    expect(bench.recordCalls()).toHaveLength(1)
  })

  it('finds by a value as the server keeps it, deleted ones too', async () => {
    const [ada, bob] = seed({ emails: { primaryEmail: email('ada') } }, { emails: { primaryEmail: email('bob') } })
    me().softDelete('people', bob!.id)
    const found = await peer.find('emails.primaryEmail', [email('ADA'), email('bob'), '', email('x')], options)
    expect(found.map(record => [record.id, record.deleted]).sort()).toEqual(
      [
        [ada!.id, false],
        [bob!.id, true],
      ].sort(),
    )
  })

  it('200 values are one call', async () => {
    seed(...count(200).map(at => ({ emails: { primaryEmail: email(at) } })))
    expect(await peer.find('emails.primaryEmail', count(200).map(email), options)).toHaveLength(200)
    expect(bench.recordCalls()).toHaveLength(1)
  })

  it('a version is the time of the last change, or that of the way into the trash', async () => {
    const [ada] = seed({ jobTitle: 'CTO' })
    expect((await peer.get([ada!.id], options))[0]).toMatchObject({
      version: ada!.updatedAt,
      deleted: false,
      data: ada!,
    })
    const record = recordOfRow({ updatedAt: '2026-11-24T10:00:00Z', deletedAt: '2026-11-24T10:00:01Z' })
    expect(record).toMatchObject({ version: '2026-11-24T10:00:01.000Z', deleted: true })
  })

  const recordOfRow = (row: Fields) =>
    peer.changeOf({ type: 'person.deleted', subject: `person/${id('x')}`, data: row } as unknown as ChangeEvent).record
})

describe('creating', () => {
  it('takes our id and sends a batch', async () => {
    const outcomes = await write(
      create('a', { 'emails.primaryEmail': 'A@Example.com', 'name.firstName': 'Ada', name: { lastName: 'L' } }),
      create('b', { jobTitle: 'CEO' }),
    )
    expect(outcomes).toMatchObject([
      { status: 'written', exact: true, record: { id: id('a'), deleted: false } },
      { status: 'written', exact: true, record: { id: id('b'), data: { jobTitle: 'CEO' } } },
    ])
    expect(rowOf(id('a'))).toMatchObject({
      emails: { primaryEmail: 'a@example.com' },
      name: { firstName: 'Ada', lastName: 'L' },
    })
    expect(recordIn(outcomes[0]).version).toBe(rowOf(id('a'))!.updatedAt)
    expect(methods()).toEqual(['POST'])
  })

  it('P3: done again after a lost answer, it finds its own record', async () => {
    bench.twenty.faults.http.loseAnswerNext = 1
    const writes = [create('a', { emails: email('a') }), create('b', { jobTitle: 'x' })]
    expect(await write(...writes)).toMatchObject([
      { status: 'failed', error: { kind: 'retryable', outcomeUnknown: true } },
      { status: 'failed', error: { outcomeUnknown: true } },
    ])
    expect(await write(...writes)).toMatchObject([
      { status: 'written', exact: false, record: { id: id('a') } },
      { status: 'written', exact: false, record: { id: id('b') } },
    ])
    expect(rows()).toHaveLength(2)
  })

  it('P7: what was made and then deleted is not made again', async () => {
    await write(create('a', { jobTitle: 'x' }))
    me().softDelete('people', id('a'))
    expect(await write(create('a', { jobTitle: 'x' }))).toMatchObject([
      { status: 'taken', record: { id: id('a'), deleted: true } },
    ])
  })

  it('a taken value names its holder, in the trash or not, and the others are made', async () => {
    const [live, trashed] = seed({ emails: { primaryEmail: email(1) } }, { emails: { primaryEmail: email(2) } })
    me().softDelete('people', trashed!.id)
    bench.twenty.resetCalls()
    const outcomes = await write(...count(60).map(at => create(`p${at}`, { emails: email(at) })))
    expect(outcomes[1]).toMatchObject({ status: 'taken', record: { id: live!.id, deleted: false } })
    expect(outcomes[2]).toMatchObject({ status: 'taken', record: { id: trashed!.id, deleted: true } })
    expect(outcomes.filter(outcome => outcome.status === 'written')).toHaveLength(58)
    // The refused batch, one look for the ids and one for the values, the rest.
    expect(methods().sort()).toEqual(['GET', 'GET', 'POST', 'POST'])
  })

  it('two of one batch with one value: the first is made, the second is told who has it', async () => {
    const outcomes = await write(create('a', { emails: email(1) }), create('b', { emails: email(1) }))
    expect(outcomes).toMatchObject([
      { status: 'written', record: { id: id('a') } },
      { status: 'taken', record: { id: id('a') } },
    ])
  })

  it('one bad row fails alone, whether we or Twenty see it', async () => {
    const outcomes = await write(
      create('a', { jobTitle: 'x' }),
      create('b', { emails: 'no address' }),
      create('c', { companyId: 'no id' }),
      create('d', { nothing: 1 }),
      create('e', { jobTitle: 'y' }),
    )
    expect(outcomes).toMatchObject([
      { status: 'written' },
      { status: 'failed', error: { kind: 'rejected', code: 'TWENTY_REFUSED' } },
      { status: 'failed', error: { kind: 'rejected', code: 'INVALID_VALUE' } },
      { status: 'failed', error: { kind: 'rejected', code: 'UNKNOWN_FIELD' } },
      { status: 'written' },
    ])
  })
})

describe('updating', () => {
  it('1,000 updates are 17 write calls', async () => {
    const all = seed(...count(1000).map(at => ({ jobTitle: `j${at}` })))
    bench.twenty.resetCalls()
    const { write: most } = peer.batch
    for (let from = 0; from < 1000; from += most) {
      const outcomes = await write(...all.slice(from, from + most).map(row => update(row, { jobTitle: 'same' })))
      expect(outcomes.every(outcome => outcome.status === 'written' && outcome.exact)).toBe(true)
    }
    expect(bench.recordCalls()).toHaveLength(17)
    expect(rows().every(row => row.jobTitle === 'same')).toBe(true)
  })

  it('a composite goes whole, completed from what was last seen', async () => {
    bench.twenty.faults.versions.partialComposites = 'all'
    const [ada, bob] = seed(
      { name: { firstName: 'Ada', lastName: 'L' }, emails: { primaryEmail: email(1), additionalEmails: ['x@y.zz'] } },
      { name: { firstName: 'Bob', lastName: 'B' } },
    )
    const outcomes = await write(
      update(ada!, { 'name.firstName': 'Augusta', 'emails.primaryEmail': email(2) }),
      update(bob!, { 'name.lastName': 'C' }),
    )
    expect(recordIn(outcomes[0]).data).toMatchObject({
      name: { firstName: 'Augusta', lastName: 'L' },
      emails: { primaryEmail: email(2), additionalEmails: ['x@y.zz'] },
    })
    expect(rowOf(bob!.id)).toMatchObject({ name: { firstName: 'Bob', lastName: 'C' } })
    expect(await write(update(recordIn(outcomes[0]).data, { 'name.lastName': 'B' }))).toMatchObject([
      { status: 'written', exact: true, record: { data: { name: { firstName: 'Augusta', lastName: 'B' } } } },
    ])
  })

  it('one alone is refused by Twenty when somebody edited the record since', async () => {
    const [ada] = seed({ jobTitle: 'CTO' })
    me().update('people', ada!.id, { jobTitle: 'CEO' })
    expect(await write(update(ada!, { jobTitle: 'CFO' }))).toMatchObject([
      { status: 'changed', record: { id: ada!.id, version: rowOf(ada!.id)!.updatedAt, data: { jobTitle: 'CEO' } } },
    ])
    expect(rowOf(ada!.id)!.jobTitle).toBe('CEO')
  })

  it('P7: one alone never brings back what was deleted or destroyed', async () => {
    const [ada, bob] = seed({ jobTitle: 'a' }, { jobTitle: 'b' })
    me().softDelete('people', ada!.id)
    me().destroy('people', bob!.id)
    for (const row of [ada!, bob!]) expect(await write(update(row, { jobTitle: 'x' }))).toEqual([{ status: 'gone' }])
    expect(rows()).toMatchObject([{ id: ada!.id, jobTitle: 'a', deletedAt: expect.any(String) }])
  })

  it.each([true, false])(
    'P7: a batch that made a destroyed record anew takes it back (createdAt known: %s)',
    async known => {
      const all = seed(...count(3).map(at => ({ jobTitle: `j${at}`, emails: { primaryEmail: email(at) } })))
      me().destroy('people', all[1]!.id)
      const current = known ? {} : { current: {} }
      const outcomes = await write(...all.map(row => update(row, { jobTitle: 'x' }, current)))
      expect(outcomes.map(outcome => outcome.status)).toEqual(['written', 'gone', 'written'])
      expect(
        rows()
          .map(row => row.id)
          .sort(),
      ).toEqual([all[0]!.id, all[2]!.id].sort())
    },
  )

  it('what cannot be taken back is not known to be undone', async () => {
    const all = seed(...count(2).map(at => ({ jobTitle: `j${at}` })))
    me().destroy('people', all[1]!.id)
    const broken = { ...bench.client, remove: () => Promise.reject(new Error('connection lost')) }
    peer = twentySink.peer!(bench.config, { ...bench.context, client: broken, object: 'person' })
    expect((await write(...all.map(row => update(row, { jobTitle: 'x' }))))[1]).toMatchObject({
      status: 'failed',
      error: { kind: 'retryable', outcomeUnknown: true },
    })
  })

  it('a taken value fails alone and names its holder', async () => {
    const all = seed(...count(10).map(at => ({ jobTitle: 'x', emails: { primaryEmail: email(at) } })))
    const wanted = (at: number) => update(all[at]!, at === 4 ? { emails: email(9) } : { jobTitle: 'y' })
    const outcomes = await write(...count(9).map(wanted))
    expect(outcomes[4]).toMatchObject({ status: 'taken', record: { id: all[9]!.id } })
    expect(outcomes.filter(outcome => outcome.status === 'written')).toHaveLength(8)
    expect(await write(update(rowOf(all[4]!.id)!, { emails: email(9) }))).toMatchObject([
      { status: 'taken', record: { id: all[9]!.id } },
    ])
  })

  it('one bad row of a batch fails alone, and none of the others is taken for edited', async () => {
    const all = seed(...count(5).map(at => ({ jobTitle: `j${at}` })))
    const wanted = all.map((row, at) => update(row, at === 3 ? { emails: 'no address' } : { jobTitle: 'y' }))
    expect((await write(...wanted)).map(outcome => outcome.status)).toEqual([
      'written',
      'written',
      'written',
      'failed',
      'written',
    ])
  })

  it('a batch that stops half-way leaves its outcome unknown, and may be sent again', async () => {
    const all = seed(...count(4).map(at => ({ jobTitle: `j${at}` })))
    Object.assign(bench.twenty.faults.http, { failBatchNext: 1, failBatchAfterRows: 2 })
    const wanted = all.map(row => update(row, { jobTitle: 'y' }))
    expect((await write(...wanted)).every(each => each.status === 'failed' && each.error.outcomeUnknown)).toBe(true)
    expect((await write(...wanted)).every(each => each.status === 'written')).toBe(true)
  })

  it.each([429, 503, 401])('%i is the error of each', async status => {
    const all = seed({}, {})
    Object.assign(bench.twenty.faults.http, { failNext: 9, failStatus: status, retryAfterSeconds: 3600 })
    const kind = status === 401 ? 'fatal' : 'retryable'
    expect(await write(...all.map(row => update(row, { jobTitle: 'x' })))).toMatchObject([
      { status: 'failed', error: { kind } },
      { status: 'failed', error: { kind } },
    ])
  })

  it('an option that the workspace has got since is found by reading the field list anew', async () => {
    const [deal] = bench.twenty.seed('opportunities', [{ name: 'Deal' }]) as Fields[]
    const newest = bench.client.schemas.latest!
    const { name, plural, fields } = newest.object('opportunity')
    const older = [...fields.values()].map(field => (field.name === 'stage' ? { ...field, options: ['NEW'] } : field))
    let latest = new TwentySchema([{ name, plural, fields: older }])
    const schemas = {
      get latest() {
        return latest
      },
      get: async () => latest,
      refreshOnDemand: async () => (latest = newest),
    }
    const client = { ...bench.client, schemas }
    peer = twentySink.peer!(bench.config, { ...bench.context, client, object: 'opportunity' })
    expect(await write(update(deal!, { stage: 'MEETING' }))).toMatchObject([{ status: 'written' }])
    expect(await write(update(deal!, { stage: 'NO_SUCH' }))).toMatchObject([
      { status: 'failed', error: { code: 'INVALID_VALUE' } },
    ])
  })
})

describe('restoring and deleting', () => {
  it('brings back what lies in the trash, with the new values', async () => {
    const all = seed({ jobTitle: 'a' }, { jobTitle: 'b' })
    for (const row of all) me().softDelete('people', row.id)
    const [first, second] = await peer.get(
      all.map(row => row.id),
      options,
    )
    const restore = ({ id, version, data }: PeerRecord, values: Fields): PeerWrite => {
      return { op: 'restore', id, version, current: data, values }
    }
    expect(await write(restore(first!, { jobTitle: 'c' }))).toMatchObject([
      { status: 'written', exact: true, record: { deleted: false, data: { jobTitle: 'c' } } },
    ])
    expect(await write(restore(second!, {}))).toMatchObject([{ status: 'written', record: { deleted: false } }])
    expect(rows().every(row => row.deletedAt === null)).toBe(true)
  })

  it('P7: what was destroyed is not made anew by a restore', async () => {
    const [ada] = seed({ jobTitle: 'a' })
    me().destroy('people', ada!.id)
    expect(await write(update(ada!, { jobTitle: 'c' }, { op: 'restore' }))).toEqual([{ status: 'gone' }])
    expect(rows()).toEqual([])
  })

  it('deletes softly, a full batch in one call', async () => {
    const all = seed(...count(peer.batch.delete).map(at => ({ jobTitle: `j${at}` })))
    bench.twenty.resetCalls()
    const outcomes = await write(...all.map(remove))
    expect(outcomes.every(outcome => outcome.status === 'deleted')).toBe(true)
    expect(bench.recordCalls()).toHaveLength(1)
    expect(rows().every(row => row.deletedAt !== null)).toBe(true)
  })

  it('a full batch fits into the request line that servers commonly take', async () => {
    const all = seed(...count(60).map(() => ({})))
    await write(...all.map(remove))
    const [call] = bench.recordCalls()
    expect(`${call!.method} ${call!.path}?${call!.query} HTTP/1.1`.length).toBeLessThan(8000)
  })

  it('P7: what was edited since is not deleted, and what is gone is gone', async () => {
    const [ada, bob, cy, dan] = seed({ jobTitle: 'a' }, { jobTitle: 'b' }, { jobTitle: 'c' }, { jobTitle: 'd' })
    me().update('people', ada!.id, { jobTitle: 'x' })
    me().softDelete('people', bob!.id)
    me().destroy('people', cy!.id)
    expect(await write(...[ada!, bob!, cy!, dan!].map(remove))).toMatchObject([
      { status: 'changed', record: { data: { jobTitle: 'x' } } },
      { status: 'gone' },
      { status: 'gone' },
      { status: 'deleted' },
    ])
    expect(rowOf(ada!.id)!.deletedAt).toBeNull()
  })
})

describe('events', () => {
  const SECRET = 'whsec_test'

  async function connectorWith(): Promise<ReturnType<typeof twentyConnector.create>> {
    const context: ConnectorContext = { ...bench.context, client: bench.client, objects: ['person'] }
    return twentyConnector.create({ ...bench.config, webhookSecret: SECRET }, context)
  }

  /** By webhook, as Twenty sends it. */
  async function deliver(body: Fields): Promise<ChangeEvent> {
    const text = Buffer.from(JSON.stringify(body))
    const timestamp = String(bench.env.clock.now())
    const headers = {
      'x-twenty-webhook-timestamp': timestamp,
      'x-twenty-webhook-signature': createHmac('sha256', SECRET).update(`${timestamp}:${text}`).digest('hex'),
    }
    const request = {
      method: 'POST',
      path: '/hooks/twenty',
      query: {},
      headers,
      body: text,
      receivedAt: bench.env.clock.now(),
    }
    const { events } = await (await connectorWith()).receive!(request as never)
    return events[0]!
  }

  const delivery = (action: string, record: Fields, more: Fields = {}): Fields => ({
    eventName: `person.${action}`,
    objectMetadata: { id: id('meta'), nameSingular: 'person' },
    eventDate: '2026-11-24T12:00:00.000Z',
    webhookId: id('hook'),
    record,
    ...more,
  })

  it('what a webhook lists is what that change touched', async () => {
    const [ada] = seed({ jobTitle: 'CTO', updatedBy: { name: 'x' } })
    me().update('people', ada!.id, { jobTitle: 'CEO' })
    const event = await deliver(delivery('updated', rowOf(ada!.id)!, { updatedFields: ['jobTitle', 'updatedBy'] }))
    expect(peer.changeOf(event)).toMatchObject({
      kind: 'present',
      changed: ['jobTitle'],
      by: 'Tim Apple',
      record: { id: ada!.id, version: rowOf(ada!.id)!.updatedAt, deleted: false, data: { jobTitle: 'CEO' } },
    })
  })

  it('what a poll finds different is not, though the event is the same one', async () => {
    const [ada] = seed({ jobTitle: 'CTO' })
    const connector = await connectorWith()
    let cursor: unknown
    const poll = async () => {
      const found: ChangeEvent[] = []
      for await (const page of connector.poll!(cursor, options.signal)) {
        cursor = page.cursor
        if (page.notes) await bench.context.state.commit([...page.notes])
        found.push(...page.events)
      }
      return found
    }
    await poll()
    me().update('people', ada!.id, { jobTitle: 'CEO' })
    const [event] = await poll()
    expect(event).toMatchObject({ type: 'person.updated', changed: ['jobTitle'], extensions: { via: 'poll' } })
    expect(peer.changeOf(event!).changed).toBeUndefined()
    const same = await deliver(delivery('updated', rowOf(ada!.id)!, { updatedFields: ['jobTitle'] }))
    expect(same.id).toBe(event!.id)
    expect(same.extensions).toMatchObject({ via: 'webhook' })
  })

  it('deleted, restored and destroyed', async () => {
    const [ada] = seed({ jobTitle: 'CTO' })
    me().softDelete('people', ada!.id)
    const deleted = await deliver(delivery('deleted', rowOf(ada!.id)!, { updatedFields: ['deletedAt'] }))
    const { version } = (await peer.get([ada!.id], options))[0]!
    expect(peer.changeOf(deleted)).toMatchObject({ kind: 'deleted', record: { deleted: true, version } })
    const restored = await deliver(delivery('restored', { ...ada!, deletedAt: null }, { updatedFields: ['deletedAt'] }))
    expect(peer.changeOf(restored)).toMatchObject({ kind: 'present', record: { deleted: false } })
    const destroyed = await deliver(delivery('destroyed', ada!))
    expect(peer.changeOf(destroyed)).toMatchObject({
      kind: 'destroyed',
      record: { id: ada!.id, version: destroyed.time, data: { jobTitle: 'CTO' } },
    })
    expect(Date.parse(destroyed.time)).toBeGreaterThanOrEqual(Date.parse(String(ada!.updatedAt)))
  })

  it('names the key too, and nobody where the stamp may be an earlier one', async () => {
    await write(create('a', { jobTitle: 'x' }))
    const mine = rowOf(id('a'))!
    expect(peer.changeOf(await deliver(delivery('created', mine))).by).toBe('sandbox-key')
    expect(peer.changeOf(await deliver(delivery('deleted', { ...mine, deletedAt: mine.updatedAt }))).by).toBeUndefined()
    const member = String(bench.twenty.members[0]!.id)
    const updatedBy = { source: 'MANUAL', workspaceMemberId: member, name: 'Tim Apple' }
    const body = delivery('deleted', { ...mine, updatedBy, deletedAt: mine.updatedAt }, { workspaceMemberId: member })
    expect(peer.changeOf(await deliver(body)).by).toBe('Tim Apple')
    const { updatedBy: _, ...older } = mine
    expect(peer.changeOf(await deliver(delivery('created', older))).by).toBe('sandbox-key')
    expect(peer.changeOf(await deliver(delivery('updated', older, { updatedFields: ['jobTitle'] }))).by).toBeUndefined()
  })
})

describe('values and names', () => {
  it('what is normalised may be written, and then is what the record has', async () => {
    const phones = { primaryPhoneNumber: '4155550123', primaryPhoneCallingCode: '+1', primaryPhoneCountryCode: 'US' }
    const cases: [object: string, path: string, value: unknown][] = [
      ['person', 'phones', phones],
      ['person', 'emails', { primaryEmail: 'ADA@x.com', additionalEmails: ['B@x.com'] }],
      ['person', 'name', { firstName: 'Ada', lastName: null }],
      ['company', 'domainName', { primaryLinkUrl: 'https://www.Acme.com/' }],
      ['note', 'bodyV2', { markdown: '# a\r\n\r\nb' }],
    ]
    for (const [object, path, value] of cases) {
      peer = peerOf(object)
      const kept = peer.normalise(path, value)
      const [outcome] = await write(create(`${object}.${path}`, { [path]: kept }))
      expect(peer.normalise(path, recordIn(outcome).data[path])).toEqual(kept)
      const [again] = await write(update(recordIn(outcome).data, { [path]: kept }))
      expect(peer.normalise(path, recordIn(again).data[path])).toEqual(kept)
    }
  })

  it.each<[string, string, unknown, unknown]>([
    ['person', 'emails.primaryEmail', ' ADA@x.com', 'ada@x.com'],
    ['person', 'emails', { primaryEmail: 'ADA@x.com' }, { primaryEmail: 'ada@x.com', additionalEmails: null }],
    ['person', 'emails', { primaryEmail: '', additionalEmails: [] }, null],
    ['person', 'jobTitle', '', null],
    ['person', 'name', { firstName: '', lastName: null }, null],
    ['person', 'linkedinLink.primaryLinkUrl', 'HTTPS://LinkedIn.com/in/ada/', 'https://linkedin.com/in/ada'],
    ['company', 'domainName.primaryLinkUrl', 'https://www.Acme.com/about', 'acme.com'],
    ['company', 'annualRevenue.amountMicros', '1000000', 1_000_000],
    ['opportunity', 'closeDate', '2026-11-24T11:00:00+01:00', '2026-11-24T10:00:00.000Z'],
    ['note', 'bodyV2', { markdown: 'a\r\n\r\nb \n', blocknote: '[…]' }, 'a\n\nb'],
    ['note', 'bodyV2.markdown', ' a\n\nb', 'a\n\nb'],
    ['person', 'nowhere.to.be', {}, null],
    ['person', 'nowhere', 5, 5],
  ])('%s.%s of %j is kept as %j', async (object, path, value, kept) => {
    const normalised = peerOf(object).normalise(path, value)
    expect(normalised).toEqual(kept)
    expect(peerOf(object).normalise(path, normalised)).toEqual(kept)
  })

  it('a phone number is the same with its country code apart or before it', () => {
    const apart = { primaryPhoneNumber: '4155550123', primaryPhoneCallingCode: '+1', primaryPhoneCountryCode: 'US' }
    const before = { primaryPhoneNumber: '+1 415 555 0123' }
    expect(peer.normalise('phones', apart)).toEqual(peer.normalise('phones', before))
    expect(peer.normalise('phones', apart)).not.toEqual(
      peer.normalise('phones', { primaryPhoneNumber: '+1 415 555 0124' }),
    )
    expect(peer.normalise('phones', { primaryPhoneCountryCode: 'US' })).toBeNull()
  })

  it('the order of chosen options says nothing', () => {
    const object = bench.client.schemas.latest!.object('person')
    ;(object.columns as Map<string, unknown>).set('tags', { name: 'tags', type: 'MULTI_SELECT', unique: false })
    expect(peer.normalise('tags', ['B', 'A'])).toEqual(peer.normalise('tags', ['A', 'B']))
    expect(peer.normalise('tags', [])).toBeNull()
  })

  it('comparing needs the field list, which any call reads', async () => {
    const other = await twentyBench()
    const fresh = twentySink.peer!(other.config, { ...other.context, client: other.client, object: 'person' })
    expect(() => fresh.normalise('jobTitle', 'x')).toThrow(expect.objectContaining({ code: 'FIELDS_NOT_READ' }))
    await fresh.list(undefined, options)
    expect(fresh.normalise('jobTitle', 'x')).toBe('x')
    await other.stop()
  })

  it('says how far the clock of the server is ahead', async () => {
    expect(peer.clockOffsetMs()).toBeTypeOf('number')
    bench.twenty.faults.clock.skewMs = 300_000
    const other = peerOf('person')
    for (let call = 0; call < 20; call++) await other.list(undefined, options)
    expect(Math.abs(other.clockOffsetMs() - 300_000)).toBeLessThan(1500)
  })

  async function faults(object: string, ...uses: [path: string, writes: boolean][]): Promise<(string | undefined)[][]> {
    const found: (string | undefined)[][] = []
    const asked = uses.map(([path, writes]) => ({
      path,
      writes,
      problem: (message: string, suggestion?: string) => void found.push([path, message, suggestion]),
    }))
    await peerOf(object).verify(asked, options)
    return found
  }

  it('verify: right names are right', async () => {
    const uses: [string, boolean][] = [
      ['jobTitle', true],
      ['name.firstName', true],
      ['emails', true],
      ['companyId', true],
      ['createdAt', false],
      ['createdBy.name', false],
    ]
    expect(await faults('person', ...uses)).toEqual([])
  })

  it('verify: wrong ones come with what is right', async () => {
    expect(await faults('people', ['jobTitle', true], ['x', true])).toEqual([
      ['jobTitle', 'Twenty has no object "people"', 'person'],
    ])
    expect(
      await faults(
        'person',
        ['job_title', true],
        ['emails.primaryMail', true],
        ['company', true],
        ['jobTitle.text', true],
        ['taskTargets', false],
      ),
    ).toEqual([
      ['job_title', expect.stringContaining('has no field "job_title"'), 'jobTitle'],
      ['emails.primaryMail', expect.stringContaining('emails has no part'), 'emails.primaryEmail'],
      ['company', expect.stringContaining('holds the id'), 'companyId'],
      ['jobTitle.text', expect.stringContaining('jobTitle.text'), undefined],
      ['taskTargets', expect.stringContaining('other end'), undefined],
    ])
  })

  it('verify: what Twenty sets itself cannot be written', async () => {
    const paths = ['id', 'createdAt', 'updatedAt', 'deletedAt', 'createdBy.name', 'updatedBy.name', 'position']
    const found = await faults('person', ...paths.map(path => [path, true] as [string, boolean]))
    expect(found.map(([path]) => path)).toEqual(paths)
  })
})
