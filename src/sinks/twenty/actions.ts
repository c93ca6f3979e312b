import { type TProperties, type TSchema, Type } from '@sinclair/typebox'
import {
  type ActionDefinition,
  type ConfigFault,
  Duration,
  type Example,
  Expr,
  ExprMap,
} from '../../config/definition.ts'
import type { Fields } from '../../event.ts'

/** Most items of one `deliver`; the system's `batch` decides how many of them go into one call. */
const DELIVER = 60
const PLAN = 200

const object = Type.String({
  description: 'Object by its singular name, custom objects included.',
  minLength: 1,
  examples: ['person', 'company', 'opportunity'],
})

const path = Type.String({ description: 'Path of a field.', minLength: 1, examples: ['emails.primaryEmail'] })

const match = Type.Union(
  [
    path,
    Type.Array(path, { description: 'Several paths: a record that one of them finds is the match.', minItems: 1 }),
    ExprMap({ description: 'Paths with the values that they must all have.', absent: 'null' }),
  ],
  {
    description:
      'How to find the record. A path takes its value from `values`; `domainName` alone means its URL. Two matching records are an error.',
    examples: ['emails.primaryEmail', ['emails.primaryEmail', 'linkedinLink'], { externalId: 'data.id' }],
  },
)

const recordId = Expr({ description: 'Id of the record, instead of `match`.', examples: ['data.id'] })

const values = ExprMap({
  description:
    'Fields to write. Composite fields are maps (`name: { firstName: … }`), or single parts by path (`emails.primaryEmail: …`); relations take an id or a record. null clears; an empty optional leaves the field alone.',
  examples: [{ jobTitle: 'data.title', 'emails.primaryEmail': 'data.email', companyId: 'company.?id' }],
})

const onMatch = Type.Union([Type.Literal('overwrite'), Type.Literal('fill-empty'), Type.Literal('keep')], {
  description:
    '`overwrite` sets the fields that differ, `fill-empty` only those that are empty, `keep` leaves an existing record as it is. Default: overwrite; for a record that is found by `match` in a flow that reads a webhook: fill-empty, since whoever fills in a form may add to what is known, not change it.',
})

const onDeleted = Type.Union([Type.Literal('hold'), Type.Literal('restore'), Type.Literal('skip')], {
  description:
    'When the match lies in the trash: `hold` gives a dead letter for a person to decide, `restore` brings it back, `skip` leaves it there.',
  default: 'hold',
})

const onMissing = Type.Union([Type.Literal('fail'), Type.Literal('skip')], {
  description: 'When no record matches: a dead letter, or nothing.',
  default: 'fail',
})

const filter = ExprMap({
  description:
    'What must hold, as `{ <path of a field>: { <operator>: <value> } }`; `or` takes a list of such maps and `not` one. Operators: eq, neq, in, notIn, gt, gte, lt, lte, like, ilike, startsWith, endsWith, containsAny, empty (true or false). A value that is null or absent equals nothing, and an empty field differs from every value.',
  absent: 'null',
  examples: [{ stage: { in: ["'NEW'", "'MEETING'"] }, companyId: { eq: 'company.id' } }],
})

/** What gives a list; together they narrow it. */
const selection = {
  view: Type.Optional(
    Expr({
      description:
        'Name or id of a view in Twenty that everybody sees. Its filters are read at each run; one that cannot be asked from outside is an error. Days are those of UTC where the view names no time zone.',
      result: 'string',
      examples: ["'Newsletter'", 'data.view'],
    }),
  ),
  filter: Type.Optional(filter),
  by: Type.Optional(
    ExprMap({
      description:
        'Fields with the values that they must have; of a list one is enough. A value that is null or absent finds nothing.',
      absent: 'null',
      examples: [{ companyId: 'company.id' }],
    }),
  ),
  limit: Type.Optional(
    Type.Integer({
      description: 'At most so many, in the order of their ids. Default: all.',
      minimum: 1,
      examples: [50],
    }),
  ),
}

/** One record or a list, not both. */
function checkFind(config: Fields): ConfigFault[] {
  const lists = ['view', 'filter', 'by'].filter(key => config[key] !== undefined)
  const one = ['match', 'recordId'].find(key => config[key] !== undefined)
  if (lists.length > 0 && one) {
    return [
      { path: [one], message: `\`${one}\` finds one record and \`${lists[0]}\` a list`, suggestion: 'one of the two' },
    ]
  }
  if (config.limit === undefined || lists.length > 0) return []
  return [{ path: ['limit'], message: '`limit` is for what finds a list', suggestion: 'with view, filter or by' }]
}

/** P7: a web form fills what is empty; what somebody has typed in is not changed by whoever knows an address. */
function defaultsOfMatch(config: Fields, sources: readonly string[]): Fields {
  return config.recordId === undefined && sources.includes('webhook') ? { onMatch: 'fill-empty' } : {}
}

/** What notes and tasks can have besides fields. */
const activity = {
  link: Type.Optional(
    Type.Array(
      Expr({ description: 'A record, `<object>/<id>`, or a list of them; null is left out.', examples: ['person'] }),
      {
        description: 'Notes and tasks: the records that it is shown at.',
        examples: [['person', 'company', 'opportunities', 'event.subject']],
      },
    ),
  ),
  body: Type.Optional(
    Expr({ description: 'Notes and tasks: the text, in Markdown.', examples: ["'Asked for a call: ' + data.message"] }),
  ),
  assignee: Type.Optional(
    Type.Union(
      [
        Type.String({
          pattern: '^[^\\s"\'()]+@[^\\s"\'()]+$',
          description: 'An address as it stands.',
          examples: ['rep@example.com'],
        }),
        Expr({
          description: 'An expression that gives one; null or empty text is nobody.',
          examples: ['data.?owner.email'],
        }),
      ],
      {
        description: 'Tasks: e-mail of the workspace member who gets it.',
        examples: ['rep@example.com', 'data.ownerEmail'],
      },
    ),
  ),
  dueIn: Type.Optional(Duration({ description: 'Tasks: due this long after the event.', examples: ['1d', '4h'] })),
}

function closed(properties: TProperties): TSchema {
  return Type.Object(properties, { additionalProperties: false })
}

function action(
  effect: ActionDefinition['effect'],
  summary: string,
  properties: TProperties,
  examples: readonly Example[],
): ActionDefinition {
  return { effect, summary, config: closed(properties), examples, batch: { deliver: DELIVER, plan: PLAN } }
}

export const actions = {
  find: {
    ...action(
      'read',
      'Reads one record, by recordId or match; null when there is none. With view, filter or by: a list of at most 200, and in `each` all of them. Records in the trash do not count.',
      {
        object,
        match: Type.Optional(match),
        recordId: Type.Optional(recordId),
        values: Type.Optional(values),
        ...selection,
      },
      [
        {
          title: 'The company of an e-mail address',
          yaml: `{ in: twenty, object: company, match: { domainName: "data.email.split('@')[1]" }, as: company }`,
        },
        {
          title: 'Everybody who took part',
          yaml: '{ in: twenty, object: person, by: { emails.primaryEmail: "data.participants.map(p, p.email)" }, as: people }',
        },
        {
          title: 'What a view shows, and more than it asks',
          yaml: `{ in: twenty, object: opportunity, view: "'Closing soon'", filter: { stage: { neq: "'CUSTOMER'" }, amount.amountMicros: { gte: 1000000000 } }, limit: 50, as: open }`,
        },
      ],
    ),
    paged: true,
    check: checkFind,
  },
  create: action(
    'keyed',
    'Creates a record, once per event: its id follows from the event. With `match` only where none exists.',
    {
      object,
      match: Type.Optional(match),
      values: Type.Optional(values),
      onDeleted: Type.Optional(onDeleted),
      ...activity,
    },
    [
      {
        title: 'A follow-up task',
        yaml: '{ in: twenty, object: task, values: { title: "\'Call \' + data.name" }, assignee: rep@example.com, dueIn: 1d, link: [person] }',
      },
    ],
  ),
  update: {
    ...action(
      'safe',
      'Changes the fields of a record that differ, by recordId or match.',
      {
        object,
        match: Type.Optional(match),
        recordId: Type.Optional(recordId),
        values: Type.Optional(values),
        onMatch: Type.Optional(onMatch),
        onDeleted: Type.Optional(onDeleted),
        onMissing: Type.Optional(onMissing),
        ...activity,
      },
      [
        {
          title: 'A score, written back',
          yaml: '{ in: twenty, object: person, recordId: data.id, values: { score: answer.score } }',
        },
      ],
    ),
    defaults: defaultsOfMatch,
  },
  upsert: {
    ...action(
      'safe',
      'Finds the record and changes what differs, or creates it.',
      {
        object,
        match,
        values: Type.Optional(values),
        onMatch: Type.Optional(onMatch),
        onDeleted: Type.Optional(onDeleted),
        ...activity,
      },
      [
        {
          title: 'A person by e-mail, filling only what is empty',
          yaml: '{ in: twenty, object: person, match: emails.primaryEmail, onMatch: fill-empty, values: { emails.primaryEmail: data.email, jobTitle: data.title }, as: person }',
        },
      ],
    ),
    defaults: defaultsOfMatch,
  },
  delete: action(
    'safe',
    'Moves a record to the trash, by recordId or match; nothing when it is gone already.',
    {
      object,
      match: Type.Optional(match),
      recordId: Type.Optional(recordId),
      values: Type.Optional(values),
      destroy: Type.Optional(
        Type.Boolean({ description: 'Removes it for good instead, also out of the trash.', default: false }),
      ),
    },
    [{ title: 'By id', yaml: '{ in: twenty, object: person, recordId: data.personId }' }],
  ),
} satisfies Record<string, ActionDefinition>
