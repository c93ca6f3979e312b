import { Type } from '@sinclair/typebox'

export const ExpressionsSchema = Type.Object(
  {
    freeMail: Type.Optional(
      Type.Array(
        Type.String({
          description: 'A domain.',
          pattern: '^[^\\s@/.]+(\\.[^\\s@/.]+)+$',
          examples: ['mailbox.example'],
        }),
        {
          description:
            'Domains that `isFreeMail()` takes for those of free-mail providers, besides the ones that it knows.',
          examples: [['mailbox.example', 'student.example']],
        },
      ),
    ),
  },
  { description: 'What expressions know besides the data.', additionalProperties: false },
)
