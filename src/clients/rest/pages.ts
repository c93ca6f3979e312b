import type { HttpCall } from '../http.ts'
import { type ListedPage as AnyListedPage, NO_PAGES, readPageOf } from '../paged-list.ts'
import type { CallOptions, RestClient } from './client.ts'
import { type RestRecord, recordOf } from './record.ts'
import type { ResourceConfig } from './resource-config.ts'

export type ListedPage = AnyListedPage<RestRecord>

export interface ListCall {
  readonly path: string
  /** Path in the answer to the records. */
  readonly items?: string
  readonly query?: HttpCall['query']
}

/** One page of a list of the resource, from where the last one ended. @throws SyncError as `readPageOf`. */
export function readPage(
  client: RestClient,
  resource: ResourceConfig,
  call: ListCall,
  cursor: unknown,
  options: CallOptions,
): Promise<ListedPage> {
  const query = { ...resource.list.query, ...call.query }
  const list = {
    name: client.name,
    target: `GET ${call.path}`,
    url: client.config.url,
    page: resource.list.page ?? NO_PAGES,
    ...(call.items !== undefined && { items: call.items }),
    call: (own: NonNullable<HttpCall['query']>, address?: string): HttpCall =>
      address === undefined
        ? { method: 'GET', url: call.path, query: { ...query, ...own } }
        : { method: 'GET', url: address },
    exchange: (page: HttpCall) => client.exchange(page, options),
    errorOf: client.errorOf,
    read: (value: unknown) => recordOf(value, resource) ?? `a record in it has no id at \`${resource.id ?? 'id'}\``,
  }
  return readPageOf(list, cursor)
}
