import { Type } from '@sinclair/typebox'
import { requestKeys } from './answers-schema.ts'
import { closed, Data, named, Optional, some } from './schema-parts.ts'

const Mail = Type.Object(
  {
    via: Optional(Data({ description: 'The system that sent it.', examples: ['mail'] })),
    from: Optional(Data({ description: 'Sender.' })),
    to: Optional(Data({ description: 'Addresses.', examples: ['sales@example.com'] })),
    cc: Optional(Data({ description: 'Addresses.' })),
    bcc: Optional(Data({ description: 'Addresses.' })),
    replyTo: Optional(Data({ description: 'Addresses.' })),
    subject: Optional(Data({ description: 'Subject.', examples: ['New lead: Ada Lovelace'] })),
    text: Optional(Data({ description: 'Plain text.', examples: [{ $contains: 'Ada' }] })),
    html: Optional(Data({ description: 'HTML.' })),
  },
  { ...closed, description: 'A mail.' },
)

const Letter = Type.Object(
  {
    flow: Optional(Data({ description: 'The flow.', examples: ['web-form-leads'] })),
    step: Optional(Data({ description: 'The step that failed.', examples: ['validate'] })),
    code: Optional(Data({ description: 'Error code.', examples: ['VALIDATION_FAILED'] })),
    message: Optional(Data({ description: 'What is said.', examples: [{ $contains: 'email' }] })),
    status: Optional(Data({ description: 'HTTP status of the answer.' })),
    data: Optional(Data({ description: "The event's data.", examples: [{ email: 'nobody' }] })),
  },
  { ...closed, description: 'A dead letter.' },
)

export const Expect = Type.Object(
  {
    records: Optional(
      named(
        named(
          some(Data({ description: 'Fields that it has; others are not looked at.' }), { description: 'Records.' }),
          {
            description: 'By object.',
          },
        ),
        {
          description: 'All records that are there and not deleted, by Twenty system and object.',
          examples: [{ twenty: { person: [{ name: { firstName: 'Ada' } }], company: 0 } }],
        },
      ),
    ),
    calls: Optional(
      named(some(Type.Object(requestKeys, { ...closed, description: 'A call.' }), { description: 'Calls.' }), {
        description: 'All calls to HTTP systems since the case began, by system.',
        examples: [{ newsletter: [{ method: 'POST', json: { email: 'ada@example.com' } }] }],
      }),
    ),
    mails: Optional(
      some(Mail, { description: 'All mails since the case began.', examples: [[{ to: 'sales@example.com' }]] }),
    ),
    deadLetters: Optional(
      some(Letter, {
        description: 'All open dead letters. At the end of a case that does not say so, there are none.',
        examples: [[{ code: 'VALIDATION_FAILED' }]],
      }),
    ),
    skipped: Optional(
      named(named(Type.Integer({ minimum: 0, description: 'How many.' }), { description: 'By reason.' }), {
        description: 'How many events a flow skipped, by flow and reason.',
        examples: [{ 'web-form-leads': { duplicate: 1 } }],
      }),
    ),
    waiting: Optional(
      named(Type.Integer({ minimum: 0, description: 'How many.' }), {
        description:
          'How many events of a flow wait for another try, or behind one that does. At the end of a case that does not say so, there are none.',
        examples: [{ 'web-form-leads': 1 }],
      }),
    ),
  },
  { ...closed, description: 'What must be so now. What it does not name is not looked at.' },
)
