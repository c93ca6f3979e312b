import { Type } from '@sinclair/typebox'
import { HEADER_NAME } from '../../clients/http-auth.ts'
import { PageConfig } from '../../clients/rest/page-config.ts'
import { Path } from '../../clients/rest/schema.ts'
import { ExprMap, ExprTree } from '../../config/definition.ts'
import { Batch } from './batch-config.ts'

/** Where a call goes, and with what beside its body. */
const address = {
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
}

const Statuses = (description: string, example: readonly (number | string)[]) =>
  Type.Optional(
    Type.Array(
      Type.Union(
        [
          Type.Integer({ minimum: 200, maximum: 599, description: 'HTTP status.' }),
          Type.String({ pattern: '^[2-5]\\d\\d-[2-5]\\d\\d$', description: 'From one to another, both included.' }),
        ],
        { description: 'A status, or a range of them.', examples: [409, '200-299'] },
      ),
      { minItems: 1, description, examples: [example] },
    ),
  )

export const RequestConfig = Type.Object(
  {
    method: Type.Optional(
      Type.Union(
        (['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const).map(method => Type.Literal(method)),
        { description: 'GET and HEAD only read: a dry run makes them too.', default: 'POST', examples: ['PUT'] },
      ),
    ),
    ...address,
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
    success: Statuses('Statuses that mean done. Default: 200 to 299.', ['200-299', 404]),
    retry: Statuses('Statuses that mean: nothing was done, try again later; beside 408, 425, 429 and 5xx.', [409]),
    result: Type.Optional(
      Path(
        'Path in the body of the answer to what later steps see, in place of `status` and `body`; null where there is none.',
        'data.company',
      ),
    ),
    batch: Type.Optional(Batch),
  },
  { additionalProperties: false },
)

export const HttpListConfig = Type.Object(
  {
    ...address,
    items: Type.Optional(Path('Path in the answer to the items. Default: the answer is the list.', 'data')),
    itemId: Type.Optional(
      Path('Path in an item to what tells it from the others. Default: `id`, else its content.', 'email'),
    ),
    page: Type.Optional(PageConfig),
    limit: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 100_000,
        description: 'As a step of its own: the most items; more are an error. `each` takes a list of any length.',
        default: 1000,
      }),
    ),
  },
  { additionalProperties: false },
)
