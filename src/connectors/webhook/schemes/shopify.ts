import { Type } from '@sinclair/typebox'
import { hmacOf } from '../hmac.ts'
import { defineScheme, listOf, refused, requiredHeader, Secrets, sameText } from '../scheme.ts'

/**
 * Shopify: HMAC-SHA256 over the body, base64, in `X-Shopify-Hmac-Sha256`.
 * @see https://shopify.dev/docs/apps/build/webhooks/subscribe/https
 */
export default defineScheme({
  config: Type.Object(
    {
      scheme: Type.Literal('shopify', { description: 'Shopify.' }),
      secret: Secrets("The app's client secret."),
    },
    {
      additionalProperties: false,
      description: 'Shopify: X-Shopify-Hmac-Sha256; X-Shopify-Webhook-Id names the delivery.',
    },
  ),
  create(config) {
    const macs = listOf(config.secret).map(secret => hmacOf('sha256', 'base64', secret))
    return {
      verify(request) {
        const given = requiredHeader(request, 'x-shopify-hmac-sha256')
        if (!macs.some(mac => sameText(given, mac(request.body)))) throw refused('mismatch')
      },
      deliveryId({ headers }) {
        const id = headers['x-shopify-webhook-id']
        return typeof id === 'string' && id !== '' ? id : undefined
      },
      keepHeaders: ['x-shopify-topic', 'x-shopify-shop-domain'],
    }
  },
})
