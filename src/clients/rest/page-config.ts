import { type Static, Type } from '@sinclair/typebox'
import { CallPath, Path, Query } from './schema.ts'

const size = {
  size: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 10_000, description: 'Records per page; ask for the most.', default: 100 }),
  ),
  sizeParameter: Type.Optional(
    Type.String({ description: 'Query parameter that takes the size. Absent: the API decides.', examples: ['limit'] }),
  ),
  total: Type.Optional(Path('Path in the answer to the number of all records.', 'meta.total')),
}

/** How an API cuts its lists. */
export const PageConfig = Type.Union(
  [
    Type.Object(
      {
        by: Type.Literal('cursor', { description: 'The answer names the next page, and a parameter takes that name.' }),
        next: Path(
          'Path in the answer to what the next page is called; absent or null on the last one.',
          'next_cursor',
        ),
        parameter: Type.String({ description: 'Query parameter that takes it.', examples: ['cursor'] }),
        ...size,
      },
      { additionalProperties: false, description: 'Pages by cursor. The best there is.' },
    ),
    Type.Object(
      {
        by: Type.Literal('link', { description: 'The answer has the whole address of the next page.' }),
        next: Type.Optional(
          Path('Path in the answer to that address. Default: the `Link` header with `rel="next"`.', 'links.next'),
        ),
        ...size,
      },
      { additionalProperties: false, description: 'Pages by address (RFC 8288), as GitHub has them.' },
    ),
    Type.Object(
      {
        by: Type.Literal('offset', { description: 'A parameter says how many records to pass over.' }),
        parameter: Type.Optional(
          Type.String({ description: 'Query parameter that takes the number.', default: 'offset' }),
        ),
        ...size,
      },
      {
        additionalProperties: false,
        description:
          'Pages by offset. Pages overlap by one record, so that one that moved up because another was deleted is not missed. Sort by something that never changes, with `query`.',
      },
    ),
    Type.Object(
      {
        by: Type.Literal('number', { description: 'Pages are counted.' }),
        parameter: Type.Optional(
          Type.String({ description: 'Query parameter that takes the number.', default: 'page' }),
        ),
        first: Type.Optional(Type.Integer({ minimum: 0, description: 'Number of the first page.', default: 1 })),
        ...size,
      },
      {
        additionalProperties: false,
        description:
          'Pages by number. With `total` a page is read again when records were deleted meanwhile; without it a walk can miss a record. Sort by something that never changes, with `query`.',
      },
    ),
    Type.Object(
      { by: Type.Literal('none', { description: 'Everything comes in one answer.' }), total: size.total },
      { additionalProperties: false, description: 'No pages.' },
    ),
  ],
  {
    description: 'How the list is cut into pages. Default: it comes whole.',
    examples: [{ by: 'cursor', next: 'next_cursor', parameter: 'cursor', size: 200, sizeParameter: 'limit' }],
  },
)

export type PageConfig = Static<typeof PageConfig>

const TimeFormat = Type.Union(
  [
    Type.Literal('iso', { description: '`2026-11-24T10:00:00.000Z`' }),
    Type.Literal('seconds', { description: 'Seconds since 1970.' }),
    Type.Literal('milliseconds', { description: 'Milliseconds since 1970.' }),
  ],
  { description: 'How the API wants a time.', default: 'iso' },
)

export const ListConfig = Type.Object(
  {
    path: CallPath('Path of the list.', '/contacts'),
    items: Type.Optional(Path('Path in the answer to the records. Default: the answer is the list.', 'data')),
    query: Query,
    page: Type.Optional(PageConfig),
    changedSince: Type.Optional(
      Type.Object(
        {
          parameter: Type.String({
            description: 'Query parameter that leaves out what was last changed before it.',
            examples: ['updated_since'],
          }),
          format: Type.Optional(TimeFormat),
          query: Query,
        },
        {
          additionalProperties: false,
          description: 'How to ask for what changed. Without it every poll reads everything and compares.',
        },
      ),
    ),
  },
  { additionalProperties: false, description: 'Reads all records, page by page.' },
)

export type ListConfig = Static<typeof ListConfig>
