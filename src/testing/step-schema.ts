import { type Static, Type } from '@sinclair/typebox'
import { Duration } from '../config/definition.ts'
import { Expect } from './expect-schema.ts'
import { By, closed, Data, DataMap, ObjectName, Optional, System, Values, Where } from './schema-parts.ts'

/** A step of a case has one of these. */
export const StepSchema = Type.Object(
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

export type StepDocument = Static<typeof StepSchema>
