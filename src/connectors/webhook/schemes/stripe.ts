import { Type } from '@sinclair/typebox'
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
 * Stripe: HMAC-SHA256 over `timestamp.body`, hex, in `Stripe-Signature: t=…,v1=…`; `v0` is of test mode and no proof.
 * @see https://docs.stripe.com/webhooks#verify-manually
 */
export default defineScheme({
  config: Type.Object(
    {
      scheme: Type.Literal('stripe', { description: 'Stripe events.' }),
      secret: Secrets("The endpoint's signing secret (`whsec_…`)."),
      tolerance: Tolerance,
    },
    { additionalProperties: false, description: 'Stripe: Stripe-Signature; the event id names the delivery.' },
  ),
  create(config) {
    const macs = listOf(config.secret).map(secret => hmacOf('sha256', 'hex', secret))
    const allowedMs = toleranceMs(config.tolerance)
    return {
      verify(request) {
        const { timestamp, signatures } = parse(requiredHeader(request, 'stripe-signature'))
        checkAge(epochMs(timestamp), request.receivedAt, allowedMs)
        const valid = macs.some(mac => {
          const expected = mac(`${timestamp}.`, request.body)
          return signatures.some(given => sameText(given, expected))
        })
        if (!valid) throw refused('mismatch')
      },
      deliveryId: (_request, item) => (typeof item.id === 'string' && item.id !== '' ? item.id : undefined),
    }
  },
})

function parse(header: string): { timestamp: string; signatures: string[] } {
  const timestamps: string[] = []
  const signatures: string[] = []
  for (const part of header.split(',')) {
    const equals = part.indexOf('=')
    const name = part.slice(0, equals).trim()
    if (name === 't') timestamps.push(part.slice(equals + 1))
    if (name === 'v1') signatures.push(part.slice(equals + 1))
  }
  // Two timestamps: which one was checked and which one was signed must not differ.
  if (timestamps.length !== 1 || signatures.length === 0) throw refused('malformed')
  return { timestamp: timestamps[0]!, signatures }
}
