import fc from 'fast-check'
import pino from 'pino'
import { expect, it } from 'vitest'
import { objectsFrom } from '../../src/clients/twenty/metadata.ts'
import { TwentySchema } from '../../src/clients/twenty/schema.ts'
import { fieldHashes, recordHash } from '../../src/connectors/known-records.ts'
import { canonicalRecord } from '../../src/connectors/twenty/canonical-record.ts'
import { eventId } from '../../src/connectors/twenty/event-id.ts'
import twentyConnector from '../../src/connectors/twenty.ts'
import type { ChangeEvent, Fields } from '../../src/event.ts'
import { localCoordinator } from '../../src/state/local-coordinator.ts'
import { memoryState } from '../../src/state/memory.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const field = (name: string, type: string, more: Fields = {}) => ({ name, type, ...more })
const schema = new TwentySchema(
  objectsFrom(
    [
      {
        nameSingular: 'person',
        namePlural: 'people',
        fields: [
          field('id', 'UUID'),
          field('createdAt', 'DATE_TIME'),
          field('updatedAt', 'DATE_TIME'),
          field('deletedAt', 'DATE_TIME'),
          field('position', 'POSITION'),
          field('createdBy', 'ACTOR'),
          field('updatedBy', 'ACTOR'),
          field('searchVector', 'TS_VECTOR'),
          field('name', 'FULL_NAME'),
          field('emails', 'EMAILS'),
          field('jobTitle', 'TEXT'),
          field('revenue', 'CURRENCY'),
          field('company', 'RELATION', { relation: { type: 'MANY_TO_ONE' } }),
          field('notes', 'RELATION', { relation: { type: 'ONE_TO_MANY' } }),
        ],
      },
    ],
    [],
  ),
)
const person = schema.object('person')

const text = fc.oneof(fc.constant(null), fc.string({ minLength: 1 }))
const id = fc.uuid({ version: 4 })
const instant = fc
  .integer({ min: Date.parse('2026-01-01'), max: Date.parse('2026-12-31') })
  .map(ms => new Date(ms).toISOString())

/** What a record says, before anybody has written it down. */
const content = fc.record({
  id,
  createdAt: instant,
  updatedAt: instant,
  deletedAt: fc.oneof(fc.constant(null), instant),
  name: fc.record({ firstName: text, lastName: text }),
  emails: fc.record({
    primaryEmail: fc.oneof(fc.constant(null), fc.emailAddress()),
    additionalEmails: fc.constantFrom(null, ['b@example.com']),
  }),
  jobTitle: text,
  revenue: fc.record({
    amountMicros: fc.oneof(fc.constant(null), fc.maxSafeInteger()),
    currencyCode: fc.constantFrom(null, 'EUR'),
  }),
  companyId: fc.oneof(fc.constant(null), id),
})

/** The same, written down in one of the ways in which servers and their two mouths differ. */
function shapes(record: Fields): fc.Arbitrary<Fields> {
  return fc.infiniteStream(fc.nat()).map(random => {
    const pick = (...choices: unknown[]): unknown => choices[random.next().value! % choices.length]
    const write = (value: unknown, isTop: boolean): unknown => {
      if (value === null) return pick(null, '', undefined)
      if (Array.isArray(value) || typeof value !== 'object') return value
      const entries = Object.entries(value as Fields).map(([name, inner]) => [name, write(inner, false)] as const)
      const written = Object.fromEntries(pick(0, 1) ? entries : entries.reverse())
      for (const [name, inner] of Object.entries(written)) if (inner === undefined) delete written[name]
      const isEmpty = Object.values(written).every(inner => inner === null || inner === '')
      return !isTop && isEmpty ? pick(written, null, undefined) : written
    }
    const written = write(record, true) as Fields
    const revenue = written.revenue as Fields | null | undefined
    if (typeof revenue?.amountMicros === 'number')
      revenue.amountMicros = pick(revenue.amountMicros, String(revenue.amountMicros))
    const noise = {
      position: pick(1, 2, '3'),
      searchVector: pick(undefined, "'ada':1"),
      updatedBy: pick(undefined, { source: 'API', name: 'key' }, { source: 'MANUAL', name: 'Tim', context: {} }),
      createdBy: pick(undefined, { source: 'API', name: 'key' }),
      company: pick(undefined, null, { id: record.companyId, name: 'Acme' }),
      notADeclaredField: pick(undefined, 'x'),
    }
    const all = { ...written, ...noise, id: record.id, updatedAt: record.updatedAt, createdAt: record.createdAt }
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
  })
}

async function byWebhook(record: Fields, action: string, clock: VirtualClock): Promise<ChangeEvent | undefined> {
  const connector = connect(record, clock)
  const payload = {
    eventName: `person.${action}`,
    objectMetadata: { nameSingular: 'person' },
    record,
    updatedFields: ['jobTitle'],
  }
  const received = await connector.receive!({
    method: 'POST',
    path: '/hooks/twenty',
    query: {},
    headers: {},
    body: Buffer.from(JSON.stringify(payload)),
    receivedAt: clock.now(),
  })
  return received.events[0]
}

async function byPoll(record: Fields, knownFrom: string, clock: VirtualClock): Promise<ChangeEvent | undefined> {
  const connector = connect(record, clock)
  const cursor = { objects: { person: { since: knownFrom, knownFrom } }, idsWalkedAt: clock.now() }
  const found: ChangeEvent[] = []
  for await (const page of connector.poll!(cursor, new AbortController().signal)) found.push(...page.events)
  return found[0]
}

function connect(record: Fields, clock: VirtualClock) {
  const schemas = { get: async () => schema, cached: async () => schema }
  const client = { schemas, find: async () => ({ rows: [record], servedAt: clock.now() }) }
  const env = {
    clock,
    random: () => 0,
    uuid: () => '',
    http: async () => Promise.reject(),
    logger: pino({ level: 'silent' }),
  }
  return twentyConnector.create(
    { url: 'http://127.0.0.1', apiKey: 'x', unsigned: true },
    {
      name: 'twenty',
      env,
      client,
      objects: ['person'],
      state: memoryState({ clock }),
      coordinator: localCoordinator({ clock }),
      compile: () => {
        throw new Error('not needed')
      },
    },
  )
}

it('webhook and poll of the same row give the same id, whatever the shape', async () => {
  const clock = new VirtualClock()
  const cases = content.chain(record => fc.tuple(fc.constant(record), shapes(record), shapes(record)))
  await fc.assert(
    fc.asyncProperty(cases, async ([record, sent, read]) => {
      const after = new Date(Date.parse(record.createdAt) + 1).toISOString()
      const webhook = await byWebhook(sent, record.deletedAt ? 'deleted' : 'updated', clock)
      const poll = await byPoll(read, after, clock)
      expect(poll).toBeDefined()
      expect(webhook?.id).toBe(poll!.id)
      expect(webhook?.type).toBe(poll!.type)
      expect(webhook?.time).toBe(poll!.time)
      if (record.deletedAt) return
      const before = new Date(Date.parse(record.createdAt) - 1).toISOString()
      expect((await byWebhook(sent, 'created', clock))?.id).toBe((await byPoll(read, before, clock))?.id)
    }),
    { numRuns: 300 },
  )
})

it('another value, another time or the trash give another id; the same again does not', () => {
  const cases = fc.tuple(content, content)
  fc.assert(
    fc.property(cases, ([one, two]) => {
      const idOf = (record: Fields, kind: 'present' | 'deleted', updatedAtMs: number) =>
        eventId('twenty', 'person', 'r', { kind, updatedAtMs, hash: recordHash(canonicalRecord(record, person)) })
      const same = recordHash(canonicalRecord(one, person)) === recordHash(canonicalRecord(two, person))
      expect(idOf(one, 'present', 1) === idOf(two, 'present', 1)).toBe(same)
      expect(idOf(one, 'present', 1)).not.toBe(idOf(one, 'present', 2))
      expect(idOf(one, 'present', 1)).not.toBe(idOf(one, 'deleted', 1))
      expect(idOf(one, 'present', 1)).toBe(idOf({ ...one }, 'present', 1))
    }),
  )
})

it('ids are pinned: changing them would make every earlier event a new one', () => {
  const record = { id: 'r', jobTitle: 'CTO', name: { lastName: 'Lovelace', firstName: 'Ada' }, position: 3 }
  const hash = recordHash(canonicalRecord(record, person))
  expect(hash).toMatchInlineSnapshot(`"edfe2e61d089171b"`)
  expect(eventId('twenty', 'person', 'r', { kind: 'present', updatedAtMs: 1, hash })).toMatchInlineSnapshot(
    `"fec73941-874b-5fd0-98f4-fe1b34f91321"`,
  )
  expect(eventId('twenty', 'person', 'r', { action: 'created' })).toMatchInlineSnapshot(
    `"f5ff3a2f-6667-571c-9882-0dccec0afe28"`,
  )
})

it('field hashes differ exactly where fields do', () => {
  const one = fieldHashes(canonicalRecord({ jobTitle: 'a', name: { firstName: 'x' }, companyId: '' }, person))
  const two = fieldHashes(canonicalRecord({ jobTitle: 'b', name: { firstName: 'x', lastName: null } }, person))
  expect(Object.keys(one)).toEqual(['name', 'jobTitle'])
  expect(one.name).toBe(two.name)
  expect(one.jobTitle).not.toBe(two.jobTitle)
})
