import { badRequest } from '../errors.ts'
import { isUuid } from '../ids.ts'
import { limitOf } from './read.ts'

/** A page of metadata: ordered by id, and the ids are the cursors. */
export function metadataPage<T extends { readonly id: string }>(items: readonly T[], query: URLSearchParams) {
  const after = cursor(query, 'starting_after')
  const before = cursor(query, 'ending_before')
  if (after && before) throw badRequest('Cannot combine starting_after and ending_before')
  const limit = limitOf(query)
  const all = [...items].sort((a, b) => (a.id < b.id ? -1 : 1))
  const rest = all.filter(item => (after ? item.id > after : before ? item.id < before : true))
  const page = before ? rest.slice(Math.max(0, rest.length - limit)) : rest.slice(0, limit)
  const more = rest.length > page.length
  return {
    items: page,
    pageInfo: {
      hasNextPage: before !== undefined || more,
      hasPreviousPage: before === undefined ? after !== undefined : more,
      startCursor: page[0]?.id ?? null,
      endCursor: page.at(-1)?.id ?? null,
    },
    totalCount: all.length,
  }
}

function cursor(query: URLSearchParams, name: string): string | undefined {
  const text = query.get(name)
  if (!text) return undefined
  if (!isUuid(text)) throw badRequest(`'${name}' is not a valid UUID: ${text}`)
  return text.toLowerCase()
}
