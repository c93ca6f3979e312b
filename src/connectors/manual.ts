import { type Static, Type } from '@sinclair/typebox'
import { type ConnectorContext, defineConnector, Expr, File } from '../config/definition.ts'
import { SyncError } from '../errors.ts'
import { type Fields, RECEIVED } from '../event.ts'
import { compileSchema, readSchema } from '../json-schema.ts'
import type { Connector } from './connector.ts'

const Config = Type.Object(
  {
    objects: Type.Optional(
      Type.Array(
        Type.String({ pattern: '^[A-Za-z][A-Za-z0-9_-]*$', description: 'Name of an object.', examples: ['person'] }),
        {
          minItems: 1,
          uniqueItems: true,
          description:
            'What is launched: `trigger <connector>.<object>`; part of the topic, and events are of type `<object>.received`. Without it they are of type `<connector>.received`.',
          default: [RECEIVED],
          examples: [['person', 'company']],
        },
      ),
    ),
    parameters: Type.Optional(
      Type.Union(
        [
          File({ description: 'A file with the schema, as JSON or YAML.', examples: ['./schemas/campaign.json'] }),
          Type.Record(Type.String(), Type.Unknown(), {
            description: 'The schema itself.',
            examples: [{ required: ['campaign'] }],
          }),
        ],
        {
          description:
            'JSON Schema of what is given with `--data`; what does not fit is refused before anything happens. Default: any map, or none.',
          examples: [{ required: ['campaign'] }],
        },
      ),
    ),
    key: Type.Optional(
      Expr({
        description:
          'Events with the same key are processed one after the other. Default: the `id` of the record, else the event id.',
        scope: ['data'],
        examples: ['data.email'],
      }),
    ),
  },
  { additionalProperties: false },
)

/** What people launch. */
export default defineConnector({
  type: 'manual',
  summary: 'Launched by hand with `twenty-sync trigger`: as it is, with parameters, or once for each record of a list.',
  config: Config,
  examples: [
    { title: 'As it is', yaml: 'type: manual\n' },
    {
      title: 'With parameters',
      yaml: 'type: manual\nparameters:\n  required: [view, campaign]\n  properties: { view: { type: string }, campaign: { type: string } }\n  additionalProperties: false\n',
    },
    { title: 'Lists of people and of companies', yaml: 'type: manual\nobjects: [person, company]\nkey: data.email\n' },
  ],
  objects: config => config.objects ?? [RECEIVED],
  check(config) {
    try {
      if (config.parameters !== undefined) compileSchema(readSchema(config.parameters))
      return []
    } catch (error) {
      return [{ path: ['parameters'], message: error instanceof Error ? error.message : String(error) }]
    }
  },
  create: (config, context) => createManual(config, context),
})

function createManual(config: Static<typeof Config>, context: ConnectorContext): Connector {
  const failures = config.parameters === undefined ? undefined : compileSchema(readSchema(config.parameters))
  const key = config.key === undefined ? undefined : context.compile(config.key)
  return {
    objects: config.objects ?? [RECEIVED],
    launch: {
      check(parameters) {
        const found = failures?.(parameters) ?? []
        if (found.length === 0) return
        const reasons = found.map(({ path, message }) => `${path.slice(1) || 'it'} ${message}`).join('; ')
        const message = `${context.name} does not take these parameters: ${reasons}`
        throw new SyncError('rejected', 'BAD_PARAMETERS', message, { details: { failures: found } })
      },
      keyOf(data: Fields) {
        const value = key?.evaluate({ data })
        if (value === undefined || value === null || value === '') return undefined
        if (typeof value !== 'object' && String(value).length <= 512) return String(value)
        throw new SyncError(
          'rejected',
          'BAD_KEY',
          `\`key\` (${key?.source}) must give a text of at most 512 characters`,
        )
      },
    },
  }
}
