import { SyncError } from '../../errors.ts'
import type { HttpAnswer, HttpCall } from '../http.ts'
import type { CallOptions, RestClient } from './client.ts'
import { readPage } from './pages.ts'
import { readAt, valueAt } from './paths.ts'
import { type RestRecord, recordOf } from './record.ts'
import type { ResourceConfig } from './resource-config.ts'

export interface Found {
  readonly record: RestRecord
  readonly etag?: string
}

/** The first that fails ends the others: so few are begun with it. */
const SEARCHES_AT_ONCE = 20

/** One record; undefined where the API says that there is none. */
export async function readOne(
  client: RestClient,
  resource: ResourceConfig,
  id: string,
  options: CallOptions,
): Promise<Found | undefined> {
  const { path, item, query } = resource.get
  const call: HttpCall = { method: 'GET', url: filled(path, id), query }
  const answer = await client.exchange(call, options)
  if (isGone(answer)) return undefined
  if (answer.status < 200 || answer.status > 299) throw client.errorOf(answer, call)
  const record = recordIn(answer.json(), item, resource)
  if (record?.id !== id) throw invalid(client, call, `the answer is not the record ${id}; see \`item\` and \`id\``)
  return { record, ...(answer.headers.etag !== undefined && { etag: answer.headers.etag }) }
}

/** In order; in one call where the API can, else one by one, a few at a time. */
export async function readMany(
  client: RestClient,
  resource: ResourceConfig,
  ids: readonly string[],
  options: CallOptions,
): Promise<(RestRecord | undefined)[]> {
  const together = resource.getMany && ids.length > 1 ? await readTogether(client, resource, ids, options) : undefined
  // P7: what a call for many leaves out is gone only when a look at its very id says so.
  return Promise.all(ids.map(async id => together?.get(id) ?? (await readOne(client, resource, id, options))?.record))
}

async function readTogether(
  client: RestClient,
  resource: ResourceConfig,
  ids: readonly string[],
  options: CallOptions,
): Promise<Map<string, RestRecord>> {
  const { path, parameter, separator = ',', items = resource.list.items, query } = resource.getMany!
  const call: HttpCall = { method: 'GET', url: path, query: { ...query, [parameter]: ids.join(separator) } }
  const body = (await client.send(call, options)).json()
  const list = items === undefined ? body : valueAt(body, items)
  if (!Array.isArray(list)) throw invalid(client, call, 'the answer is no list; see `items`')
  const records = list.flatMap(value => recordOf(value, resource) ?? [])
  return new Map(records.map(record => [record.id, record]))
}

/**
 * Records whose value at the path is one of these, letters' case and blanks around apart: an API may search by part of
 * a value, and what it gives too much is left out. Without a parameter for the path the whole list is read.
 */
export async function findBy(
  client: RestClient,
  resource: ResourceConfig,
  path: string,
  values: readonly unknown[],
  options: CallOptions,
): Promise<RestRecord[]> {
  const given = values.filter(value => value !== null && value !== undefined && value !== '')
  if (given.length === 0) return []
  const wanted = new Set(given.map(folded))
  const { list, find } = resource
  const parameter = find?.parameters[path]
  const queries =
    parameter === undefined ? [undefined] : [...new Set(given.map(String))].map(value => ({ [parameter]: value }))
  const found = new Map<string, RestRecord>()
  for (let from = 0; from < queries.length; from += SEARCHES_AT_ONCE) {
    const searches = queries.slice(from, from + SEARCHES_AT_ONCE).map(query => {
      const search = { path: find?.path ?? list.path, items: find?.items ?? list.items }
      return readAll(client, resource, query ? { ...search, query: { ...find?.query, ...query } } : list, options)
    })
    for (const record of (await Promise.all(searches)).flat()) found.set(record.id, record)
  }
  return [...found.values()].filter(({ data }) => {
    const value = readAt(data, path)
    return (Array.isArray(value) ? value : [value]).some(one => wanted.has(folded(one)))
  })
}

async function readAll(
  client: RestClient,
  resource: ResourceConfig,
  call: Parameters<typeof readPage>[2],
  options: CallOptions,
): Promise<RestRecord[]> {
  const records: RestRecord[] = []
  let cursor: unknown
  do {
    const page = await readPage(client, resource, call, cursor, options)
    records.push(...page.records)
    cursor = page.next
  } while (cursor !== undefined)
  return records
}

export function recordIn(body: unknown, item: string | undefined, resource: ResourceConfig): RestRecord | undefined {
  return recordOf(item === undefined ? body : valueAt(body, item), resource)
}

/** The path of a record. An id stays one part of it: data must not choose where a call goes. */
export function filled(path: string, id: string): string {
  if (id === '.' || id === '..') {
    throw new SyncError('rejected', 'BAD_REQUEST_VALUE', `the id "${id}" cannot stand in the path ${path}`)
  }
  return path.replaceAll('{id}', encodeURIComponent(id))
}

export function isGone({ status }: Pick<HttpAnswer, 'status'>): boolean {
  return status === 404 || status === 410
}

function folded(value: unknown): string {
  return (typeof value === 'object' ? JSON.stringify(value) : String(value)).trim().toLowerCase()
}

function invalid(client: RestClient, call: HttpCall, why: string): SyncError {
  return new SyncError('retryable', 'INVALID_ANSWER', `${client.name}: ${call.method} ${call.url}: ${why}`)
}
