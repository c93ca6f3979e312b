import { type Static, Type } from '@sinclair/typebox'
import { closed, Data, DataMap, named, ObjectName, Optional, Values } from './schema-parts.ts'

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

export const Given = Type.Object(
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

export type GivenDocument = Static<typeof Given>
