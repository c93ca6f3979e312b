import { createHmac } from 'node:crypto'
import type { WebhookConfig } from '../connectors/webhook-support.ts'

export type Headers = Record<string, string>

/** A verification scheme from its sender's side, written apart from the code under test. */
export interface Sender {
  readonly name: string
  readonly verify: WebhookConfig['verify']
  /** Headers of a valid request. */
  sign(body: Buffer, nowMs: number): Headers
  /** Headers whose value is a proof: any change of its text must be refused. */
  readonly proofs: readonly string[]
  /** Whether the body is part of the proof. */
  readonly signsBody: boolean
  readonly timestamped: boolean
  /** Its header is a list of signatures, of which one must be right. */
  readonly severalProofs?: boolean
  /** HubSpot posts lists. */
  readonly lists?: boolean
}

/** Planted in every secret: it must not turn up in any log line or answer. */
export const CANARY = 'canary7f3a'

const secret = (name: string) => `${CANARY}-${name}`
const mac = (name: string, ...parts: (string | Buffer)[]) => {
  const hmac = createHmac('sha256', secret(name))
  for (const part of parts) hmac.update(part)
  return hmac
}

export const SENDERS: readonly Sender[] = [
  {
    name: 'standard',
    verify: { scheme: 'standard', secret: `whsec_${Buffer.from(secret('standard')).toString('base64')}` },
    sign(body, nowMs) {
      const timestamp = String(Math.floor(nowMs / 1000))
      const signature = mac('standard', `msg_1.${timestamp}.`, body).digest('base64')
      return { 'webhook-id': 'msg_1', 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` }
    },
    proofs: ['webhook-id', 'webhook-timestamp', 'webhook-signature'],
    severalProofs: true,
    signsBody: true,
    timestamped: true,
  },
  {
    name: 'stripe',
    verify: { scheme: 'stripe', secret: [secret('older'), secret('stripe')] },
    sign(body, nowMs) {
      const timestamp = String(Math.floor(nowMs / 1000))
      return { 'stripe-signature': `t=${timestamp},v1=${mac('stripe', `${timestamp}.`, body).digest('hex')}` }
    },
    proofs: ['stripe-signature'],
    severalProofs: true,
    signsBody: true,
    timestamped: true,
  },
  {
    name: 'github',
    verify: { scheme: 'github', secret: secret('github') },
    sign: body => ({ 'x-hub-signature-256': `sha256=${mac('github', body).digest('hex')}`, 'x-github-delivery': 'd1' }),
    proofs: ['x-hub-signature-256'],
    signsBody: true,
    timestamped: false,
  },
  {
    name: 'hubspot',
    verify: { scheme: 'hubspot-v3', secret: secret('hubspot'), url: 'https://sync.example.com/hooks/hubspot' },
    sign(body, nowMs) {
      const signature = mac('hubspot', 'POSThttps://sync.example.com/hooks/hubspot', body, String(nowMs)).digest(
        'base64',
      )
      return { 'x-hubspot-signature-v3': signature, 'x-hubspot-request-timestamp': String(nowMs) }
    },
    proofs: ['x-hubspot-signature-v3', 'x-hubspot-request-timestamp'],
    signsBody: true,
    timestamped: true,
    lists: true,
  },
  {
    name: 'shopify',
    verify: { scheme: 'shopify', secret: secret('shopify') },
    sign: body => ({ 'x-shopify-hmac-sha256': mac('shopify', body).digest('base64') }),
    proofs: ['x-shopify-hmac-sha256'],
    signsBody: true,
    timestamped: false,
  },
  {
    name: 'hmac',
    verify: {
      scheme: 'hmac',
      secret: secret('hmac'),
      header: 'x-signature',
      prefix: 'v1=',
      encoding: 'base64',
      timestampHeader: 'x-timestamp',
      signed: '{timestamp}:{body}',
    },
    sign(body, nowMs) {
      const timestamp = String(Math.floor(nowMs / 1000))
      return { 'x-timestamp': timestamp, 'x-signature': `v1=${mac('hmac', `${timestamp}:`, body).digest('base64')}` }
    },
    proofs: ['x-signature', 'x-timestamp'],
    signsBody: true,
    timestamped: true,
  },
  {
    name: 'bearer',
    verify: { scheme: 'bearer', token: secret('bearer') },
    sign: () => ({ authorization: `Bearer ${secret('bearer')}` }),
    proofs: ['authorization'],
    signsBody: false,
    timestamped: false,
  },
  {
    name: 'basic',
    verify: { scheme: 'basic', username: 'crm', password: secret('basic') },
    sign: () => ({ authorization: `Basic ${Buffer.from(`crm:${secret('basic')}`).toString('base64')}` }),
    proofs: ['authorization'],
    signsBody: false,
    timestamped: false,
  },
  {
    name: 'header',
    verify: { header: 'x-form-key', equals: secret('header') },
    sign: () => ({ 'x-form-key': secret('header') }),
    proofs: ['x-form-key'],
    signsBody: false,
    timestamped: false,
  },
  { name: 'none', verify: 'none', sign: () => ({}), proofs: [], signsBody: false, timestamped: false },
]
