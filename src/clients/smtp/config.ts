import { Type } from '@sinclair/typebox'
import { Duration, Url } from '../../config/definition.ts'

export const EmailSystemConfig = Type.Object(
  {
    url: Url({
      description:
        'The mail server: `smtps://` with TLS from the start, or `smtp://`, which demands STARTTLS of every server but one on this machine. User and password stand before the host.',
      examples: ['${SMTP_URL}'],
    }),
    from: Type.String({
      minLength: 3,
      description: 'Who the mails come from: an address, or `Name <address>`. Its domain ends every Message-ID.',
      examples: ['CRM <crm@example.com>'],
    }),
    replyTo: Type.Optional(
      Type.String({ minLength: 3, description: 'Where answers go.', examples: ['sales@example.com'] }),
    ),
    ca: Type.Optional(
      Type.String({
        description: "Who signed the server's certificate, as PEM, where Node does not know them.",
        examples: ['${file:./mail-ca.pem}'],
      }),
    ),
    insecure: Type.Optional(
      Type.Boolean({
        description:
          'Allows another machine without TLS, or with a certificate that nobody vouches for. Said again at start-up.',
        default: false,
      }),
    ),
    timeout: Type.Optional(
      Duration({
        description:
          'Longest wait for one answer. A server that scans a mail takes its time, and a mail whose answer does not come is held for a person.',
        default: '5m',
        examples: ['2m'],
      }),
    ),
    pool: Type.Optional(
      Type.Object(
        {
          connections: Type.Optional(
            Type.Integer({ minimum: 1, maximum: 100, description: 'At one time, per instance.', default: 3 }),
          ),
          mailsPerConnection: Type.Optional(
            Type.Integer({ minimum: 1, description: 'After so many a connection is closed.', default: 100 }),
          ),
          idle: Type.Optional(Duration({ description: 'How long one without work is kept.', default: '30s' })),
        },
        { additionalProperties: false, description: 'Connections to the server.' },
      ),
    ),
    limits: Type.Optional(
      Type.Object(
        {
          perSecond: Type.Optional(Type.Integer({ minimum: 1, description: 'Mails per second.', examples: [10] })),
          perMinute: Type.Optional(Type.Integer({ minimum: 1, description: 'Mails per minute.', examples: [100] })),
          recipients: Type.Optional(
            Type.Integer({
              minimum: 1,
              maximum: 1000,
              description: 'Most recipients of one mail; a mail to more is refused.',
              default: 50,
            }),
          ),
        },
        {
          additionalProperties: false,
          description: 'What the server allows; the rates count for all instances together.',
        },
      ),
    ),
  },
  { additionalProperties: false },
)
