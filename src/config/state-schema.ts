import { Type } from '@sinclair/typebox'
import { TlsSchema } from './tls-schema.ts'

const ADDRESS = 'redis:// or rediss:// address.'

const Address = Type.String({
  description: ADDRESS,
  pattern: '^rediss?://[^\\s]+$',
  examples: ['rediss://redis.example.com:6380', '${REDIS_URL}'],
})

export const StateSchema = Type.Object(
  {
    type: Type.Optional(
      Type.Union(
        [
          Type.Literal('embedded', { description: "In the log's own file. Beside the embedded log only." }),
          Type.Literal('redis', { description: 'Redis, or a Redis Cluster.' }),
          Type.Literal('memory', { description: 'Nothing outlives the process.' }),
        ],
        {
          description: 'Where flows remember. Default: embedded or memory like the log; beside Kafka it must be said.',
        },
      ),
    ),
    url: Type.Optional(
      Type.Union([Address, Type.Array(Address, { description: 'Several nodes of a Cluster.', minItems: 1 })], {
        description: `Redis: its address. A password stands in it by reference.`,
        examples: ['${REDIS_URL}'],
      }),
    ),
    cluster: Type.Optional(
      Type.Boolean({ description: 'Redis: it is a Cluster. Default: when several addresses are given.' }),
    ),
    prefix: Type.Optional(
      Type.String({
        description: 'Redis: first part of every key.',
        pattern: '^[^{}\\s]*$',
        default: 'twenty-sync',
        examples: ['crm-production:'],
      }),
    ),
    tls: Type.Optional(
      TlsSchema('Redis: TLS with certificates of its own. `rediss://` alone uses those that Node trusts.'),
    ),
    insecure: Type.Optional(
      Type.Boolean({
        description: 'Redis: allows another machine without TLS. Said again at start-up.',
        default: false,
      }),
    ),
  },
  { description: 'What flows remember: finished steps, claims, parked events.', additionalProperties: false },
)
