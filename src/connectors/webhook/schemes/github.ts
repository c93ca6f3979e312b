import { Type } from '@sinclair/typebox'
import { hmacOf } from '../hmac.ts'
import { defineScheme, listOf, refused, requiredHeader, Secrets, sameText } from '../scheme.ts'

/**
 * GitHub: HMAC-SHA256 over the body, hex, in `X-Hub-Signature-256: sha256=…`. It signs no timestamp and not its delivery
 * id, so only the secret and the event id stand against a repeat.
 * @see https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
 */
export default defineScheme({
  config: Type.Object(
    {
      scheme: Type.Literal('github', { description: 'GitHub, and whoever signs like it (Forgejo, Gitea).' }),
      secret: Secrets("The webhook's secret."),
    },
    { additionalProperties: false, description: 'GitHub: X-Hub-Signature-256; X-GitHub-Delivery names the delivery.' },
  ),
  create(config) {
    const macs = listOf(config.secret).map(secret => hmacOf('sha256', 'hex', secret))
    return {
      verify(request) {
        const given = requiredHeader(request, 'x-hub-signature-256')
        if (!macs.some(mac => sameText(given, `sha256=${mac(request.body)}`))) throw refused('mismatch')
      },
      deliveryId({ headers }) {
        const id = headers['x-github-delivery']
        return typeof id === 'string' && id !== '' ? id : undefined
      },
      keepHeaders: ['x-github-event'],
    }
  },
})
