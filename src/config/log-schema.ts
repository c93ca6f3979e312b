import { Type } from '@sinclair/typebox'
import { Bytes, Duration, Secret, Url } from './definition.ts'
import { TlsSchema } from './tls-schema.ts'

const KAFKA = 'Kafka: '

export const LogSchema = Type.Object(
  {
    type: Type.Optional(
      Type.Union(
        [
          Type.Literal('embedded', { description: 'One SQLite file on this machine.' }),
          Type.Literal('kafka', { description: 'A Kafka cluster; for more than one machine.' }),
          Type.Literal('memory', { description: 'Nothing outlives the process. For trying things out.' }),
        ],
        { description: 'Where events are kept.', default: 'embedded' },
      ),
    ),
    prefix: Type.Optional(
      Type.String({
        description: 'First part of every topic and group name, so that one cluster can serve several installations.',
        pattern: '^[A-Za-z0-9][A-Za-z0-9_-]*$',
        maxLength: 60,
        default: 'twenty-sync',
        examples: ['crm-production'],
      }),
    ),
    retention: Type.Optional(
      Duration({ description: 'How long events are kept, and can be replayed.', default: '30d', examples: ['90d'] }),
    ),
    folder: Type.Optional(
      Type.String({
        description:
          'Embedded: the folder of the one file that holds log and state, made at the first start. A relative one counts from the config file that names it. Default: `data` beside the first config file, in the order in which they are given: with another one first, the daemon begins with nothing remembered. A folder is for one daemon.',
        minLength: 1,
        examples: ['/var/lib/twenty-sync', './data'],
      }),
    ),
    maxSize: Type.Optional(
      Bytes({
        description: 'Embedded: above this size nothing is taken in any more (507); from 80 % on there is a warning.',
        examples: ['20GiB'],
      }),
    ),
    brokers: Type.Optional(
      Type.Union(
        [
          Type.String({ description: 'Separated by commas.', minLength: 1, examples: ['${KAFKA_BROKERS}'] }),
          Type.Array(Type.String({ description: '`host:port`', minLength: 1, examples: ['kafka-1:9092'] }), {
            description: 'One by one.',
            minItems: 1,
          }),
        ],
        {
          description: `${KAFKA}the brokers to begin with, each as \`host:port\`.`,
          examples: ['kafka-1:9093,kafka-2:9093'],
        },
      ),
    ),
    clientId: Type.Optional(
      Type.String({
        description: `${KAFKA}what the brokers call this client in their logs and quotas.`,
        minLength: 1,
        default: 'twenty-sync',
      }),
    ),
    partitions: Type.Optional(
      Type.Integer({
        description: `${KAFKA}partitions of a new topic. Fixed once it exists: order per record hangs on it.`,
        minimum: 1,
        maximum: 1000,
        default: 12,
      }),
    ),
    replication: Type.Optional(
      Type.Integer({
        description: `${KAFKA}copies of a new topic's partitions, at most as many as there are brokers. Default: the cluster's.`,
        minimum: 1,
        maximum: 10,
        examples: [3],
      }),
    ),
    minInsyncReplicas: Type.Optional(
      Type.Integer({
        description: `${KAFKA}copies that must have an event before it counts as stored. Default: the broker's.`,
        minimum: 1,
        maximum: 10,
        examples: [2],
      }),
    ),
    tls: Type.Optional(TlsSchema(`${KAFKA}TLS to the brokers and the schema registry: \`true\`, or certificates.`)),
    sasl: Type.Optional(
      Type.Object(
        {
          mechanism: Type.Union([Type.Literal('plain'), Type.Literal('scram-sha-256'), Type.Literal('scram-sha-512')], {
            description: 'How the brokers check the password.',
            examples: ['scram-sha-512'],
          }),
          username: Type.String({ description: 'User name.', minLength: 1, examples: ['twenty-sync'] }),
          password: Secret({ description: 'Its password.', examples: ['${KAFKA_PASSWORD}'] }),
        },
        { description: `${KAFKA}user and password.`, additionalProperties: false },
      ),
    ),
    compression: Type.Optional(
      Type.Union(
        [Type.Literal('none'), Type.Literal('gzip'), Type.Literal('snappy'), Type.Literal('lz4'), Type.Literal('zstd')],
        { description: `${KAFKA}codec of what is written; all of them can be read.`, default: 'none' },
      ),
    ),
    registry: Type.Optional(
      Type.Object(
        {
          url: Url({ description: 'Address of the registry.', examples: ['https://registry.example.com'] }),
          username: Type.Optional(Type.String({ description: 'User name, or API key.', examples: ['twenty-sync'] })),
          password: Type.Optional(Secret({ description: 'Its password.', examples: ['${REGISTRY_PASSWORD}'] })),
        },
        {
          description: `${KAFKA}Confluent Schema Registry. Without it values are plain JSON.`,
          additionalProperties: false,
        },
      ),
    ),
    insecure: Type.Optional(
      Type.Boolean({
        description: `${KAFKA}allows brokers on other machines without TLS. Said again at start-up.`,
        default: false,
      }),
    ),
  },
  { description: 'Where events are kept.', additionalProperties: false },
)
