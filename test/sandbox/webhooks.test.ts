import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startSandboxTwenty } from '../../sandbox/twenty/server.ts'
import { sign } from '../../sandbox/twenty/webhooks/signature.ts'
import { Receiver } from '../contract/twenty/receiver.ts'
import { settle } from '../support/virtual-clock.ts'
import { type Sent, workspace } from './workspace.ts'

const names = (sent: readonly Sent[]) => sent.map(each => each.body.eventName)

describe('webhook payloads', () => {
  it('are signed as the known vector', () => {
    const body =
      '{"targetUrl":"https://sync.example.com/hooks/twenty","eventName":"person.updated","objectMetadata":{"id":"11111111-1111-4111-8111-111111111111","nameSingular":"person"},"workspaceId":"22222222-2222-4222-8222-222222222222","webhookId":"33333333-3333-4333-8333-333333333333","eventDate":"2026-11-24T10:00:00.000Z","record":{"id":"44444444-4444-4444-8444-444444444444","jobTitle":"CTO"},"updatedFields":["jobTitle"]}'
    expect(sign('whsec_test', '1795514400000', body)).toBe(
      '582723ad6cea9a3af23fadad8428a94595fb093ce66b17619a467506f6a88ae2',
    )
  })

  it('name the person between eventDate and record when a person made the change', async () => {
    const { twenty, call, sent, subscribe, person } = workspace()
    const { id } = person()
    subscribe(['*.*'])
    const member = [...twenty.records.table('workspaceMember').rows()][0]!
    call('POST', '/sandbox/edit', { as: member.userEmail, object: 'people', id, values: { jobTitle: 'CTO' } })
    await settle()
    expect(Object.keys(sent[0]!.body)).toEqual([
      'targetUrl',
      'eventName',
      'objectMetadata',
      'workspaceId',
      'webhookId',
      'eventDate',
      'userId',
      'workspaceMemberId',
      'record',
      'updatedFields',
    ])
    expect(sent[0]!.body).toMatchObject({
      userId: member.userId,
      workspaceMemberId: member.id,
      record: { updatedBy: { source: 'MANUAL', workspaceMemberId: member.id, name: 'Tim Apple' } },
      updatedFields: expect.arrayContaining(['jobTitle', 'updatedBy']),
    })
  })

  it('have no X- headers without a secret', async () => {
    const { sent, subscribe, person } = workspace()
    subscribe(['*.*'], '')
    person()
    await settle()
    expect(sent[0]!.headers).toEqual({ 'Content-Type': 'application/json' })
  })

  it('list company and companyId, or on older servers companyId alone', async () => {
    const { twenty, call, sent, subscribe, person, company } = workspace()
    const { id } = person()
    const companyId = company().id
    subscribe(['person.updated'])
    call('PATCH', `/rest/people/${id}`, { companyId })
    twenty.faults.versions.updatedFieldsNameRelations = false
    call('PATCH', `/rest/people/${id}`, { companyId: null })
    await settle()
    expect(sent.map(each => each.body.updatedFields)).toEqual([['company', 'companyId'], ['companyId']])
  })

  it('do not exist for a change of nothing, but for position or author alone', async () => {
    const { twenty, call, sent, subscribe, person } = workspace()
    const { id } = person({ jobTitle: 'CTO' })
    subscribe(['*.*'])
    call('PATCH', `/rest/people/${id}`, { jobTitle: 'CTO' })
    twenty.faults.versions.noopTouchesUpdatedAt = true
    const touched = call('PATCH', `/rest/people/${id}`, { jobTitle: 'CTO' }).body.data.updatePerson
    expect(touched.updatedAt).not.toBe(touched.createdAt)
    twenty.faults.versions.noopTouchesUpdatedAt = false
    await settle()
    expect(sent).toEqual([])
    call('PATCH', `/rest/people/${id}`, { position: 99 })
    call('POST', '/sandbox/edit', { object: 'people', id, values: { jobTitle: 'CTO' } })
    await settle()
    expect(sent.map(each => each.body.updatedFields)).toEqual([['position'], ['updatedBy']])
  })

  it('tell a restore by upsert as an update of deletedAt', async () => {
    const { call, sent, subscribe, person } = workspace()
    const { id } = person({ emails: { primaryEmail: 'a@example.com' } })
    call('DELETE', `/rest/people/${id}?soft_delete=true`)
    subscribe(['*.*'])
    call('POST', '/rest/people?upsert=true', { emails: { primaryEmail: 'a@example.com' } })
    await settle()
    expect(sent.map(each => [each.body.eventName, each.body.updatedFields])).toEqual([
      ['person.updated', ['deletedAt']],
    ])
  })

  it('are silent for timeline activities, and for rows changed by a cascade unless switched on', async () => {
    const { twenty, call, sent, subscribe, person, company } = workspace()
    const { id } = company()
    person({ companyId: id })
    subscribe(['*.*'])
    call('POST', '/rest/timelineActivities', { name: 'x' })
    call('DELETE', `/rest/companies/${id}`)
    await settle()
    expect(names(sent)).toEqual(['company.destroyed'])
    twenty.faults.versions.cascadeEvents = true
    const other = company()
    person({ companyId: other.id })
    call('DELETE', `/rest/companies/${other.id}`)
    await settle()
    expect(names(sent)).toContain('person.updated')
  })
})

describe('subscriptions', () => {
  it.each([
    [['person.created'], ['person.created']],
    [['person.*'], ['person.created', 'person.updated']],
    [['*.updated'], ['person.updated']],
    [['*.*'], ['company.created', 'person.created', 'person.updated']],
    [['per*.created', 'person', '*'], []],
    [[], []],
  ])('%j gets %j', async (operations, expected) => {
    const { call, sent, subscribe, person, company } = workspace()
    subscribe(operations)
    company()
    call('PATCH', `/rest/people/${person().id}`, { jobTitle: 'x' })
    await settle()
    expect(names(sent)).toEqual(expected)
  })

  it.each([
    ['*.*', true],
    ['metadata.*.*', true],
    ['metadata.fieldMetadata.*', true],
    ['metadata.*.created', true],
    ['metadata.fieldMetadata.created', true],
    ['metadata.objectMetadata.*', false],
    ['fieldMetadata.*', false],
  ])('%s gets a field created: %s', async (operation, gets) => {
    const { twenty, call, sent, subscribe } = workspace()
    const { id } = twenty.records.schema.bySingular('person')!
    subscribe([operation])
    call('POST', '/rest/metadata/fields', { objectMetadataId: id, type: 'TEXT', name: 'rank', label: 'Rank' })
    await settle()
    expect(sent).toHaveLength(gets ? 1 : 0)
    if (!gets) return
    expect(Object.keys(sent[0]!.body)).toEqual([
      'targetUrl',
      'eventName',
      'workspaceId',
      'webhookId',
      'eventDate',
      'apiKeyId',
      'event',
    ])
    expect(sent[0]!.body.eventName).toBe('metadata.fieldMetadata.created')
  })
})

describe('delivery faults', () => {
  it('drop the next ones, a share of them, or what is over the cap', async () => {
    const { twenty, sent, subscribe, person, clock } = workspace({ random: () => 0.5 })
    subscribe(['*.*'])
    const { webhooks } = twenty.faults
    webhooks.dropNext = 1
    person()
    person()
    await settle()
    expect(sent).toHaveLength(1)
    webhooks.dropRate = 0.6
    person()
    await settle()
    expect(sent).toHaveLength(1)
    webhooks.dropRate = 0
    webhooks.capPerMinute = 2
    for (let n = 0; n < 5; n++) person()
    await settle()
    expect(sent).toHaveLength(3)
    await clock.advance(60_001)
    person()
    await settle()
    expect(sent).toHaveLength(4)
    expect(twenty.dispatcher.deliveries.filter(each => each.outcome === 'dropped')).toHaveLength(5)
  })

  it('delay, repeat and reverse them', async () => {
    const { twenty, sent, subscribe, person, clock } = workspace()
    subscribe(['*.*'])
    const { webhooks } = twenty.faults
    webhooks.delayMs = 1_000
    person({ jobTitle: 'late' })
    await clock.advance(999)
    expect(sent).toEqual([])
    await clock.advance(1)
    expect(sent).toHaveLength(1)
    webhooks.delayMs = 0
    webhooks.duplicates = 3
    person({ jobTitle: 'again' })
    await settle()
    expect(sent).toHaveLength(5)
    webhooks.duplicates = 0
    webhooks.reorderWithinMs = 100
    for (const jobTitle of ['1', '2', '3']) person({ jobTitle })
    await clock.advance(100)
    expect(sent.slice(5).map(each => each.body.record.jobTitle)).toEqual(['3', '2', '1'])
  })

  it('refuse private targets without a word to the client', async () => {
    const { twenty, call, sent, person } = workspace()
    twenty.faults.webhooks.refusePrivateTargets = true
    for (const targetUrl of ['http://127.0.0.1:9/', 'http://192.168.1.4/', 'https://crm.example.com/'])
      expect(call('POST', '/rest/webhooks', { targetUrl, operations: ['*.*'] }).status).toBe(201)
    person()
    await settle()
    expect(sent.map(each => each.url)).toEqual(['https://crm.example.com/'])
    expect(twenty.dispatcher.deliveries.filter(each => each.outcome === 'failed').map(each => each.error)).toEqual([
      'Request to internal IP address 127.0.0.1 is not allowed.',
      'Request to internal IP address 192.168.1.4 is not allowed.',
    ])
  })

  it('spoil the signature or the time', async () => {
    const { twenty, sent, subscribe, person, clock } = workspace()
    subscribe(['*.*'], 'right')
    const { webhooks } = twenty.faults
    webhooks.wrongSignature = true
    webhooks.timestampSkewMs = -600_000
    person()
    await settle()
    const { headers, raw } = sent[0]!
    const timestamp = headers['X-Twenty-Webhook-Timestamp']!
    expect(Number(timestamp)).toBe(clock.now() - 600_000)
    const right = createHmac('sha256', 'right').update(`${timestamp}:${raw}`).digest('hex')
    expect(headers['X-Twenty-Webhook-Signature']).not.toBe(right)
  })
})

describe('delivery over HTTP', () => {
  const receiver = new Receiver()
  let port = 0

  beforeAll(async () => {
    port = await receiver.start()
  })

  afterAll(() => receiver.stop())

  it('is tried once: a refusal, a dead receiver and one that hangs for 5 s are never sent again', async () => {
    const sandbox = await startSandboxTwenty()
    const headers = { authorization: `Bearer ${sandbox.apiKey}` }
    const hook = (targetUrl: string) =>
      fetch(`${sandbox.url}/rest/webhooks`, {
        method: 'POST',
        headers,
        body: JSON.stringify({ targetUrl, operations: ['person.created'] }),
      })
    await hook(`http://127.0.0.1:${port}/`)
    receiver.status = 503
    sandbox.asUser(String(sandbox.members[0]!.id)).create('people', { jobTitle: 'refused' })
    await sandbox.waitForDeliveries(1)
    receiver.status = null
    sandbox.asUser(String(sandbox.members[0]!.id)).create('people', { jobTitle: 'hangs' })
    await sandbox.waitForDeliveries(2)
    expect(receiver.received).toHaveLength(2)
    expect(sandbox.deliveries.map(({ outcome, status }) => [outcome, status])).toEqual([
      ['failed', 503],
      ['failed', null],
    ])
    await sandbox.stop()
  }, 20_000)
})
