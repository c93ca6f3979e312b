import { type Static, Type } from '@sinclair/typebox'
import { Duration, Secret, Url } from '../../config/definition.ts'

export const DEFAULT_URL = 'https://api.stripe.com'

export const StripeConfig = Type.Object(
  {
    secretKey: Secret({
      description:
        'Secret key, or better a restricted one that may write customers and invoices and read events. A test key works on test data.',
      examples: ['${STRIPE_KEY}'],
    }),
    url: Type.Optional(
      Url({
        description: "Address of the API, without a path; another one than Stripe's for tests.",
        default: DEFAULT_URL,
        examples: ['${STRIPE_URL}'],
      }),
    ),
    timeout: Type.Optional(
      Duration({
        description: 'Longest wait for one whole answer; Stripe itself takes up to 80 s.',
        default: '80s',
        examples: ['30s'],
      }),
    ),
    limits: Type.Optional(
      Type.Object(
        {
          perSecond: Type.Optional(
            Type.Integer({
              minimum: 1,
              description: 'Calls per second. Stripe allows 25 with test keys and 100 with live ones.',
              default: 20,
              examples: [80],
            }),
          ),
          concurrency: Type.Optional(
            Type.Integer({ minimum: 1, description: 'Calls under way at one time, per instance.', default: 8 }),
          ),
        },
        { additionalProperties: false, description: 'What Stripe allows; the rate counts for all instances together.' },
      ),
    ),
  },
  { additionalProperties: false },
)

export type StripeConfig = Static<typeof StripeConfig>
