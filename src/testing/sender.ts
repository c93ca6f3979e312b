import { createHmac } from 'node:crypto'
import type { Static } from '@sinclair/typebox'
import { listOf } from '../connectors/webhook/scheme.ts'
import type { Verification } from '../connectors/webhook/verify.ts'

type Proof = Readonly<Record<string, string>>
type Verify = Exclude<Static<typeof Verification>, 'none'>
type Scheme<Name extends string> = Extract<Verify, { scheme: Name }>

export interface Outgoing {
  readonly method: string
  readonly path: string
  /** The whole address, with the query. */
  readonly address: string
  readonly headers: Proof
  readonly body: Buffer
  readonly at: number
  /** The sender's own name for the delivery. */
  readonly id: string
}

/** What a sender that holds the secret adds to its request. */
export function proofOf(verify: Static<typeof Verification>, request: Outgoing): Proof {
  if (verify === 'none') return {}
  if (!('scheme' in verify)) return { [verify.header.toLowerCase()]: first(verify.equals) }
  switch (verify.scheme) {
    case 'bearer':
      return { authorization: `Bearer ${first(verify.token)}` }
    case 'basic':
      return { authorization: `Basic ${base64(`${verify.username}:${first(verify.password)}`)}` }
    case 'github':
      return { 'x-hub-signature-256': `sha256=${hmac(verify, request.body)}`, 'x-github-delivery': request.id }
    case 'shopify':
      return {
        'x-shopify-hmac-sha256': hmac(verify, request.body, 'base64'),
        'x-shopify-webhook-id': request.id,
      }
    case 'stripe':
      return stripe(verify, request)
    case 'standard':
      return standard(verify, request)
    case 'hubspot-v3':
      return hubspot(verify, request)
    case 'hmac':
      return described(verify, request)
  }
}

function stripe(verify: Scheme<'stripe'>, { at, body }: Outgoing): Proof {
  const timestamp = seconds(at)
  return { 'stripe-signature': `t=${timestamp},v1=${hmac(verify, joined(`${timestamp}.`, body))}` }
}

function standard({ secret }: Scheme<'standard'>, { at, id, body }: Outgoing): Proof {
  const timestamp = seconds(at)
  const key = Buffer.from(first(secret).replace(/^whsec_/, ''), 'base64')
  const signature = createHmac('sha256', key)
    .update(joined(`${id}.${timestamp}.`, body))
    .digest('base64')
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` }
}

function hubspot(verify: Scheme<'hubspot-v3'>, { at, method, address, body }: Outgoing): Proof {
  const query = /\?.*$/.exec(address)?.[0] ?? ''
  const start = `${method}${decodeURIComponent(verify.url === undefined ? address : verify.url + query)}`
  return {
    'x-hubspot-signature-v3': hmac(verify, joined(start, body, String(at)), 'base64'),
    'x-hubspot-request-timestamp': String(at),
  }
}

function described(verify: Scheme<'hmac'>, { at, method, path, headers, body }: Outgoing): Proof {
  const { algorithm = 'sha256', encoding = 'hex', prefix = '', secretEncoding = 'text', signed = '{body}' } = verify
  const timestamp = verify.timestampHeader ? { [verify.timestampHeader.toLowerCase()]: seconds(at) } : {}
  const sent: Proof = { ...headers, ...timestamp }
  const parts = signed.split(/(\{[^{}]*\})/).map(part => {
    if (part === '{body}') return body
    if (part === '{method}') return method
    if (part === '{path}') return path
    if (part === '{timestamp}') return seconds(at)
    const name = /^\{header:([^}]*)\}$/.exec(part)?.[1]
    return name === undefined ? part : (sent[name.toLowerCase()] ?? '')
  })
  const key = Buffer.from(first(verify.secret), secretEncoding === 'text' ? 'utf8' : secretEncoding)
  const signature = createHmac(algorithm, key)
    .update(joined(...parts))
    .digest(encoding)
  return { ...timestamp, [verify.header.toLowerCase()]: prefix + signature }
}

function hmac({ secret }: { secret: string | string[] }, message: Buffer, encoding: 'hex' | 'base64' = 'hex'): string {
  return createHmac('sha256', first(secret)).update(message).digest(encoding)
}

function first(secrets: string | string[]): string {
  return listOf(secrets)[0]!
}

function joined(...parts: readonly (string | Buffer)[]): Buffer {
  return Buffer.concat(parts.map(part => Buffer.from(part as string)))
}

function seconds(at: number): string {
  return String(Math.floor(at / 1000))
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}
