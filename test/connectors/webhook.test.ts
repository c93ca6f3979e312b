import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import type { Received } from '../../src/connectors/connector.ts'
import webhook from '../../src/connectors/webhook.ts'
import { derivedId } from '../../src/identity.ts'
import { schemaErrors } from '../support/schema-errors.ts'
import { createConnector, NOW, post } from './webhook-support.ts'

const open = { verify: 'none' as const }

async function refusal(received: Promise<Received>): Promise<string> {
  return received.then(
    () => 'accepted',
    error => `${error.status} ${error.code}`,
  )
}

describe('config', () => {
  it('has examples that are valid', () => {
    for (const { yaml } of webhook.examples) {
      const { type, ...config } = parse(yaml)
      expect(type).toBe('webhook')
      expect(schemaErrors(webhook.config, config)).toEqual([])
    }
  })

  it.each([
    { path: '/x' },
    { path: '/x', verify: { scheme: 'guthib', secret: 'x' } },
    { path: '/x', verify: { header: 'x-key' } },
    { path: '/x', verify: { header: 'x-key', equals: 'y', scheme: 'bearer', token: 'z' } },
    { path: '/x', verify: { scheme: 'github', secret: [] } },
    { path: '/x', verify: { scheme: 'hmac', secret: 's', header: 'h', signed: '{timestamp}' } },
    { path: 'x', verify: 'none' },
    { path: '/x?y', verify: 'none' },
    { path: '/x', verify: 'none', accept: ['xml'] },
    { path: '/x', verify: 'none', honypot: 'website' },
  ])('refuses %j', config => {
    expect(schemaErrors(webhook.config, config)).not.toEqual([])
  })

  it('describes every field', () => {
    for (const [name, field] of Object.entries(webhook.config.properties)) {
      expect(field.description, name).toMatch(/\.$/)
      expect(field.examples ?? field.default, name).toBeDefined()
    }
  })

  it('gives the server its route', () => {
    expect(createConnector(open).route).toEqual({
      path: '/hooks/form',
      methods: ['POST'],
      bodyLimitBytes: 1024 ** 2,
      cors: undefined,
    })
    expect(createConnector({ ...open, bodyLimit: '16MiB', cors: ['https://a.example'] }).route).toMatchObject({
      bodyLimitBytes: 16 * 1024 ** 2,
      cors: ['https://a.example'],
    })
    expect(() => createConnector({ ...open, bodyLimit: '17MiB' })).toThrow(/connectors.form.bodyLimit/)
  })
})

describe('events', () => {
  it('are of the object, with the received bytes', async () => {
    const body = '{ "email": "ada@example.com" , "n": 1.0 }'
    const { events, response } = await createConnector({ ...open, object: 'lead' }).receive!(post(body))
    const [event] = events
    expect(event).toMatchObject({
      type: 'lead.received',
      source: '/form',
      subject: `lead/${event!.id}`,
      key: event!.id,
      time: '2026-11-24T10:00:00.000Z',
      data: { email: 'ada@example.com', n: 1 },
    })
    expect(event!.raw?.toString()).toBe(body)
    expect(response).toBeUndefined()
    expect(createConnector(open).objects).toEqual(['received'])
  })

  it('have a random id, unless something names the delivery', async () => {
    const connector = createConnector({ ...open, idempotency: 'data.?submission', key: "headers['x-customer']" })
    const send = (body: string) =>
      connector.receive!(post(body, { 'x-customer': 'c 1' })).then(({ events }) => events[0]!)
    const [first, again, other, unnamed] = [
      await send('{"submission":7}'),
      await send('{"submission":7,"x":1}'),
      await send('{"submission":8}'),
      await send('{}'),
    ]
    expect(first.id).toBe(derivedId('form', '7'))
    expect(again.id).toBe(first.id)
    expect(new Set([first.id, other.id, unnamed.id]).size).toBe(3)
    expect(first).toMatchObject({ key: 'c 1', subject: 'received/c 1' })
  })

  it('of two connectors differ for the same delivery', async () => {
    const config = { ...open, idempotency: 'data.id' }
    const [a, b] = await Promise.all(['a', 'b'].map(name => createConnector(config, name).receive!(post('{"id":1}'))))
    expect(a!.events[0]!.id).not.toBe(b!.events[0]!.id)
  })

  it('say what the sender left out', async () => {
    expect(await refusal(createConnector({ ...open, key: 'data.email' }).receive!(post('{}')))).toBe(
      '400 MISSING_FIELD',
    )
    expect(await refusal(createConnector({ ...open, key: 'data.email' }).receive!(post('{"email":{}}')))).toBe(
      '400 BAD_KEY',
    )
    expect(
      await refusal(createConnector({ ...open, key: 'data.email' }).receive!(post(`{"email":"${'x'.repeat(1025)}"}`))),
    ).toBe('400 BAD_KEY')
    expect(await refusal(createConnector({ ...open, time: 'data.at' }).receive!(post('{"at":"soon"}')))).toBe(
      '400 BAD_TIME',
    )
  })

  it.each([
    ['"2026-01-02T03:04:05+01:00"', '2026-01-02T02:04:05.000Z'],
    ['1767326645', '2026-01-02T04:04:05.000Z'],
    ['1767326645123', '2026-01-02T04:04:05.123Z'],
    ['null', new Date(NOW).toISOString()],
  ])('take the time %s from the sender where told to', async (at, time) => {
    const { events } = await createConnector({ ...open, time: 'data.at' }).receive!(post(`{"at":${at}}`))
    expect(events[0]!.time).toBe(time)
  })

  it('keep the headers that matter', async () => {
    const connector = createConnector({ ...open, keepHeaders: ['X-Event-Name', 'x-absent'] })
    const { events } = await connector.receive!(post('{}', { 'x-event-name': 'call.ended' }))
    expect(events[0]!.extensions).toEqual({ xeventname: 'call.ended' })
  })

  it('come one per element of a list, where that is asked for', async () => {
    const { events } = await createConnector({ ...open, items: true }).receive!(post('[{"a":1},{"a":2}]'))
    expect(events.map(event => event.data)).toEqual([{ a: 1 }, { a: 2 }])
    expect(events.every(event => event.raw === undefined)).toBe(true)
    expect(await createConnector({ ...open, items: true }).receive!(post('[]'))).toMatchObject({
      events: [],
      dropped: 'empty',
    })
    expect(await refusal(createConnector({ ...open, items: true }).receive!(post('[{},1]')))).toBe('400 NOT_AN_OBJECT')
    expect(await refusal(createConnector(open).receive!(post('[{}]')))).toBe('400 NOT_AN_OBJECT')
  })
})

describe('browser forms', () => {
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  const page = { ...form, accept: 'text/html,application/xhtml+xml' }
  const config = {
    ...open,
    accept: ['json' as const, 'form' as const],
    honeypot: 'website',
    redirect: 'https://a.example/thanks',
  }

  it('answer a bot exactly as a person, and keep nothing', async () => {
    const connector = createConnector(config)
    const caught = await connector.receive!(post('{"website":"http://spam.example"}'))
    expect(caught).toEqual({ events: [], dropped: 'honeypot', response: { status: 202, body: { accepted: 1 } } })
    for (const empty of ['{}', '{"website":""}', '{"website":null}']) {
      expect(await connector.receive!(post(empty))).toMatchObject({ events: [{ type: 'form.received' }] })
    }
    const person = await connector.receive!(post('email=a&website=', page))
    const bot = await connector.receive!(post('email=a&website=x', page))
    expect(bot.response).toEqual(person.response)
    expect([person.events.length, bot.events.length]).toEqual([1, 0])
  })

  it('go to the thank-you page without script, and get JSON with it', async () => {
    const connector = createConnector(config)
    expect((await connector.receive!(post('a=1', page))).response).toEqual({
      status: 303,
      headers: { location: 'https://a.example/thanks' },
    })
    expect((await connector.receive!(post('a=1', { ...form, accept: '*/*' }))).response).toBeUndefined()
    expect((await connector.receive!(post('{}', { accept: 'text/html' }))).response).toBeUndefined()
  })
})
