import { Type } from '@sinclair/typebox'
import { SyncError } from '../../../errors.ts'
import type { IncomingRequest } from '../../connector.ts'
import { hmacOf } from '../hmac.ts'
import {
  checkAge,
  defineScheme,
  epochMs,
  listOf,
  refused,
  requiredHeader,
  Secrets,
  sameText,
  Tolerance,
  toleranceMs,
} from '../scheme.ts'

/**
 * Standard Webhooks, symmetric form: HMAC-SHA256 over `id.timestamp.body`.
 * @see https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
export default defineScheme({
  config: Type.Object(
    {
      scheme: Type.Literal('standard', { description: 'Standard Webhooks (also Svix and those built on it).' }),
      secret: Secrets('The signing secret, as the sender shows it (`whsec_…`).'),
      tolerance: Tolerance,
    },
    {
      additionalProperties: false,
      description: 'Standard Webhooks: webhook-id, webhook-timestamp, webhook-signature.',
    },
  ),
  create(config) {
    const macs = listOf(config.secret).map(secret => hmacOf('sha256', 'base64', keyOf(secret)))
    const allowedMs = toleranceMs(config.tolerance)
    return {
      verify(request) {
        const family = familyOf(request)
        const id = requiredHeader(request, `${family}-id`)
        const timestamp = requiredHeader(request, `${family}-timestamp`)
        const signatures = requiredHeader(request, `${family}-signature`).split(' ')
        checkAge(epochMs(timestamp), request.receivedAt, allowedMs)
        const valid = macs.some(mac => {
          const expected = `v1,${mac(`${id}.${timestamp}.`, request.body)}`
          return signatures.some(given => sameText(given, expected))
        })
        if (!valid) throw refused('mismatch')
      },
      deliveryId: request => requiredHeader(request, `${familyOf(request)}-id`),
    }
  },
})

/** Svix-based senders still use the older names of the same headers. */
function familyOf(request: IncomingRequest): 'webhook' | 'svix' {
  return request.headers['webhook-signature'] === undefined && request.headers['svix-signature'] !== undefined
    ? 'svix'
    : 'webhook'
}

function keyOf(secret: string): Buffer {
  const text = secret.startsWith('whsec_') ? secret.slice('whsec_'.length) : secret
  const key = Buffer.from(text, 'base64')
  if (key.length > 0 && key.toString('base64').replace(/=+$/, '') === text.replace(/=+$/, '')) return key
  throw new SyncError('fatal', 'BAD_SECRET', 'a secret of scheme `standard` is not `whsec_` and base64; copy it whole')
}
