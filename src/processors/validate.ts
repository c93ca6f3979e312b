import { Type } from '@sinclair/typebox'
import { defineProcessor, Expr, File } from '../config/definition.ts'
import { SyncError } from '../errors.ts'
import { compileSchema, readSchema } from '../json-schema.ts'

/** Refuses events whose data is not as it should be. */
export default defineProcessor({
  type: 'validate',
  summary: 'Checks the data against a JSON Schema; what does not fit goes to the dead letters with every reason.',
  config: Type.Object(
    {
      schema: Type.Union(
        [
          File({ description: 'A file with the schema, as JSON or YAML.', examples: ['./schemas/lead.json'] }),
          Type.Record(Type.String(), Type.Unknown(), {
            description: 'The schema itself.',
            examples: [{ required: ['email'] }],
          }),
        ],
        {
          description: 'JSON Schema, draft 7 or 2020-12 as its `$schema` says (draft 7 when it says nothing).',
          examples: ['./schemas/lead.json', { required: ['email'] }],
        },
      ),
      on: Type.Optional(
        Expr({ description: 'What is checked.', default: 'data', examples: ['data.items[0]', 'data.contact'] }),
      ),
    },
    { additionalProperties: false },
  ),
  examples: [
    {
      title: 'In place',
      yaml: 'schema:\n  required: [email]\n  properties: { email: { type: string, format: email } }\n',
    },
    { title: 'A part of the data', yaml: 'on: data.contact\nschema: { type: object, required: [email] }\n' },
  ],
  check(config) {
    try {
      compileSchema(readSchema(config.schema))
      return []
    } catch (error) {
      return [{ path: ['schema'], message: error instanceof Error ? error.message : String(error) }]
    }
  },
  create(config, context) {
    const validate = usable(config.schema, context.name)
    const on = context.compile(config.on ?? 'data')
    const pass = {}
    return {
      process(scope) {
        const failures = validate(on.evaluate(scope))
        if (failures.length === 0) return pass
        const reasons = failures.map(({ path, message }) => `${on.source}${path} ${message}`).join('; ')
        throw new SyncError('rejected', 'VALIDATION_FAILED', `step ${context.name}: ${reasons}`, {
          details: { failures },
        })
      },
    }
  },
})

function usable(schema: unknown, step: string): ReturnType<typeof compileSchema> {
  try {
    return compileSchema(readSchema(schema))
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause)
    throw new SyncError('fatal', 'SCHEMA_INVALID', `step ${step}: ${message}`, { cause })
  }
}
