import { type Static, Type } from '@sinclair/typebox'
import { Bytes, Duration, Secret, Url } from '../../config/definition.ts'

/** Config of a Twenty system: what its client, its sink and its connector share. */
export const TwentyConfig = Type.Object(
  {
    url: Url({
      description: 'Address of the Twenty server, without `/rest`.',
      examples: ['https://api.twenty.com', '${TWENTY_URL}'],
    }),
    apiKey: Secret({
      description: 'API key from Settings > APIs & Webhooks. Its role needs the objects in use and the data model.',
      examples: ['${TWENTY_API_KEY}'],
    }),
    insecure: Type.Optional(
      Type.Boolean({ description: 'Allows `http://` to another machine. Said again at start-up.', default: false }),
    ),
    timeout: Type.Optional(Duration({ description: 'Longest wait for one answer.', default: '30s' })),
    batch: Type.Optional(
      Type.Integer({
        description: 'Records per write call. Twenty documents 60 and accepts up to 200.',
        minimum: 1,
        maximum: 200,
        default: 60,
      }),
    ),
    maxRowsPerMinute: Type.Optional(
      Type.Integer({
        description:
          'Records written per minute, by all instances together. Each one may start workflows in Twenty, which runs 100 of them a minute and lets the others wait. Default: as many as the calls carry.',
        minimum: 1,
        examples: [100],
      }),
    ),
    limits: Type.Optional(
      Type.Object(
        {
          perMinute: Type.Optional(Type.Integer({ description: 'Calls per minute.', minimum: 1, default: 90 })),
          perSecond: Type.Optional(Type.Integer({ description: 'Calls per second.', minimum: 1, default: 90 })),
        },
        {
          description:
            "Calls to Twenty from all instances together. Twenty allows 100 a minute and 100 a second per workspace by default, shared with that workspace's other integrations.",
          additionalProperties: false,
        },
      ),
    ),
    webhookSecret: Type.Optional(
      Secret({
        description: 'Secret of the webhook in Twenty. Every delivery must carry a valid signature.',
        examples: ['${TWENTY_WEBHOOK_SECRET}'],
      }),
    ),
    previousWebhookSecrets: Type.Optional(
      Type.Array(Secret({ description: 'A secret that is being replaced.', examples: ['${OLD_WEBHOOK_SECRET}'] }), {
        description: 'Secrets that are accepted too, while a new one is rolled out.',
        maxItems: 4,
      }),
    ),
    unsigned: Type.Optional(
      Type.Boolean({
        description: 'Takes deliveries without a signature. Only where nobody else can reach the path.',
        default: false,
      }),
    ),
    webhookPath: Type.Optional(
      Type.String({
        description: 'Path of the webhook. Default `/hooks/<name of the system>`.',
        pattern: '^/hooks/[A-Za-z0-9._~/-]+$',
        examples: ['/hooks/twenty'],
      }),
    ),
    webhookTolerance: Type.Optional(
      Duration({ description: 'Age of a signature that is still accepted, in both directions.', default: '5m' }),
    ),
    webhookBodyLimit: Type.Optional(Bytes({ description: 'Largest delivery.', default: '1MiB' })),
    registerWebhook: Type.Optional(
      Type.Boolean({
        description: 'Creates or mends the webhook in Twenty at start-up. Needs `server.publicUrl`.',
        default: false,
      }),
    ),
    pollEvery: Type.Optional(
      Duration({
        description: 'Pause between two polls. Twenty does not repeat a lost webhook: the poll finds what it missed.',
        default: '1m',
      }),
    ),
    pollOverlap: Type.Optional(
      Duration({ description: 'How far each poll looks back behind the start of the last one.', default: '2m' }),
    ),
    snapshot: Type.Optional(
      Type.Boolean({
        description:
          'The first poll of an object gives every record that exists as `created`. Without it the first poll only learns what exists.',
        default: false,
      }),
    ),
    findDestroyedEvery: Type.Optional(
      Duration({
        description: 'How often all ids are walked to find records that were destroyed without a webhook.',
        default: '24h',
      }),
    ),
    destroyedGuard: Type.Optional(
      Type.Integer({
        description: 'Percentage of the known records beyond which missing ones are reported, not believed.',
        minimum: 0,
        maximum: 100,
        default: 10,
      }),
    ),
  },
  { additionalProperties: false, description: 'A Twenty workspace.' },
)

export type TwentyConfig = Static<typeof TwentyConfig>

/** Records of one write call: no more than may be written in a minute. */
export function batchOf({ batch = 60, maxRowsPerMinute = batch }: TwentyConfig): number {
  return Math.min(batch, maxRowsPerMinute)
}

const USUAL_PER_MINUTE = 90
const USUAL_PATIENCE_MS = 4000
const LEAST_PATIENCE_MS = 200

/** How long a write waits for others to share its call (P8): the less, the more calls there are to spend. */
export function patienceOf({ limits }: TwentyConfig): number {
  const perMinute = Math.max(limits?.perMinute ?? USUAL_PER_MINUTE, USUAL_PER_MINUTE)
  return Math.max(LEAST_PATIENCE_MS, Math.round((USUAL_PATIENCE_MS * USUAL_PER_MINUTE) / perMinute))
}
