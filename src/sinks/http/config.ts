import { Type } from '@sinclair/typebox'
import { Auth, HEADER_NAME } from '../../clients/http-auth.ts'
import { Bytes, Duration, ExprMap, ExprTree, Url } from '../../config/definition.ts'

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

const Status = Type.Integer({ minimum: 200, maximum: 599, description: 'HTTP status.', examples: [409] })

export const RequestConfig = Type.Object(
  {
    method: Type.Optional(
      Type.Union(
        (['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const).map(method => Type.Literal(method)),
        { description: 'GET and HEAD only read: a dry run makes them too.', default: 'POST', examples: ['PUT'] },
      ),
    ),
    path: Type.String({
      pattern: '^/[^\\s?#]*$',
      description: 'Appended to the URL of the system. `{name}` stands for the value of that name in `params`.',
      examples: ['/contacts/{id}'],
    }),
    params: Type.Optional(
      ExprMap({
        description: 'Values for the path, escaped so that each stays one part of it.',
        examples: [{ id: 'data.id' }],
      }),
    ),
    query: Type.Optional(
      ExprMap({
        description: 'Query of the URL; a list repeats its name, what is absent is left out.',
        examples: [{ page: 'cursor' }],
      }),
    ),
    headers: Type.Optional(ExprMap({ description: 'Headers of this call.', examples: [{ 'x-source': "'crm'" }] })),
    body: Type.Optional(ExprTree({ description: 'What is sent.', examples: [{ email: 'data.email' }] })),
    bodyType: Type.Optional(
      Type.Union([Type.Literal('json'), Type.Literal('form')], {
        description: 'How the body is written.',
        default: 'json',
      }),
    ),
    idempotent: Type.Optional(
      Type.Boolean({
        description: 'Says that the call may be made twice without harm; then it is repeated when in doubt.',
        default: false,
      }),
    ),
    idempotencyHeader: Type.Optional(
      Type.String({
        pattern: HEADER_NAME,
        description:
          'Header in which the API takes a key that makes a repeat harmless. The same effect always sends the same key.',
        examples: ['Idempotency-Key'],
      }),
    ),
    success: Type.Optional(
      Type.Array(Status, {
        minItems: 1,
        description: 'Statuses that mean done. Default: 200 to 299.',
        examples: [[200, 409]],
      }),
    ),
    retry: Type.Optional(
      Type.Array(Status, {
        description: 'Statuses that mean: nothing was done, try again later; beside 408, 425, 429 and 5xx.',
        examples: [[409]],
      }),
    ),
  },
  { additionalProperties: false },
)
