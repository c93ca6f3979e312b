import { type Static, type TSchema, type TUnsafe, Type } from '@sinclair/typebox'
import { Duration, type FieldOptions, File } from '../config/definition.ts'

/** Any value, taken as it stands: data of systems and senders, not config. */
function Data<T = unknown>(options: FieldOptions & { type?: 'object' }): TUnsafe<T> {
  return Type.Unsafe<T>({ 'x-data': true, ...options })
}

function DataMap(options: FieldOptions): TUnsafe<Record<string, unknown>> {
  return Data({ type: 'object', ...options })
}

function named<S extends TSchema>(what: S, options: FieldOptions) {
  return Type.Record(Type.String(), what, { ...options })
}

const closed = { additionalProperties: false }
const Optional = Type.Optional

/** How many, or which ones. */
function some<S extends TSchema>(one: S, options: FieldOptions) {
  return Type.Union(
    [
      Type.Integer({ minimum: 0, description: 'How many.', examples: [1] }),
      Type.Array(one, { description: 'Each of them, in any order.' }),
      Type.Object(
        { $includes: Type.Array(one, { description: 'These, in any order.' }) },
        { ...closed, description: 'These at least.' },
      ),
    ],
    { ...options },
  )
}

const System = Optional(Type.String({ description: 'The Twenty system. Default: the only one.', examples: ['twenty'] }))
const ObjectName = Type.String({ minLength: 1, description: 'The object, as in flows.', examples: ['person'] })
const By = Optional(
  Type.String({ description: 'Who does it: the address of a member.', examples: ['rep@example.com'] }),
)
const Where = DataMap({
  description: 'Tells the record: fields that it has and no other one has.',
  examples: [{ emails: { primaryEmail: 'ada@example.com' } }],
})
const Values = DataMap({ description: 'Fields, as plain values.', examples: [{ jobTitle: 'CTO' }] })

const View = Type.Object(
  {
    name: Type.String({ minLength: 1, description: 'Its name.', examples: ['Newsletter'] }),
    object: ObjectName,
    filters: Type.Array(
      Type.Object(
        {
          field: Type.String({ description: 'The field.', examples: ['jobTitle'] }),
          operand: Type.String({ description: 'As Twenty has it.', examples: ['CONTAINS'] }),
          value: Optional(Data({ description: 'As Twenty has it.', examples: ['CTO'] })),
          subField: Optional(Type.String({ description: 'A part of the field.', examples: ['primaryEmail'] })),
        },
        { ...closed, description: 'A filter.' },
      ),
      { description: 'All of them hold.' },
    ),
  },
  { ...closed, description: 'A view.' },
)

const Given = Type.Object(
  {
    fields: Optional(
      named(named(DataMap({ description: 'Fields, each with its type.' }), { description: 'By object.' }), {
        description:
          'Fields that the workspace has beyond the standard ones, by system and object. An object that is no standard one is made with them.',
        examples: [{ twenty: { person: { leadScore: 'NUMBER' } } }],
      }),
    ),
    members: Optional(
      named(
        Type.Array(
          Type.Object(
            {
              name: Type.String({ description: 'First and last name.', examples: ['Rita Rep'] }),
              email: Type.String({ description: 'Address.', examples: ['rita@example.com'] }),
            },
            { ...closed, description: 'A member of the workspace.' },
          ),
          { description: 'People.' },
        ),
        {
          description: 'People of the workspace beside Tim Apple and Rita Rep <rep@example.com>, by system.',
          examples: [{ twenty: [{ name: 'Sam Sales', email: 'sam@example.com' }] }],
        },
      ),
    ),
    views: Optional(
      named(Type.Array(View, { description: 'Views.' }), {
        description: 'Views that flows read, by system.',
        examples: [{ twenty: [{ name: 'Newsletter', object: 'person', filters: [] }] }],
      }),
    ),
    records: Optional(
      named(named(Type.Array(Values, { description: 'Records.' }), { description: 'By object.' }), {
        description:
          'Records that are there before anything happens, by system and object. A related record may stand as a map that tells it.',
        examples: [{ twenty: { company: [{ name: 'Example' }], person: [{ company: { name: 'Example' } }] } }],
      }),
    ),
  },
  { ...closed, description: 'What Twenty has before anything happens.' },
)

const requestKeys = {
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

const Answers = named(Type.Array(Answer, { description: 'Answers.' }), {
  description: 'What HTTP systems answer, by the name of the system or connector, or by host.',
  examples: [{ enrichment: [{ method: 'GET', path: '/person', answer: { json: { title: 'CTO' } } }] }],
})

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

const Expect = Type.Object(
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

/** A step of a case has one of these. */
const StepSchema = Type.Object(
  {
    post: Optional(
      Type.Object(
        {
          to: Type.String({ minLength: 1, description: 'A connector, or a path.', examples: ['lead-form'] }),
          json: Optional(Data({ description: 'Body, sent as JSON.', examples: [{ email: 'ada@example.com' }] })),
          form: Optional(DataMap({ description: 'Body, sent as a web form.' })),
          multipart: Optional(DataMap({ description: 'Body, sent as a multipart form.' })),
          text: Optional(Type.String({ description: 'Body, sent as it is.' })),
          headers: Optional(DataMap({ description: 'Further headers.', examples: [{ 'x-event-name': 'lead' }] })),
          query: Optional(DataMap({ description: 'Parameters behind the `?`.' })),
          signed: Optional(
            Type.Boolean({ description: 'Whether it carries the proof that the connector asks for.', default: true }),
          ),
          times: Optional(
            Type.Integer({ minimum: 1, description: 'The sender sends the same so many times.', default: 1 }),
          ),
          status: Optional(
            Type.Integer({ description: 'How it must be answered. Default: any 2xx.', examples: [401] }),
          ),
        },
        { ...closed, description: 'An HTTP request comes in.' },
      ),
    ),
    create: Optional(
      Type.Object(
        { in: System, object: ObjectName, values: Values, by: By },
        { ...closed, description: 'A person creates a record in Twenty.' },
      ),
    ),
    update: Optional(
      Type.Object(
        { in: System, object: ObjectName, where: Where, values: Values, by: By },
        { ...closed, description: 'A person changes a record in Twenty.' },
      ),
    ),
    delete: Optional(
      Type.Object(
        { in: System, object: ObjectName, where: Where, by: By },
        { ...closed, description: 'A person deletes a record in Twenty.' },
      ),
    ),
    trigger: Optional(
      Type.Object(
        {
          source: Type.String({
            minLength: 1,
            description: 'As a flow names it in `from`.',
            examples: ['newsletter', 'twenty.person.created'],
          }),
          id: Optional(Type.String({ description: 'Id of the record.' })),
          data: Optional(DataMap({ description: 'The record, body or parameters.' })),
          list: Optional(Type.Array(Values, { description: 'An event for each; `data` is what all have beside.' })),
        },
        { ...closed, description: 'An event is launched by hand, as `twenty-sync trigger` does.' },
      ),
    ),
    after: Optional(Duration({ description: 'Time passes.', examples: ['1h'] })),
    redrive: Optional(
      Type.String({ description: 'All dead letters of this flow are tried again.', examples: ['web-form-leads'] }),
    ),
    expect: Optional(Expect),
  },
  { ...closed, description: 'One thing that happens, or is looked at.' },
)

const Case = Type.Object(
  {
    given: Optional(Given),
    answers: Optional(Answers),
    do: Optional(
      Type.Array(StepSchema, {
        description: 'What happens, one after the other: a step begins when all flows are at rest.',
        examples: [[{ post: { to: 'lead-form', json: { email: 'ada@example.com' } } }]],
      }),
    ),
    expect: Optional(Expect),
  },
  { ...closed, description: 'A case begins with nothing but what is given.' },
)

/** A `*.test.yaml`. */
export const TestSchema = Type.Object(
  {
    config: Optional(
      Type.Union(
        [
          File({ description: 'A config file.', examples: ['./web-form-leads.yaml'] }),
          Type.Array(File({ description: 'A config file.' }), { minItems: 1, description: 'Several.' }),
        ],
        { description: 'What is tested. Default: the file of the same name without `.test`.' },
      ),
    ),
    env: Optional(
      DataMap({
        description: 'Environment variables. Those that are not here have made-up values; real ones are never read.',
        examples: [{ FORM_KEY: 'a key' }],
      }),
    ),
    now: Optional(
      Type.String({
        pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d{3})?Z$',
        description: 'When each case begins.',
        default: '2026-01-05T09:00:00Z',
        examples: ['2026-01-05T09:00:00Z'],
      }),
    ),
    given: Optional(Given),
    answers: Optional(Answers),
    cases: named(Case, { description: 'Cases, by what they show.', examples: [{ 'a lead becomes a person': {} }] }),
  },
  { ...closed, description: 'Cases of a config, run by `twenty-sync test`.' },
)

export type TestDocument = Static<typeof TestSchema>
export type CaseDocument = Static<typeof Case>
export type GivenDocument = Static<typeof Given>
export type ReplyDocument = Static<typeof Reply>
export type StepDocument = Static<typeof StepSchema>
