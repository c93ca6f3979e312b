import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { IncomingRequest } from '../../src/connectors/connector.ts'
import webhook from '../../src/connectors/webhook.ts'
import { SyncError } from '../../src/errors.ts'
import { derivedId } from '../../src/identity.ts'
import { createConnector, createContext, NOW, post, type WebhookConfig } from './webhook-support.ts'

type Verify = WebhookConfig['verify']

const SECONDS = NOW / 1000

async function outcome(verify: Verify, request: IncomingRequest): Promise<number> {
  try {
    const { events } = await createConnector({ verify }).receive!(request)
    expect(events).toHaveLength(1)
    return 202
  } catch (error) {
    expect(error).toBeInstanceOf(SyncError)
    const { kind, status, message } = error as SyncError
    expect(kind).toBe('rejected')
    if (status === 401)
      expect(message).toBe('the request does not carry a valid signature or credential for this address')
    return status!
  }
}

const hmac = (key: string | Buffer, ...parts: (string | Buffer)[]) => {
  const mac = createHmac('sha256', key)
  for (const part of parts) mac.update(part)
  return mac
}

describe('standard', () => {
  const secret = 'whsec_plJ3nmyCDGBKInavdOK15jsl'
  const key = Buffer.from('plJ3nmyCDGBKInavdOK15jsl', 'base64')
  const body = '{"event_type":"ping","data":{"success":true}}'
  const sign = (timestamp: number) => `v1,${hmac(key, `msg_1.${timestamp}.${body}`).digest('base64')}`
  const headers = (timestamp: number, signature = sign(timestamp)) => ({
    'webhook-id': 'msg_1',
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signature,
  })

  it('takes the published vectors', async () => {
    // https://docs.svix.com/receiving/verifying-payloads/how-manual
    const published = post(
      body,
      {
        'webhook-id': 'msg_loFOjxBNrRLzqYUf',
        'webhook-timestamp': '1731705121',
        'webhook-signature': 'v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=',
      },
      { receivedAt: 1731705121_000 },
    )
    expect(await outcome({ scheme: 'standard', secret }, published)).toBe(202)
    // https://github.com/standard-webhooks/standard-webhooks, tests of the reference libraries
    const reference = post(
      '{"test": 2432232314}',
      {
        'svix-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
        'svix-timestamp': '1614265330',
        'svix-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
      },
      { receivedAt: 1614265330_000 },
    )
    expect(await outcome({ scheme: 'standard', secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' }, reference)).toBe(202)
  })

  it('takes any of several signatures and of several secrets', async () => {
    const several = headers(SECONDS, `v1a,nonsense v1,AAAA ${sign(SECONDS)}`)
    expect(await outcome({ scheme: 'standard', secret: ['whsec_AAAA', secret] }, post(body, several))).toBe(202)
    expect(await outcome({ scheme: 'standard', secret: 'whsec_AAAA' }, post(body, several))).toBe(401)
  })

  it.each([299, -299])('takes a timestamp %i s away', async away => {
    expect(await outcome({ scheme: 'standard', secret }, post(body, headers(SECONDS + away)))).toBe(202)
  })

  it.each([301, -301])('refuses a timestamp %i s away', async away => {
    expect(await outcome({ scheme: 'standard', secret }, post(body, headers(SECONDS + away)))).toBe(401)
  })

  it('refuses another body, id or version, and anything missing', async () => {
    const good = headers(SECONDS)
    const refusals: IncomingRequest[] = [
      post(body.replace(':', ': '), good),
      post(body, { ...good, 'webhook-id': 'msg_2' }),
      post(body, { ...good, 'webhook-signature': good['webhook-signature'].replace('v1,', 'v2,') }),
      post(body, { ...good, 'webhook-timestamp': String(SECONDS + 1) }),
      post(body, { ...good, 'webhook-timestamp': '' }),
      post(body, { ...good, 'webhook-timestamp': `${SECONDS}.5` }),
      ...Object.keys(good).map(name => post(body, { ...good, [name]: undefined })),
      post(body),
    ]
    for (const request of refusals) expect(await outcome({ scheme: 'standard', secret }, request)).toBe(401)
  })

  it('names the event by the message id', async () => {
    const { events } = await createConnector({ verify: { scheme: 'standard', secret } }).receive!(
      post(body, headers(SECONDS)),
    )
    expect(events[0]!.id).toBe(derivedId('form', 'msg_1'))
  })

  it('does not start with a secret that is not base64', () => {
    expect(() => createConnector({ verify: { scheme: 'standard', secret: 'not base64!' } })).toThrow(/whsec_/)
  })
})

describe('github', () => {
  const secret = "It's a Secret to Everybody"
  const verify: Verify = { scheme: 'github', secret }
  // https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries#testing-the-webhook-payload-validation
  const signature = 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17'

  it('takes the documented vector, which then fails as JSON only', async () => {
    expect(await outcome(verify, post('Hello, World!', { 'x-hub-signature-256': signature }))).toBe(400)
    expect(await outcome(verify, post('Hello, World?', { 'x-hub-signature-256': signature }))).toBe(401)
  })

  it('refuses the older signature and a secret of before', async () => {
    expect(await outcome(verify, post('Hello, World!', { 'x-hub-signature': signature }))).toBe(401)
    expect(
      await outcome({ scheme: 'github', secret: 'other' }, post('Hello, World!', { 'x-hub-signature-256': signature })),
    ).toBe(401)
  })

  it('names the event by the delivery, and keeps what kind of event it is', async () => {
    const request = post('{}', {
      'x-hub-signature-256': `sha256=${hmac(secret, '{}').digest('hex')}`,
      'x-github-delivery': '72d3162e-cc78-11e3-81ab-4c9367dc0958',
      'x-github-event': 'issues',
    })
    const { events } = await createConnector({ verify }).receive!(request)
    expect(events[0]).toMatchObject({
      id: derivedId('form', '72d3162e-cc78-11e3-81ab-4c9367dc0958'),
      extensions: { xgithubevent: 'issues' },
    })
  })
})

describe('stripe', () => {
  const secret = 'whsec_stripe'
  const verify: Verify = { scheme: 'stripe', secret }
  const body = '{"id":"evt_1","type":"invoice.paid"}'
  const sign = (timestamp: number, key = secret) => hmac(key, `${timestamp}.`, body).digest('hex')
  const header = (timestamp: number) => ({
    'stripe-signature': `t=${timestamp},v1=${sign(timestamp)},v0=${'0'.repeat(64)}`,
  })

  it.each([0, 299, -299])('takes a timestamp %i s away', async away => {
    expect(await outcome(verify, post(body, header(SECONDS + away)))).toBe(202)
  })

  it.each([301, -301])('refuses a timestamp %i s away', async away => {
    expect(await outcome(verify, post(body, header(SECONDS + away)))).toBe(401)
  })

  it('takes either signature and either secret while they are rotated', async () => {
    const both = `t=${SECONDS},v1=${sign(SECONDS, 'old')},v1=${sign(SECONDS, 'new')}`
    expect(await outcome({ scheme: 'stripe', secret: ['new'] }, post(body, { 'stripe-signature': both }))).toBe(202)
    expect(
      await outcome({ scheme: 'stripe', secret: ['newest', 'old'] }, post(body, { 'stripe-signature': both })),
    ).toBe(202)
    expect(await outcome({ scheme: 'stripe', secret: ['newest'] }, post(body, { 'stripe-signature': both }))).toBe(401)
  })

  it.each([
    `t=${SECONDS}`,
    `v1=${sign(SECONDS)}`,
    `t=${SECONDS},v0=${sign(SECONDS)}`,
    `t=${SECONDS},t=${SECONDS - 1000},v1=${sign(SECONDS)}`,
    `t=${SECONDS},v1=${sign(SECONDS).toUpperCase()}`,
    `t=,v1=${sign(SECONDS)}`,
    'nonsense',
    '',
  ])('refuses %s', async value => {
    expect(await outcome(verify, post(body, { 'stripe-signature': value }))).toBe(401)
  })

  it('names the event by its own id', async () => {
    const { events } = await createConnector({ verify }).receive!(post(body, header(SECONDS)))
    expect(events[0]!.id).toBe(derivedId('form', 'evt_1'))
  })
})

describe('hubspot-v3', () => {
  const verify: Verify = { scheme: 'hubspot-v3', secret: 'client-secret', url: 'https://sync.example.com/hooks/hub' }
  const item = { eventId: 1, subscriptionType: 'contact.creation', objectId: 9, attemptNumber: 0 }
  const signed = (timestamp: number, { body = JSON.stringify([item]), signedQuery = '', rawQuery = '' } = {}) =>
    post(
      body,
      {
        'x-hubspot-request-timestamp': String(timestamp),
        'x-hubspot-signature-v3': hmac(
          'client-secret',
          `POSThttps://sync.example.com/hooks/hub${signedQuery}${body}${timestamp}`,
        ).digest('base64'),
      },
      { rawQuery },
    )

  it.each([0, 299_000, -299_000])('takes a timestamp %i ms away', async away => {
    expect(await outcome(verify, signed(NOW + away))).toBe(202)
  })

  it.each([301_000, -301_000])('refuses a timestamp %i ms away', async away => {
    expect(await outcome(verify, signed(NOW + away))).toBe(401)
  })

  it('signs the query as it was sent, with the listed characters decoded', async () => {
    const query = { signedQuery: "?a=x:y/z&b=it's%20here", rawQuery: 'a=x%3Ay%2fz&b=it%27s%20here' }
    expect(await outcome(verify, signed(NOW, query))).toBe(202)
    expect(await outcome(verify, signed(NOW, { ...query, rawQuery: 'a=other' }))).toBe(401)
  })

  it('takes the address from where the world reaches us', async () => {
    const context = { ...createContext('hub'), publicUrl: 'https://sync.example.com/' }
    const config = { path: '/hooks/hub', verify: { scheme: 'hubspot-v3' as const, secret: 'client-secret' } }
    expect((await webhook.create(config, context).receive!(signed(NOW))).events).toHaveLength(1)
    expect(() => webhook.create(config, createContext('hub'))).toThrow(/server.publicUrl/)
  })

  it('gives one event per element, the same one when it is sent again', async () => {
    const other = { ...item, eventId: 2 }
    const connector = createConnector({ verify })
    const first = await connector.receive!(signed(NOW, { body: JSON.stringify([item, other]) }))
    const again = await connector.receive!(signed(NOW, { body: JSON.stringify([{ ...item, attemptNumber: 3 }]) }))
    expect(first.events.map(event => event.data)).toEqual([item, other])
    expect(again.events[0]!.id).toBe(first.events[0]!.id)
    expect(first.events[1]!.id).not.toBe(first.events[0]!.id)
  })
})

describe('shopify', () => {
  it('takes base64 of the body, and names the event by the webhook id', async () => {
    const verify: Verify = { scheme: 'shopify', secret: 's' }
    const headers = {
      'x-shopify-hmac-sha256': hmac('s', '{"id":1}').digest('base64'),
      'x-shopify-webhook-id': 'w1',
      'x-shopify-topic': 'orders/create',
    }
    const { events } = await createConnector({ verify }).receive!(post('{"id":1}', headers))
    expect(events[0]).toMatchObject({ id: derivedId('form', 'w1'), extensions: { xshopifytopic: 'orders/create' } })
    expect(await outcome(verify, post('{"id":2}', headers))).toBe(401)
  })
})

describe('hmac', () => {
  it('takes every algorithm and encoding', async () => {
    for (const algorithm of ['sha1', 'sha256', 'sha512'] as const) {
      for (const encoding of ['hex', 'base64'] as const) {
        const verify: Verify = { scheme: 'hmac', secret: 'k', header: 'X-Sig', algorithm, encoding, prefix: 'v=' }
        const signature = createHmac(algorithm, 'k').update('{}').digest(encoding)
        expect(await outcome(verify, post('{}', { 'x-sig': `v=${signature}` }))).toBe(202)
        expect(await outcome(verify, post('{}', { 'x-sig': signature }))).toBe(401)
        expect(await outcome(verify, post('{ }', { 'x-sig': `v=${signature}` }))).toBe(401)
      }
    }
  })

  it('signs what the template says', async () => {
    const verify: Verify = {
      scheme: 'hmac',
      secret: 'k',
      header: 'x-sig',
      timestampHeader: 'X-Time',
      signed: '{method}:{path}:{timestamp}:{header:x-nonce}:{body}',
    }
    const send = (timestamp: number, nonce = 'n') =>
      post('{}', {
        'x-sig': hmac('k', `POST:/hooks/form:${timestamp}:n:{}`).digest('hex'),
        'x-time': String(timestamp),
        'x-nonce': nonce,
      })
    expect(await outcome(verify, send(SECONDS))).toBe(202)
    expect(await outcome(verify, send(NOW))).toBe(202)
    expect(await outcome(verify, send(SECONDS, 'other'))).toBe(401)
    for (const away of [299, -299]) expect(await outcome(verify, send(SECONDS + away))).toBe(202)
    for (const away of [301, -301]) expect(await outcome(verify, send(SECONDS + away))).toBe(401)
  })

  it('reads keys written in hex or base64', async () => {
    const key = Buffer.from('00ff10', 'hex')
    const signature = hmac(key, '{}').digest('hex')
    for (const secretEncoding of ['hex', 'base64'] as const) {
      const verify: Verify = { scheme: 'hmac', secret: key.toString(secretEncoding), secretEncoding, header: 'x-sig' }
      expect(await outcome(verify, post('{}', { 'x-sig': signature }))).toBe(202)
    }
  })

  it.each([
    { timestampHeader: 'x-time', signed: '{body}' },
    { signed: '{timestamp}.{body}' },
    { signed: '{nonce}{body}' },
  ])('does not start with %j', given => {
    expect(() => createConnector({ verify: { scheme: 'hmac', secret: 'k', header: 'x-sig', ...given } })).toThrow(
      SyncError,
    )
  })
})

describe('credentials', () => {
  const basicOf = (pair: string) => `Basic ${Buffer.from(pair).toString('base64')}`

  it.each<[string, Verify, Record<string, string>, Record<string, string>[]]>([
    [
      'bearer',
      { scheme: 'bearer', token: ['new', 'old'] },
      { authorization: 'bearer old' },
      [
        { authorization: 'Bearer ' },
        { authorization: 'old' },
        { authorization: 'Bearer oldest' },
        { authorization: 'Basic old' },
      ],
    ],
    [
      'basic',
      { scheme: 'basic', username: 'crm', password: 'p:w' },
      { authorization: basicOf('crm:p:w') },
      [{ authorization: basicOf('crm:p') }, { authorization: basicOf(':p:w') }, { authorization: 'Basic' }],
    ],
    [
      'shared header',
      { header: 'X-Form-Key', equals: ['new', 'old'] },
      { 'x-form-key': 'new' },
      [{ 'x-form-key': 'New' }, { 'x-form-key': '' }, { 'x-form-key': 'new, new' }, { 'x-other': 'new' }],
    ],
  ])('%s', async (_name, verify, good, bad) => {
    expect(await outcome(verify, post('{}', good))).toBe(202)
    for (const headers of [...bad, {}]) expect(await outcome(verify, post('{}', headers))).toBe(401)
  })

  it('does not take a header that came twice as a list', async () => {
    const request = post('{}', {}, { headers: { 'x-form-key': ['new', 'new'] } })
    expect(await outcome({ header: 'x-form-key', equals: 'new' }, request)).toBe(401)
  })
})

it('none takes anything', async () => {
  expect(await outcome('none', post('{}'))).toBe(202)
})

it('verifies before it parses', async () => {
  expect(await outcome({ header: 'x-form-key', equals: 'k' }, post('not json'))).toBe(401)
})
