import { type Static, Type } from '@sinclair/typebox'
import { Bytes } from '../../config/definition.ts'
import { Verification } from '../../connectors/webhook/verify.ts'
import { Path } from './schema.ts'

/** Of the system: where deliveries come in. One address for all resources. */
export const WebhookConfig = Type.Object(
  {
    path: Type.Optional(
      Type.String({
        pattern: '^/hooks/[A-Za-z0-9._~/-]+$',
        description:
          'Where the API posts to. Default `/hooks/<name of the system>`. A sender that has one address per kind of record adds `?object=<resource>` to it.',
        examples: ['/hooks/erp'],
      }),
    ),
    verify: Verification,
    kind: Type.Optional(Path('Path in a delivery to the name of what happened.', 'event')),
    items: Type.Optional(
      Path(
        'Path to the list of a delivery that tells of several changes. Default: a delivery is one change.',
        'events',
      ),
    ),
    bodyLimit: Type.Optional(
      Bytes({ description: 'Larger deliveries are refused with 413.', default: '1MiB', examples: ['5MiB'] }),
    ),
  },
  { additionalProperties: false, description: 'Deliveries of the API about its changes. Polls run beside them.' },
)

const Kinds = (description: string, example: readonly string[]) =>
  Type.Optional(
    Type.Array(Type.String({ minLength: 1, description: 'A kind; a `*` at the end stands for anything.' }), {
      minItems: 1,
      description,
      examples: [example],
    }),
  )

/** Of a resource: what its deliveries look like. */
export const ResourceWebhookConfig = Type.Object(
  {
    events: Kinds(
      'Kinds of deliveries that are about this resource. Without it, those whose address names it by `?object=`, and all when only one resource has a `webhook`.',
      ['contact.*'],
    ),
    created: Kinds('Kinds that say: it is new. Others that are about this resource are updates.', ['contact.created']),
    deleted: Kinds('Kinds that say: it is deleted.', ['contact.deleted']),
    id: Path('Path in a change to the id of the record.', 'data.id'),
    record: Type.Optional(
      Path(
        'Path in a change to the record, in the shape in which `list` and `get` give it. Without it a delivery only says which record to read.',
        'data',
      ),
    ),
    changed: Type.Optional(
      Path('Path in a change to the names of the fields that changed: a list, or a map by these names.', 'changes'),
    ),
    time: Type.Optional(
      Path('Path in a change to when it happened. Counts for deletes, and where no record is told.', 'occurred_at'),
    ),
    by: Type.Optional(Path('Path in a change to who did it, for people to read.', 'actor.name')),
  },
  { additionalProperties: false, description: 'How deliveries tell of changes of these records.' },
)

export type WebhookConfig = Static<typeof WebhookConfig>
export type ResourceWebhookConfig = Static<typeof ResourceWebhookConfig>
