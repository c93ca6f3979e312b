import { type Static, Type } from '@sinclair/typebox'
import { closed, Data, DataMap, named, Optional } from './schema-parts.ts'

export const requestKeys = {
  method: Optional(Data({ description: 'HTTP method.', examples: ['GET'] })),
  path: Optional(Data({ description: "Path below the system's `url`.", examples: ['/v1/people'] })),
  query: Optional(Data({ description: 'Parameters behind the `?`.', examples: [{ email: 'ada@example.com' }] })),
  headers: Optional(Data({ description: 'Headers, in lower case.', examples: [{ 'x-api-version': '2' }] })),
  json: Optional(Data({ description: 'Body, when it is JSON.', examples: [{ email: 'ada@example.com' }] })),
  form: Optional(Data({ description: 'Body, when it is a form.', examples: [{ grant_type: 'client_credentials' }] })),
  text: Optional(Data({ description: 'Body as it is.' })),
}

const Reply = Type.Object(
  {
    status: Optional(Type.Integer({ minimum: 100, maximum: 599, description: 'HTTP status.', default: 200 })),
    headers: Optional(DataMap({ description: 'Headers.', examples: [{ 'retry-after': '30' }] })),
    json: Optional(Data({ description: 'Body as JSON.', examples: [{ jobTitle: 'CTO' }] })),
    text: Optional(Type.String({ description: 'Body as text.', examples: ['ok'] })),
    fails: Optional(
      Type.Union([Type.Literal('refused'), Type.Literal('lost'), Type.Literal('timeout')], {
        description:
          'There is no answer: the connection is `refused` before anything was sent, or `lost` after, or time runs out.',
      }),
    ),
  },
  { ...closed, description: 'One answer.' },
)

const Answer = Type.Object(
  {
    ...requestKeys,
    answer: Type.Union(
      [Reply, Type.Array(Reply, { minItems: 1, description: 'One after the other; the last stays.' })],
      {
        description: 'What is answered to such a request.',
        examples: [{ json: { id: 7 } }],
      },
    ),
  },
  { ...closed, description: 'An answer, and to what. Of several that fit the first counts.' },
)

export const Answers = named(Type.Array(Answer, { description: 'Answers.' }), {
  description: 'What HTTP systems answer, by the name of the system or connector, or by host.',
  examples: [{ enrichment: [{ method: 'GET', path: '/person', answer: { json: { title: 'CTO' } } }] }],
})

export type ReplyDocument = Static<typeof Reply>
