import { Type } from '@sinclair/typebox'
import { Duration, Expr, WindowKeys } from './definition.ts'

/** A name that becomes part of topics and keys. */
export const Name = (description: string, example: string) =>
  Type.String({ description, pattern: '^[A-Za-z][A-Za-z0-9_-]*$', maxLength: 60, examples: [example] })

const Source = Type.String({
  description:
    'A connector, one of its objects, or one action: `lead-form`, `twenty.person`, `twenty.person.created`. `<flow>.dead-letters`: what another flow gave up on, with `data.code`, `data.message`, `data.step`, `data.firstAt` and the event as `data.event`.',
  minLength: 1,
  examples: ['twenty.person.created'],
})

const Collect = Type.Object(
  {
    ...WindowKeys({
      every: { description: 'A window ends so long after the first event that waits.', examples: ['15m'] },
      cron: { description: 'In place of `every`: windows end at these times. Five fields.', examples: ['0 * * * *'] },
    }),
    max: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 10_000,
        description: 'When so many records wait, they start at once.',
        default: 500,
      }),
    ),
    keep: Type.Optional(
      Type.Literal('latest', {
        description:
          'Of a record the latest event runs, once. In `event.changed` are the fields that any of them changed.',
        default: 'latest',
      }),
    ),
    by: Type.Optional(
      Expr({
        description:
          'What is one, in place of the record: events with the same value are one, the latest. Where it gives nothing, the record. On Kafka this holds within a partition.',
        examples: ['data.companyId'],
      }),
    ),
  },
  {
    additionalProperties: false,
    description:
      'Events wait, durably, and start together when their window ends, so that calls are full and a record that changes often is written once. What a person sends back does not wait, nor does a replay.',
    examples: [{ every: '15m', max: 500 }],
  },
)

/** A flow, its steps apart. */
export const FlowSchema = Type.Object(
  {
    from: Type.Union([Source, Type.Array(Source, { description: 'Several.', minItems: 1 })], {
      description: 'What it reads.',
      examples: ['lead-form', ['twenty.person.created', 'twenty.person.updated']],
    }),
    steps: Type.Array(Type.Unknown(), {
      description: 'What happens with each event, from top to bottom. Each step is one verb.',
      minItems: 1,
      examples: [[{ filter: "data.stage == 'WON'" }]],
    }),
    start: Type.Optional(
      Type.String({
        description:
          'Where a new flow begins: `now`, `earliest` (everything that is kept), or a time. Of no effect later.',
        minLength: 1,
        default: 'now',
        examples: ['earliest', '2026-01-31T00:00:00Z'],
      }),
    ),
    formerly: Type.Optional(
      Name('Its earlier name: it goes on where that one stopped, and does nothing twice.', 'web-form'),
    ),
    concurrency: Type.Optional(
      Type.Integer({
        description: 'Records that are worked on side by side. Events of one record always run one after the other.',
        minimum: 1,
        maximum: 100_000,
        default: 1000,
      }),
    ),
    collect: Type.Optional(Collect),
    remember: Type.Optional(
      Duration({
        description:
          'How long it is known what was done, so that it is not done twice. Not less than the log keeps events. Default: 35d, or as long as the log keeps them.',
        examples: ['90d'],
      }),
    ),
  },
  { description: 'Reads events and runs steps with each of them.', additionalProperties: false },
)

const when = Type.Optional(
  Expr({
    description: 'The step runs only when this is true; the flow goes on either way.',
    result: 'boolean',
    examples: ["data.stage == 'WON'"],
  }),
)
const id = Type.Optional(
  Name(
    'What the step is called in records of what was done; keep it when the step changes. Default: `<verb>-<object>`.',
    'create-invoice',
  ),
)
const as = Type.Optional(
  Type.String({ description: 'Name of the result in later expressions.', minLength: 1, examples: ['company'] }),
)

/** Keys that every processor step has besides its own. */
export const ProcessorKeys = Type.Object({ when, as, id, stepId: id }, { additionalProperties: false })

/** Those of a processor whose own keys are names. */
export const NamesProcessorKeys = Type.Object({ when, id }, { additionalProperties: false })

/** Keys that every action step has besides its own. */
export const ActionKeys = Type.Object(
  {
    in: Type.Optional(Name('The system in which it happens. Default: the only one that can.', 'twenty')),
    via: Type.Optional(Name('The same as `in`, for what is sent through a system.', 'mail')),
    when,
    as,
    id,
    stepId: id,
    key: Type.Optional(
      Expr({
        description: 'What it is done once for. Default: the event. `data.id` with an invoice: one invoice per record.',
        result: 'string',
        examples: ['data.id'],
      }),
    ),
    onUnknown: Type.Optional(
      Type.Union([Type.Literal('hold'), Type.Literal('repeat')], {
        description:
          'When a crash leaves open whether it was done, and asking does not help: `hold` gives a dead letter for a person, `repeat` does it again.',
        default: 'hold',
      }),
    ),
    caps: Type.Optional(
      Type.Object(
        {
          perRecord: Type.Optional(
            Type.Integer({ minimum: 1, description: "So often for the event's record, for ever.", examples: [1] }),
          ),
          perDay: Type.Optional(Type.Integer({ minimum: 1, description: 'So often a day, by UTC.', examples: [50] })),
        },
        {
          additionalProperties: false,
          minProperties: 1,
          description:
            'How often it may be done. What goes beyond becomes the dead letter `CAP_REACHED`, held for a person: to redrive it is to approve it, and is not counted.',
          examples: [{ perRecord: 1, perDay: 50 }],
        },
      ),
    ),
  },
  { additionalProperties: false },
)

/** `each`, its inner steps apart, and the action that it may go over. */
export const EachSchema = Type.Object(
  {
    over: Type.Union(
      [
        Expr({ description: 'A list.', result: 'list' }),
        Type.Object({}, { description: 'An action that gives its list page by page.', additionalProperties: true }),
      ],
      {
        description:
          'A list, or an action that is read page by page, so that the list may be longer than would fit anywhere: `over: { find: { … } }`.',
        examples: ['data.items'],
      },
    ),
    as: Type.Optional(
      Type.String({
        description: 'Name of the item in the inner steps; with `batch` a list of items.',
        minLength: 1,
        default: 'item',
        examples: ['line'],
      }),
    ),
    key: Type.Optional(
      Expr({
        description:
          'What tells one item from another, also when the list changes; of a single item, also with `batch`. Default: its index.',
        result: 'string',
        examples: ['item.id'],
      }),
    ),
    batch: Type.Optional(
      Type.Integer({
        description:
          'So many items go through the steps together, as a list; the last ones may be fewer. One that does not pass is halved until what is at fault is alone.',
        minimum: 1,
        maximum: 10_000,
        examples: [500],
      }),
    ),
    concurrency: Type.Optional(
      Type.Integer({
        description: 'Items side by side. Of batches at least one runs.',
        minimum: 1,
        maximum: 10_000,
        default: 10,
      }),
    ),
    onFailure: Type.Optional(
      Type.Union([Type.Literal('stop'), Type.Literal('next')], {
        description:
          'When an item fails for good: `stop` makes the event a dead letter and begins no more items, `next` makes the item one, which can be redriven alone, and goes on. Default: `stop` for a list, `next` for what is read page by page.',
        examples: ['next'],
      }),
    ),
    summary: Type.Optional(
      Type.String({
        description: 'Name of `{ count, done, skipped, failed }` in the steps after it.',
        minLength: 1,
        examples: ['audience'],
      }),
    ),
    do: Type.Array(Type.Unknown(), {
      description: 'Steps that run for each item. Names that they define stay inside.',
      minItems: 1,
      examples: [[{ create: { object: 'task', values: { title: 'item.title' } } }]],
    }),
    id,
    when,
  },
  {
    description: 'Runs steps for each item of a list, or of what a system gives page by page.',
    additionalProperties: false,
  },
)

/** A branch of `choose`, its steps apart. */
export const BranchSchema = Type.Object(
  {
    when: Type.Optional(
      Expr({
        description: 'The first branch for which this is true runs. Without it: what is left; only the last one may.',
        result: 'boolean',
        examples: ['score.total >= 80'],
      }),
    ),
    do: Type.Array(Type.Unknown(), {
      description: 'Steps that run then. Names that they define stay inside.',
      minItems: 1,
      examples: [[{ create: { object: 'task', values: { title: "'Call ' + data.name" } } }]],
    }),
  },
  { description: 'Runs the first branch whose `when` is true.', additionalProperties: false },
)
