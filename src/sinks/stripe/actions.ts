import { Type } from '@sinclair/typebox'
import { type ActionDefinition, Expr, ExprMap, ExprTree } from '../../config/definition.ts'

const customer: ActionDefinition = {
  summary:
    'Finds a customer, or makes it; the same key gives the same customer for ever. Later steps see `id`, `name` and `email`.',
  effect: 'keyed',
  config: Type.Object(
    {
      match: Type.Object(
        {
          key: Expr({
            description: 'What the customer is known by; kept in its metadata as `twentySyncKey`.',
            examples: ['company.id'],
          }),
          email: Type.Optional(
            Expr({
              description:
                'Where no customer has the key: the one that has this address and no key. It gets the key. Several are an error.',
              examples: ['contact.emails.primaryEmail'],
            }),
          ),
        },
        { additionalProperties: false, description: 'How to find the customer.' },
      ),
      values: Type.Optional(
        ExprMap({
          description:
            "What a new customer has, by Stripe's names in camel case: `name`, `email` (default: that of `match`), `phone`, `address: { line1, line2, city, state, postalCode, country }`, `metadata`. What is empty is left out.",
          examples: [{ name: 'company.name', address: { city: 'company.address.addressCity' } }],
        }),
      ),
    },
    { additionalProperties: false },
  ),
  examples: [
    {
      title: 'The customer of a company',
      yaml: 'in: billing\nmatch: { key: data.companyId, email: data.email }\nvalues: { name: data.company, phone: data.?phone }\nas: customer\n',
    },
  ],
}

const invoice: ActionDefinition = {
  summary:
    "Makes an invoice with its lines and finalises it. Later steps see `id`, `number`, `hostedUrl`, `status`, `total` and `currency`; where another event with the step's `key` made it, `id` alone: `find` reads the rest.",
  effect: 'keyed',
  config: Type.Object(
    {
      customer: Expr({ description: 'Result of a `customer` step, or its id.', examples: ['customer'] }),
      currency: Type.Optional(
        Expr({ description: 'Three letters. Default: that of the amounts.', examples: ["'EUR'", 'data.currency'] }),
      ),
      lines: ExprTree({
        description:
          "Maps with `description` and `amount`, or `unitAmount` and `quantity`. Amounts are decimals like `'1234.50'`, or Twenty's currency values as they are.",
        examples: [[{ description: 'data.name', amount: 'data.amount' }]],
      }),
      daysUntilDue: Type.Optional(
        Type.Integer({
          minimum: 0,
          maximum: 730,
          description: 'Days until it is to be paid.',
          default: 30,
          examples: [14],
        }),
      ),
      description: Type.Optional(
        Expr({ description: 'A text that the invoice shows.', examples: ["'Order ' + data.number"] }),
      ),
      metadata: Type.Optional(
        ExprMap({
          description: "What comes back with each of Stripe's events on it.",
          examples: [{ opportunity: 'event.recordId' }],
        }),
      ),
      automaticTax: Type.Optional(
        Type.Boolean({ description: 'Stripe Tax works out the taxes; it must be set up there.', default: false }),
      ),
      finalise: Type.Optional(
        Type.Boolean({ description: 'Gives it its number and page. Without it stays a draft.', default: true }),
      ),
      send: Type.Optional(
        Type.Boolean({
          description:
            'Stripe mails it to the customer, once. Where a lost answer is asked for again after a month, nothing tells whether it was: then it is held (`STRIPE_MAIL_UNKNOWN`).',
          default: false,
        }),
      ),
    },
    { additionalProperties: false },
  ),
  examples: [
    {
      title: 'One invoice per order, however often it is told of',
      yaml: 'in: billing\nkey: data.orderId\ncustomer: data.stripeCustomer\ncurrency: "\'EUR\'"\nlines:\n  - { description: "\'Seats\'", unitAmount: "\'49.90\'", quantity: data.seats }\nmetadata: { order: data.orderId }\nas: invoice\n',
    },
  ],
}

const find: ActionDefinition = {
  summary: 'Reads a customer or an invoice; null when there is none.',
  effect: 'read',
  config: Type.Object(
    {
      object: Type.Union([Type.Literal('customer'), Type.Literal('invoice')], {
        description: 'What is read; it is seen as after the step that makes one.',
        examples: ['invoice'],
      }),
      recordId: Expr({ description: 'Its id.', examples: ['invoice.id'] }),
    },
    { additionalProperties: false },
  ),
  examples: [
    { title: 'How an invoice is now', yaml: 'in: billing\nobject: invoice\nrecordId: data.invoiceId\nas: invoice\n' },
  ],
}

export const actions = { customer, invoice, find }
