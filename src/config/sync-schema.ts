import { type TSchema, Type } from '@sinclair/typebox'
import { Duration, Expr } from './definition.ts'
import { Name } from './flow-schema.ts'

const FieldPath = (description: string, example: string) =>
  Type.String({ description, pattern: '^[^.\\s]+(\\.[^.\\s]+)*$', examples: [example] })

const oneOf = (options: Record<string, unknown>, ...values: string[]) =>
  Type.Union(
    values.map(value => Type.Literal(value)),
    options,
  )

const Side = (description: string, example: Record<string, unknown>) =>
  Type.Object(
    {
      system: Name('Name of the system.', 'twenty'),
      object: Type.String({ description: 'Name of its object or table.', minLength: 1, examples: ['person'] }),
      where: Type.Optional(
        Expr({
          description: 'Which records take part, over `data`, the record. Default: all.',
          result: 'boolean',
          scope: ['data'],
          examples: ["data.city != 'Test'"],
        }),
      ),
      create: Type.Optional(
        Type.Boolean({ description: 'Records that only the other side has are created here.', default: true }),
      ),
      deletes: Type.Optional(
        oneOf(
          {
            description:
              "What becomes of this side's record when the other one is deleted: it is held for a person, deleted too, or left alone.",
            default: 'hold',
          },
          'hold',
          'propagate',
          'ignore',
        ),
      ),
      stateField: Type.Optional(
        FieldPath('A field of this side that receives the state of the sync for the record.', 'syncState'),
      ),
      syncedAtField: Type.Optional(
        FieldPath('A field of this side that receives the time of the last sync of the record.', 'syncedAt'),
      ),
    },
    { description, additionalProperties: false, examples: [example] },
  )

const Normalise = oneOf(
  {
    description:
      'What counts as the same: `exact`; `text` without case and blanks around; `email`, `domain`, `phone` however they are written.',
    default: 'exact',
    examples: ['email'],
  },
  'exact',
  'text',
  'email',
  'domain',
  'phone',
)

const Match = Type.Object(
  {
    left: FieldPath('Field of the left side.', 'emails.primaryEmail'),
    right: FieldPath('Field of the right side.', 'email'),
    normalise: Type.Optional(Normalise),
  },
  { additionalProperties: false },
)

const preferred = (key: 'prefer' | 'prefer-unless-blank', description: string) =>
  Type.Object({ [key]: oneOf({ description, examples: ['right'] }, 'left', 'right') }, { additionalProperties: false })

const POLICIES: readonly TSchema[] = [
  Type.Literal('ask'),
  Type.Literal('union'),
  preferred('prefer', 'The side whose value wins.'),
  preferred('prefer-unless-blank', 'The side whose value wins, unless it is empty.'),
]

const Value = Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()])

const Values = Type.Union(
  [
    Type.Record(Type.String(), Value, { minProperties: 1 }),
    Type.Array(
      Type.Object(
        {
          left: Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()], {
            description: 'Value of the left side.',
            examples: [true],
          }),
          right: Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()], {
            description: 'Value of the right side.',
            examples: ['yes'],
          }),
        },
        { additionalProperties: false },
      ),
      { minItems: 1 },
    ),
  ],
  {
    description:
      'Left value to right value, one to one: a map, whose keys are texts, or a list of pairs. A value that is not listed is an error of the record.',
    examples: [{ NEW: 'open', WON: 'won' }],
  },
)

const across = (from: string, example: string) =>
  Expr({
    description: `Makes the value from that of the ${from} side: over \`value\`, and \`record\`, the ${from} record.`,
    scope: ['value', 'record'],
    examples: [example],
  })

const Field = Type.Object(
  {
    left: FieldPath('Field of the left side.', 'emails.primaryEmail'),
    right: FieldPath('Field of the right side.', 'email'),
    name: Type.Optional(
      Type.String({
        description: 'What the field is called in states, questions and reports. Default: the left field.',
        minLength: 1,
        maxLength: 100,
        examples: ['city'],
      }),
    ),
    direction: Type.Optional(
      oneOf(
        {
          description: 'Which side receives: both, or one alone.',
          default: 'both',
          examples: ['to-right'],
        },
        'both',
        'to-left',
        'to-right',
      ),
    ),
    policy: Type.Optional(
      Type.Union([Type.Literal('latest'), ...POLICIES], {
        description:
          'What holds where both sides changed: `ask` a person, the `latest` change, the `union` of two lists, the value of one side, or of one side unless it is empty.',
        default: 'ask',
        examples: ['latest', { prefer: 'left' }, { 'prefer-unless-blank': 'right' }],
      }),
    ),
    tie: Type.Optional(
      Type.Union([...POLICIES], {
        description: 'What holds where `latest` cannot tell, because both changes came within `skewTolerance`.',
        default: 'ask',
        examples: [{ prefer: 'left' }],
      }),
    ),
    values: Type.Optional(Values),
    toRight: Type.Optional(across('left', 'value / 1000000.0')),
    toLeft: Type.Optional(across('right', 'value * 1000000.0')),
    normalise: Type.Optional(
      oneOf(
        { description: 'What counts as the same value on both sides.', examples: ['phone'] },
        'exact',
        'text',
        'email',
        'domain',
        'phone',
      ),
    ),
  },
  { additionalProperties: false },
)

const limit = (description: string, standard: number) =>
  Type.Optional(Type.Integer({ description, minimum: 0, default: standard }))

/** A two-way sync. */
export const SyncSchema = Type.Object(
  {
    left: Side('One side.', { system: 'twenty', object: 'person' }),
    right: Side('The other side.', { system: 'erp', object: 'contacts' }),
    match: Type.Array(Match, {
      description:
        'How records of the two sides find each other for the first time: by the first of these that both have. Only a value that one record on each side has is believed.',
      minItems: 1,
      examples: [[{ left: 'emails.primaryEmail', right: 'email', normalise: 'email' }]],
    }),
    fields: Type.Array(Field, {
      description: 'What is kept in step.',
      minItems: 1,
      examples: [[{ left: 'jobTitle', right: 'title' }]],
    }),
    skewTolerance: Type.Optional(
      Duration({
        description:
          'Changes of the two sides closer than this count as made at the same time. Not less than what either side can tell apart.',
        default: '2s',
      }),
    ),
    guard: Type.Optional(
      Type.Object(
        {
          creates: limit('Records created.', 500),
          updates: limit('Records overwritten.', 2000),
          deletes: limit('Records deleted.', 10),
        },
        {
          description: 'Most changes in an hour, or in one reconcile run. What goes beyond is held for a person.',
          additionalProperties: false,
        },
      ),
    ),
    tasks: Type.Optional(
      Type.Union(
        [
          Type.Literal(false),
          Type.Object(
            {
              in: Type.Optional(
                Name('The Twenty system whose tasks ask. Default: the first side that is one.', 'twenty'),
              ),
              assignee: Type.Optional(
                Type.String({
                  description: 'E-mail of the workspace member who gets them.',
                  minLength: 1,
                  examples: ['ops@example.com'],
                }),
              ),
              most: Type.Optional(
                Type.Integer({
                  description: 'Most tasks open at a time. Further questions wait in `conflicts`.',
                  minimum: 1,
                  maximum: 1000,
                  default: 50,
                }),
              ),
            },
            { additionalProperties: false },
          ),
        ],
        {
          description:
            'Where people are asked: in tasks of a Twenty system, by default that of the first side which is one; `false`: nowhere, questions wait in `conflicts`.',
          examples: [{ in: 'twenty', assignee: 'ops@example.com' }],
        },
      ),
    ),
    reconcileEvery: Type.Optional(
      Duration({
        description: 'How often both sides are compared completely. Default: only by hand.',
        examples: ['24h'],
      }),
    ),
    formerly: Type.Optional(
      Name('Its earlier name: it keeps the links and states of that one, and does nothing twice.', 'people'),
    ),
  },
  { description: 'Keeps one object of each of two systems in step, both ways.', additionalProperties: false },
)
