import { describe, expect, it } from 'vitest'
import { createScheme } from '../../src/connectors/webhook/verify.ts'
import { type Outgoing, proofOf } from '../../src/testing/sender.ts'

const SECRET = `whsec_${Buffer.from('a secret of tests').toString('base64')}`
const AT = Date.parse('2026-01-05T09:00:00Z')
const ADDRESS = 'https://sync.example.com/hooks/x'

const outgoing: Outgoing = {
  method: 'POST',
  path: '/hooks/x',
  address: `${ADDRESS}?a=1%2F2`,
  headers: { 'x-topic': 'leads' },
  body: Buffer.from('{"a":"ü"}'),
  at: AT,
  id: 'delivery-1',
}

const WAYS: [string, Parameters<typeof proofOf>[0]][] = [
  ['a shared header', { header: 'X-Key', equals: [SECRET, 'old'] }],
  ['bearer', { scheme: 'bearer', token: SECRET }],
  ['basic', { scheme: 'basic', username: 'crm', password: SECRET }],
  ['github', { scheme: 'github', secret: SECRET }],
  ['shopify', { scheme: 'shopify', secret: SECRET }],
  ['stripe', { scheme: 'stripe', secret: SECRET }],
  ['standard', { scheme: 'standard', secret: SECRET }],
  ['hubspot-v3', { scheme: 'hubspot-v3', secret: SECRET }],
  ['hubspot-v3 at an address', { scheme: 'hubspot-v3', secret: SECRET, url: 'https://other.example.com/in' }],
  ['hmac', { scheme: 'hmac', secret: SECRET, header: 'x-signature' }],
  [
    'hmac over many parts',
    {
      scheme: 'hmac',
      secret: Buffer.from('key').toString('hex'),
      secretEncoding: 'hex',
      header: 'x-signature',
      algorithm: 'sha512',
      encoding: 'base64',
      prefix: 'v1=',
      timestampHeader: 'X-Timestamp',
      signed: '{method}:{path}:{header:x-topic}:{timestamp}.{body}',
    },
  ],
]

describe('what a case posts carries the proof that the connector asks for', () => {
  it.each(WAYS)('%s', (_, verify) => {
    const scheme = createScheme(verify, ADDRESS)
    const request = { ...outgoing, query: {}, rawQuery: 'a=1%2F2', receivedAt: AT }
    const sent = { ...request, headers: { ...outgoing.headers, ...proofOf(verify, outgoing) } }
    expect(() => scheme.verify(sent)).not.toThrow()
    expect(() => scheme.verify(request)).toThrow(/valid signature/)
  })

  it('none where none is asked for', () => {
    expect(proofOf('none', outgoing)).toEqual({})
  })
})
