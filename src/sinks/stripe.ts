import { StripeClient } from '../clients/stripe/client.ts'
import { StripeConfig } from '../clients/stripe/config.ts'
import { defineSink } from '../config/definition.ts'
import { actions } from './stripe/actions.ts'
import { StripeSink } from './stripe/sink.ts'

export default defineSink({
  type: 'stripe',
  summary: 'Customers and invoices at Stripe, each made once.',
  config: StripeConfig,
  examples: [
    { title: 'An account', yaml: 'type: stripe\nsecretKey: "${STRIPE_KEY}"\n' },
    {
      title: 'A live account with a higher limit',
      yaml: 'type: stripe\nsecretKey: "${STRIPE_KEY}"\nlimits: { perSecond: 80 }\n',
    },
  ],
  check({ url }) {
    if (url === undefined || !URL.canParse(url) || /^\/?$/.test(new URL(url).pathname)) return []
    return [
      { path: ['url'], message: 'the address has a path; the API is at `/v1` of it', suggestion: new URL(url).origin },
    ]
  },
  actions,
  client: (config, context) => new StripeClient(config, context),
  create: (_config, { client }) => new StripeSink(client as StripeClient),
})
