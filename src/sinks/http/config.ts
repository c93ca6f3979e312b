import { Type } from '@sinclair/typebox'
import { Auth, HEADER_NAME } from '../../clients/http-auth.ts'
import { Bytes, Duration, Url } from '../../config/definition.ts'

const Limits = Type.Object(
  {
    perSecond: Type.Optional(Type.Integer({ minimum: 1, description: 'Calls per second.', examples: [10] })),
    perMinute: Type.Optional(Type.Integer({ minimum: 1, description: 'Calls per minute.', examples: [100] })),
    concurrency: Type.Optional(
      Type.Integer({ minimum: 1, description: 'Calls under way at one time, per instance.', default: 64 }),
    ),
  },
  { additionalProperties: false, description: 'What the API allows; the rates count for all instances together.' },
)

export const HttpSystemConfig = Type.Object(
  {
    url: Url({
      description: 'Base of every call; paths are appended to it.',
      examples: ['https://api.example.com/v2'],
    }),
    headers: Type.Optional(
      Type.Record(Type.String({ pattern: HEADER_NAME }), Type.String({ description: 'Value of the header.' }), {
        additionalProperties: false,
        description: 'Sent with every call. Nothing secret: that belongs in `auth`.',
        examples: [{ accept: 'application/json' }],
      }),
    ),
    auth: Type.Optional(Auth),
    timeout: Type.Optional(
      Duration({ description: 'Longest wait for one whole answer.', default: '30s', examples: ['10s'] }),
    ),
    limits: Type.Optional(Limits),
    maxResponse: Type.Optional(
      Bytes({ description: 'Largest answer that is read.', default: '1MiB', examples: ['256KiB'] }),
    ),
    check: Type.Optional(
      Type.String({
        pattern: '^/',
        description: 'A path whose GET shows that address and credentials work.',
        examples: ['/me'],
      }),
    ),
    insecure: Type.Optional(
      Type.Boolean({ description: 'Allows `http://` to another machine. Said again at start-up.', default: false }),
    ),
  },
  { additionalProperties: false },
)
