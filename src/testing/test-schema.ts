import { type Static, Type } from '@sinclair/typebox'
import { File } from '../config/definition.ts'
import { Answers } from './answers-schema.ts'
import { Expect } from './expect-schema.ts'
import { Given } from './given-schema.ts'
import { closed, DataMap, named, Optional } from './schema-parts.ts'
import { StepSchema } from './step-schema.ts'

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
