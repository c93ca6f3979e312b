import { type Static, Type } from '@sinclair/typebox'
import { Duration } from '../../config/definition.ts'
import { ListConfig } from './page-config.ts'
import { CallPath, Header, Path, Query, Statuses } from './schema.ts'
import { ResourceWebhookConfig } from './webhook-config.ts'

const methods = <const M extends readonly string[]>(names: M, byDefault: M[number]) =>
  Type.Optional(
    Type.Union(
      names.map(name => Type.Literal(name as M[number])),
      { description: 'HTTP method.', default: byDefault },
    ),
  )

const item = Type.Optional(Path('Path in the answer to the record. Default: the answer is the record.', 'data'))

const body = {
  wrap: Type.Optional(
    Type.String({ minLength: 1, description: 'Name under which the body carries the record.', examples: ['contact'] }),
  ),
  item,
  returns: Type.Optional(
    Type.Union(
      [
        Type.Literal('record', { description: 'The whole record as it is now.' }),
        Type.Literal('id', { description: 'Less than that; it is read in a second call.' }),
      ],
      { description: 'What the answer holds.', default: 'record' },
    ),
  ),
}

const GetConfig = Type.Object(
  { path: CallPath('Path of one record; `{id}` stands for its id.', '/contacts/{id}'), item, query: Query },
  { additionalProperties: false, description: 'Reads one record. 404 and 410 mean: there is none.' },
)

const GetManyConfig = Type.Object(
  {
    path: CallPath('Path of the call.', '/contacts'),
    parameter: Type.String({ description: 'Query parameter that takes the ids.', examples: ['ids'] }),
    separator: Type.Optional(Type.String({ minLength: 1, description: 'What stands between ids.', default: ',' })),
    most: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, description: 'Most ids of one call.', default: 50 })),
    items: Type.Optional(Path('Path in the answer to the records. Default: as `list`.', 'data')),
    query: Query,
  },
  { additionalProperties: false, description: 'Reads many records at once. Without it they are read one by one.' },
)

const FindConfig = Type.Object(
  {
    path: Type.Optional(CallPath('Path of the call. Default: that of `list`.', '/contacts/search')),
    parameters: Type.Record(
      Type.String(),
      Type.String({ minLength: 1, description: 'Query parameter.', examples: ['email'] }),
      { description: 'By path in a record, the query parameter that searches it.', examples: [{ email: 'email' }] },
    ),
    items: Type.Optional(Path('Path in the answer to the records. Default: as `list`.', 'data')),
    query: Query,
  },
  {
    additionalProperties: false,
    description:
      'Finds records by the value of a field, one call per value. For a field that has no parameter the whole list is read, which is expensive: name those that syncs match by.',
  },
)

const TakenConfig = Type.Object(
  {
    statuses: Statuses('Statuses of such an answer.', [409, 422]),
    code: Type.Optional(Path('Path in the answer to a code, where the status alone says too little.', 'error.code')),
    codes: Type.Optional(
      Type.Array(Type.String({ description: 'A code.' }), {
        minItems: 1,
        description: 'Codes that mean it.',
        examples: [['duplicate']],
      }),
    ),
    id: Type.Optional(Path('Path in the answer to the id of the record that has the value.', 'error.existing_id')),
  },
  { additionalProperties: false, description: 'How the API says that a unique value is taken.' },
)

const CreateConfig = Type.Object(
  {
    method: methods(['POST', 'PUT'], 'POST'),
    path: CallPath('Path of the call; `{id}` stands for an id of our choice.', '/contacts'),
    idKey: Type.Optional(
      Path('Path in the body that takes an id of our choice, a UUID. A create that is repeated is then told.', 'id'),
    ),
    idempotencyHeader: Type.Optional(
      Header('Header in which the API takes a key that makes a repeat harmless.', 'Idempotency-Key'),
    ),
    taken: Type.Optional(TakenConfig),
    ...body,
  },
  { additionalProperties: false, description: 'Makes a record.' },
)

const IfMatch = Type.Union(
  [
    Type.Object(
      {
        by: Type.Literal('etag', { description: 'The `ETag` header of `get`, sent as `If-Match`.' }),
        refused: Type.Optional(Statuses('Statuses that mean: it is another version now. Default 412.', [412, 409])),
      },
      { additionalProperties: false, description: 'Each write reads the record first.' },
    ),
    Type.Object(
      {
        by: Type.Literal('field', { description: 'A field of the record that changes with it, sent as `If-Match`.' }),
        path: Path('Path in a record to it.', 'version'),
        header: Type.Optional(Header('Header that takes it. Default `If-Match`.', 'If-Match')),
        refused: Type.Optional(Statuses('Statuses that mean: it is another version now. Default 412.', [412, 409])),
      },
      { additionalProperties: false, description: 'Each write reads the record first.' },
    ),
    Type.Object(
      {
        by: Type.Literal('time', { description: '`updatedAt`, sent as `If-Unmodified-Since`: whole seconds.' }),
        refused: Type.Optional(Statuses('Statuses that mean: it is another version now. Default 412.', [412, 409])),
      },
      { additionalProperties: false, description: 'No further call, but edits within one second are not told apart.' },
    ),
  ],
  { description: 'How a write is refused when the record has changed meanwhile. Absent: it is not.' },
)

const UpdateConfig = Type.Object(
  {
    method: methods(['PATCH', 'PUT', 'POST'], 'PATCH'),
    path: CallPath('Path of the call; `{id}` stands for the id.', '/contacts/{id}'),
    sends: Type.Optional(
      Type.Union(
        [
          Type.Literal('changes', { description: 'Only the fields that change.' }),
          Type.Literal('record', { description: 'The whole record, read just before.' }),
        ],
        { description: 'What the body holds. Default: `record` for PUT, else `changes`.' },
      ),
    ),
    ifMatch: Type.Optional(IfMatch),
    ...body,
  },
  { additionalProperties: false, description: 'Changes a record.' },
)

const DeleteConfig = Type.Object(
  {
    method: methods(['DELETE', 'POST', 'PATCH'], 'DELETE'),
    path: CallPath('Path of the call; `{id}` stands for the id.', '/contacts/{id}'),
    ifMatch: Type.Optional(IfMatch),
  },
  { additionalProperties: false, description: 'Deletes a record.' },
)

const FieldType = Type.Union(
  [
    Type.Literal('text', { description: 'Text.' }),
    Type.Literal('number', { description: 'A number; texts like "12.50" count as one.' }),
    Type.Literal('boolean', { description: 'true or false; 1, 0 and texts of them count too.' }),
    Type.Literal('date', { description: '`2026-11-24`' }),
    Type.Literal('time', { description: 'A moment, however it is written.' }),
    Type.Literal('any', { description: 'As it is.' }),
  ],
  { description: 'Type of the field.', examples: ['text'] },
)

export const ResourceConfig = Type.Object(
  {
    id: Type.Optional({ ...Path('Path in a record to its id.', 'id'), default: 'id' }),
    updatedAt: Type.Optional(
      Path(
        'Path in a record to when it was last changed: RFC 3339, or seconds or milliseconds since 1970. Without it a change counts from when it was seen, and two within `pollEvery` count as simultaneous.',
        'updated_at',
      ),
    ),
    granularity: Type.Optional(Duration({ description: 'How coarse that time is.', default: '1ms', examples: ['1s'] })),
    deleted: Type.Optional(
      Path(
        'Path in a record to a mark that it is deleted: a time, or true. Absent: deleted ones vanish.',
        'deleted_at',
      ),
    ),
    ignore: Type.Optional(
      Type.Array(Type.String({ minLength: 1, description: 'A top-level name.', examples: ['last_seen_at'] }), {
        description: 'Fields whose change is no change of the record.',
        examples: [['last_seen_at', 'etag']],
      }),
    ),
    fields: Type.Optional(
      Type.Record(Type.String(), FieldType, {
        description:
          'Fields by path. With it, syncs are checked against them, values are compared by type, and a field that an answer leaves out is empty. Without it, a field that is left out is unknown: name them where the API leaves empty fields out.',
        examples: [{ email: 'text', 'name.first': 'text', credit: 'number' }],
      }),
    ),
    list: ListConfig,
    get: GetConfig,
    getMany: Type.Optional(GetManyConfig),
    find: Type.Optional(FindConfig),
    create: Type.Optional(CreateConfig),
    update: Type.Optional(UpdateConfig),
    delete: Type.Optional(DeleteConfig),
    webhook: Type.Optional(ResourceWebhookConfig),
  },
  { additionalProperties: false, description: 'One kind of records: where its calls are and how its records look.' },
)

export type ResourceConfig = Static<typeof ResourceConfig>
export type CreateConfig = Static<typeof CreateConfig>
export type UpdateConfig = Static<typeof UpdateConfig>
export type DeleteConfig = Static<typeof DeleteConfig>
export type IfMatchConfig = Static<typeof IfMatch>
export type FieldTypeName = Static<typeof FieldType>
