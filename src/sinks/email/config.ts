import { Type } from '@sinclair/typebox'
import { Expr, ExprMap, File, WindowKeys } from '../../config/definition.ts'
import { LITERAL_ADDRESS } from './address.ts'

const Literal = Type.String({
  pattern: LITERAL_ADDRESS,
  description: 'An address as it stands.',
  examples: ['sales@example.com'],
})

const Recipient = Type.Union([
  Literal,
  Expr({
    description: 'An expression that gives an address, `{ name, address }`, or a list of them.',
    examples: ['data.email'],
  }),
])

function recipients(description: string, example: unknown) {
  return Type.Union([Recipient, Type.Array(Recipient, { description: 'Several.', minItems: 1 })], {
    description,
    examples: [example],
  })
}

const Digest = Type.Object(
  {
    ...WindowKeys({
      every: { description: 'A mail leaves so long after the first event that it tells of.', examples: ['1h'] },
      cron: {
        description: 'In place of `every`: a mail leaves at these times, when there is something to tell. Five fields.',
        examples: ['0 8 * * 1-5'],
      },
    }),
    max: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 5000,
        description: 'A mail leaves at once when it tells of so many events.',
        default: 1000,
      }),
    ),
    by: Type.Optional(
      Expr({ description: 'What has a mail of its own, beside each recipient.', examples: ['data.region'] }),
    ),
  },
  {
    additionalProperties: false,
    description:
      'Many events are one mail to each recipient. The template has `items` (what `data` of the step gave for each event), `count`, `since` and `until`.',
    examples: [{ every: '1h' }],
  },
)

export const SendConfig = Type.Object(
  {
    to: recipients('Who gets it: addresses, or expressions that give them.', ['sales@example.com', 'data.rep.email']),
    cc: Type.Optional(recipients('Who gets a copy that all see.', 'finance@example.com')),
    bcc: Type.Optional(recipients('Who gets a copy that nobody sees.', 'archive@example.com')),
    replyTo: Type.Optional(recipients('Where answers go, in place of what the system says.', 'data.email')),
    subject: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'Liquid. Default: what the template says between its lines of `---`.',
        examples: ['New lead: {{ data.name }}'],
      }),
    ),
    template: Type.Optional(
      File({
        description:
          'A Liquid file with HTML, or with plain text when its name ends in `.txt.liquid`; the subject may stand before it between two lines of `---`.',
        examples: ['./templates/new-lead.liquid'],
      }),
    ),
    html: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'Liquid with HTML, in place of a file.',
        examples: ['<p>{{ data.name }} asks for a call.</p>'],
      }),
    ),
    text: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          'Liquid with plain text. Beside HTML: what mail programs without HTML show. Default: the text of the HTML.',
        examples: ['{{ data.name }} asks for a call.'],
      }),
    ),
    data: Type.Optional(
      ExprMap({
        description:
          'Further names for the template, beside `event`, `data` and the results of earlier steps. With `digest`: what an item is; without it an item has `event` and `data`.',
        examples: [{ domain: "data.email.split('@')[1]" }],
      }),
    ),
    digest: Type.Optional(Digest),
  },
  { additionalProperties: false },
)
