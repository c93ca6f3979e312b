import type { HttpAnswer, HttpCall } from '../../clients/http.ts'
import { type ListedPage, NO_PAGES, readPageOf } from '../../clients/paged-list.ts'
import type { PageConfig } from '../../clients/rest/page-config.ts'
import { valueAt } from '../../clients/rest/paths.ts'
import { SyncError } from '../../errors.ts'
import { canonicalJson } from '../../identity.ts'
import type { Item } from '../sink.ts'
import { type Address, headOf } from './request.ts'

/** The step's config with values in place of expressions. */
interface ListArgs extends Address {
  readonly items?: string
  readonly itemId?: string
  readonly page?: PageConfig
  readonly limit?: number
}

interface Listed {
  readonly id: string
  readonly value: unknown
}

const DEFAULT_LIMIT = 1000

/** The API behind it. */
export interface Api {
  readonly name: string
  readonly url: string
  exchange(call: HttpCall): Promise<HttpAnswer>
  errorOf(answer: HttpAnswer, call: HttpCall): SyncError
}

/** One page of the list, from where the last one ended. @throws SyncError as `readPageOf`. */
export function readListPage(item: Item, cursor: unknown, api: Api): Promise<ListedPage<Listed>> {
  const { items, itemId, page, path, ...address } = item.args as unknown as ListArgs
  const { url, headers } = headOf({ ...address, path, method: 'GET' })
  return readPageOf(
    {
      ...api,
      target: `GET ${path}`,
      page: page ?? NO_PAGES,
      ...(items !== undefined && { items }),
      call: (query, at) =>
        at === undefined ? { method: 'GET', url, query, headers } : { method: 'GET', url: at, headers },
      read: value => listed(value, itemId),
    },
    cursor,
  )
}

/** All of it. @throws SyncError rejected `LIST_TOO_LONG`. */
export async function readList(item: Item, api: Api): Promise<unknown[]> {
  const { limit = DEFAULT_LIMIT, path } = item.args as unknown as ListArgs
  const all: unknown[] = []
  let cursor: unknown
  do {
    const { records, next } = await readListPage(item, cursor, api)
    for (const { value } of records) all.push(value)
    if (all.length > limit) {
      const message = `${api.name}: GET ${path} gives more than ${limit} items; \`each: { over: { list: … } }\` takes a list of any length, or raise \`limit\``
      throw new SyncError('rejected', 'LIST_TOO_LONG', message)
    }
    cursor = next
  } while (cursor !== undefined)
  return all
}

function listed(value: unknown, path: string | undefined): Listed | string {
  const id = valueAt(value, path ?? 'id')
  if (id !== undefined && id !== null) return { id: String(id), value }
  if (path !== undefined) return `an item in it has nothing at \`${path}\``
  return { id: canonicalJson(value), value }
}
