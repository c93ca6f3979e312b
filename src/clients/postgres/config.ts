import { type Static, Type } from '@sinclair/typebox'
import { Duration, Url } from '../../config/definition.ts'

const Column = (description: string, examples: readonly string[]) =>
  Type.String({ description, minLength: 1, examples: [...examples] })

const TableConfig = Type.Object(
  {
    table: Type.String({
      description: 'Name of the table as the database writes it, with its schema unless that is on the search path.',
      pattern: '^[^.\\s]+(\\.[^.\\s]+)?$',
      examples: ['public.contacts'],
    }),
    id: Column('Column that names a row: unique, and never changed.', ['id']),
    updatedAt: Column(
      'Column with the time of the last change, which every change must move. `twenty-sync postgres sql` prints a trigger that sees to it.',
      ['updated_at'],
    ),
    deletedAt: Type.Optional(
      Column('Column with the time of deletion: rows are then marked, not removed, and can come back.', ['deleted_at']),
    ),
    columns: Type.Optional(
      Type.Array(Type.String({ description: 'A column.', minLength: 1 }), {
        description: 'Only these columns are read, beside the ones above. Default: all.',
        minItems: 1,
        examples: [['email', 'full_name']],
      }),
    ),
    pollEvery: Type.Optional(
      Duration({
        description: 'Longest pause between two polls. A notification of the trigger makes the poll come at once.',
        default: '1m',
      }),
    ),
  },
  { description: 'One table, as an object of the system.', additionalProperties: false },
)

/** Config of a Postgres database: what its client, its sink and its connector share. */
export const PostgresConfig = Type.Object(
  {
    url: Url({
      description:
        'postgres:// address with user and database; a password stands in it by reference. TLS is used, and the certificate checked, unless the host is this machine.',
      examples: ['${DATABASE_URL}', 'postgres://sync:${PASSWORD}@db.example.com/warehouse'],
    }),
    ca: Type.Optional(
      Type.String({
        description: "Who signed the server's certificate, as PEM. Default: the authorities that Node trusts.",
        examples: ['${file:./ca.pem}'],
      }),
    ),
    insecure: Type.Optional(
      Type.Boolean({
        description:
          'Allows another machine without TLS; with `?sslmode=require` in the address, TLS with any certificate.',
        default: false,
      }),
    ),
    pool: Type.Optional(
      Type.Integer({
        description: 'Connections of one instance; a listener takes one more.',
        minimum: 1,
        maximum: 100,
        default: 5,
      }),
    ),
    timeout: Type.Optional(Duration({ description: 'Longest time for one statement.', default: '30s' })),
    longestTransaction: Type.Optional(
      Duration({
        description:
          'A change that is committed later than this after its `updatedAt` may be missed by the polls; reconciliation finds it then.',
        default: '10m',
      }),
    ),
    changes: Type.Optional(
      Type.String({
        description:
          'Table into which the triggers of `twenty-sync postgres sql` write what was changed and what was deleted. Without it the polls see no deletes.',
        pattern: '^[^.\\s]+(\\.[^.\\s]+)?$',
        default: 'public.twenty_sync_changes',
      }),
    ),
    snapshot: Type.Optional(
      Type.Boolean({
        description:
          'The first poll of a table gives every row that exists as `created`. Without it the first poll only notes where it begins.',
        default: false,
      }),
    ),
    tables: Type.Record(Type.String({ pattern: '^[A-Za-z][A-Za-z0-9_-]*$' }), TableConfig, {
      description: 'The tables in use, by the names that flows and syncs have for them.',
    }),
  },
  { additionalProperties: false, description: 'A Postgres database, version 13 or newer.' },
)

export type PostgresConfig = Static<typeof PostgresConfig>
export type TableConfig = Static<typeof TableConfig>

/** Channel of the notifications. */
export const CHANNEL = 'twenty_sync'
export const DEFAULT_CHANGES = 'public.twenty_sync_changes'
