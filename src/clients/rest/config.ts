import { type Static, Type } from '@sinclair/typebox'
import { Duration, Url } from '../../config/definition.ts'
import { Auth, HEADER_NAME } from '../http-auth.ts'
import { ResourceConfig } from './resource-config.ts'
import { WebhookConfig } from './webhook-config.ts'

/** What an API allows, where its calls are few at a time. */
export const Limits = Type.Object(
  {
    perSecond: Type.Optional(Type.Integer({ minimum: 1, description: 'Calls per second.', examples: [20] })),
    perMinute: Type.Optional(Type.Integer({ minimum: 1, description: 'Calls per minute.', examples: [600] })),
    concurrency: Type.Optional(
      Type.Integer({ minimum: 1, description: 'Calls under way at one time, per instance.', default: 4 }),
    ),
  },
  { additionalProperties: false, description: 'What the API allows; the rates count for all instances together.' },
)

/** Config of a REST system: what its client, its peers and its connector share. */
export const RestConfig = Type.Object(
  {
    url: Url({
      description: 'Base of every call; paths are appended to it.',
      examples: ['https://erp.example.com/api/v1', '${ERP_URL}'],
    }),
    auth: Type.Optional(Auth),
    headers: Type.Optional(
      Type.Record(Type.String({ pattern: HEADER_NAME }), Type.String({ description: 'Value of the header.' }), {
        additionalProperties: false,
        description: 'Sent with every call. Nothing secret: that belongs in `auth`.',
        examples: [{ 'api-version': '2026-01-01' }],
      }),
    ),
    timeout: Type.Optional(
      Duration({ description: 'Longest wait for one whole answer.', default: '30s', examples: ['10s'] }),
    ),
    limits: Type.Optional(Limits),
    insecure: Type.Optional(
      Type.Boolean({ description: 'Allows `http://` to another machine. Said again at start-up.', default: false }),
    ),
    check: Type.Optional(
      Type.String({
        pattern: '^/',
        description:
          'A path whose GET shows that address and credentials work. Default: the first page of the first resource.',
        examples: ['/me'],
      }),
    ),
    pollEvery: Type.Optional(Duration({ description: 'Pause between two polls.', default: '1m' })),
    pollOverlap: Type.Optional(
      Duration({
        description: 'How far a poll by `changedSince` looks back behind the start of the last one.',
        default: '2m',
      }),
    ),
    compareEvery: Type.Optional(
      Duration({
        description:
          'How often a resource with `changedSince` is walked whole all the same: it finds records that were deleted. Without `changedSince` every poll walks it whole.',
        default: '24h',
      }),
    ),
    deletedGuard: Type.Optional(
      Type.Integer({
        description: 'Percentage of the known records beyond which missing ones are reported, not believed.',
        minimum: 0,
        maximum: 100,
        default: 10,
      }),
    ),
    snapshot: Type.Optional(
      Type.Boolean({
        description:
          'The first poll of a resource gives every record that exists as `created`. Without it the first poll only learns what exists.',
        default: false,
      }),
    ),
    webhook: Type.Optional(WebhookConfig),
    resources: Type.Record(Type.String({ pattern: '^[A-Za-z][A-Za-z0-9_-]*$' }), ResourceConfig, {
      additionalProperties: false,
      minProperties: 1,
      description: 'The kinds of records, by the names that flows and syncs use.',
    }),
  },
  { additionalProperties: false, description: 'Any REST API, described by its calls.' },
)

export type RestConfig = Static<typeof RestConfig>
