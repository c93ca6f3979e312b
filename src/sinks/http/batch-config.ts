import { Type } from '@sinclair/typebox'
import { Path } from '../../clients/rest/schema.ts'
import { Expr } from '../../config/definition.ts'

const Answers = Type.Object(
  {
    at: Type.Optional(Path('Path in the answer to the list. Default: the answer is the list.', 'results')),
    only: Type.Optional(
      Type.Literal('failed', { description: 'The list has only items that were not taken; all others were.' }),
    ),
    ok: Type.Optional(
      Expr({
        description: 'Says of the `answer` to one item that it was taken.',
        result: 'boolean',
        scope: ['answer'],
        examples: ["answer.status == 'ok'"],
      }),
    ),
    retry: Type.Optional(
      Expr({
        description: 'Says of the `answer` to an item that was not taken that it may be later. Default: it never will.',
        result: 'boolean',
        scope: ['answer'],
        examples: ["answer.code == 'busy'"],
      }),
    ),
    id: Type.Optional(
      Type.Object(
        {
          item: Expr({ description: 'Of what was sent.', scope: ['item'], examples: ['item.email'] }),
          answer: Expr({ description: 'Of what came back.', scope: ['answer'], examples: ['answer.email_address'] }),
        },
        {
          additionalProperties: false,
          description:
            'What an item and its answer have in common; two items that share it are in two calls. Default: they are in the same order.',
        },
      ),
    ),
  },
  {
    additionalProperties: false,
    description: 'What the answer says of each item. Without it what becomes of the call becomes of all of its items.',
    examples: [{ at: 'results', ok: "answer.status == 'ok'" }],
  },
)

export const Batch = Type.Object(
  {
    size: Type.Integer({ minimum: 2, maximum: 10_000, description: 'Most items of one call.', examples: [500] }),
    body: Type.Optional(
      Expr({
        description:
          'The body of the call, over `items`, the list of what the items give as `body`. Default: the list.',
        scope: ['items'],
        examples: ["{'members': items, 'updateExisting': true}"],
      }),
    ),
    answers: Type.Optional(Answers),
  },
  {
    additionalProperties: false,
    description:
      'Many items in one call: those of many events, or of one `each`, that go to the same address. Each has its own outcome and is tried again alone; where the API refuses a call as a whole, it is halved until the items are found that it is about.',
    examples: [{ size: 500, body: "{'members': items}", answers: { at: 'results', ok: "answer.status == 'ok'" } }],
  },
)
