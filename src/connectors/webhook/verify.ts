import { type Static, Type } from '@sinclair/typebox'
import type { Scheme } from './scheme.ts'
import { basic, bearer, sharedHeader } from './schemes/credentials.ts'
import github from './schemes/github.ts'
import hmac from './schemes/hmac.ts'
import hubspot from './schemes/hubspot-v3.ts'
import shopify from './schemes/shopify.ts'
import standard from './schemes/standard.ts'
import stripe from './schemes/stripe.ts'

/** How a webhook's sender is verified. No default: an open address is open because somebody wrote `none`. */
export const Verification = Type.Union(
  [
    Type.Literal('none', { description: 'Anybody may send. For public forms, with `honeypot` and `cors`.' }),
    standard.config,
    stripe.config,
    github.config,
    hubspot.config,
    shopify.config,
    hmac.config,
    bearer.config,
    basic.config,
    sharedHeader.config,
  ],
  {
    description:
      'How the sender proves itself: `none`, a shared header (`header` and `equals`), or a `scheme`: standard, stripe, ' +
      'github, hubspot-v3, shopify, hmac, bearer, basic.',
    examples: [
      { header: 'x-form-key', equals: '${FORM_KEY}' },
      { scheme: 'github', secret: '${GITHUB_SECRET}' },
    ],
  },
)

/** @throws SyncError fatal for a secret, template or address that cannot work. */
export function createScheme(config: Static<typeof Verification>, address?: string): Scheme {
  if (config === 'none') return { verify() {} }
  if (!('scheme' in config)) return sharedHeader.create(config)
  switch (config.scheme) {
    case 'standard':
      return standard.create(config)
    case 'stripe':
      return stripe.create(config)
    case 'github':
      return github.create(config)
    case 'hubspot-v3':
      return hubspot.create(config, address)
    case 'shopify':
      return shopify.create(config)
    case 'hmac':
      return hmac.create(config)
    case 'bearer':
      return bearer.create(config)
    case 'basic':
      return basic.create(config)
  }
}
