import { createHmac } from 'node:crypto'
import { Type } from '@sinclair/typebox'
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
    const keys = listOf(config.secret)
    return {
      verify(request) {
        const given = requiredHeader(request, 'x-shopify-hmac-sha256')
        const valid = keys.some(key => sameText(given, createHmac('sha256', key).update(request.body).digest('base64')))
        if (!valid) throw refused('mismatch')
      },
      deliveryId({ headers }) {
        const id = headers['x-shopify-webhook-id']
        return typeof id === 'string' && id !== '' ? id : undefined
      },
      keepHeaders: ['x-shopify-topic', 'x-shopify-shop-domain'],
    }
  },
})
