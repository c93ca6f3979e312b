import { Type } from '@sinclair/typebox'
import { SyncError } from '../../../errors.ts'
import { canonicalJson } from '../../../identity.ts'
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

/** What HubSpot decodes in a URL before it signs it. */
const DECODED = /%(?:3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)/gi

/**
 * HubSpot v3: HMAC-SHA256 over method, public URL, body and timestamp (milliseconds), base64.
 * @see https://developers.hubspot.com/docs/guides/apps/authentication/validating-requests
 */
export default defineScheme({
  config: Type.Object(
    {
      scheme: Type.Literal('hubspot-v3', { description: 'HubSpot apps and workflows, signature version 3.' }),
      secret: Secrets("The app's client secret."),
      url: Type.Optional(
        Type.String({
          pattern: '^https?://[^?#]+$',
          description:
            'The address that HubSpot calls, exactly as entered there; it is part of what is signed. Default: `server.publicUrl` and the path.',
          examples: ['https://sync.example.com/hooks/hubspot'],
        }),
      ),
      tolerance: Tolerance,
    },
    { additionalProperties: false, description: 'HubSpot: X-HubSpot-Signature-v3 and X-HubSpot-Request-Timestamp.' },
  ),
  create(config, address) {
    const base = config.url ?? address
    if (base === undefined) {
      const message =
        'scheme `hubspot-v3` signs the address that is called: set `server.publicUrl`, or `url` beside the secret'
      throw new SyncError('fatal', 'NO_PUBLIC_URL', message)
    }
    const macs = listOf(config.secret).map(secret => hmacOf('sha256', 'base64', secret))
    const allowedMs = toleranceMs(config.tolerance)
    return {
      verify(request) {
        const given = requiredHeader(request, 'x-hubspot-signature-v3')
        const timestamp = requiredHeader(request, 'x-hubspot-request-timestamp')
        checkAge(epochMs(timestamp), request.receivedAt, allowedMs)
        const url = `${base}${request.rawQuery ? `?${request.rawQuery}` : ''}`.replace(DECODED, decodeURIComponent)
        const start = `${request.method}${url}`
        if (!macs.some(mac => sameText(given, mac(start, request.body, timestamp)))) throw refused('mismatch')
      },
      // Its eventId is not unique by its own account, and a repeat differs in attemptNumber only.
      deliveryId: (_request, { attemptNumber: _, ...item }) => canonicalJson(item),
    }
  },
})
