import type { Account, Kind, Thing } from './account.ts'
import { mapOf, type Params, textOf } from './form.ts'
import { Refusal } from './refusal.ts'

/** A list is right at once; it shows the newest first. */
export function listOf(account: Account, kind: Kind, params: Params): unknown {
  const created = mapOf(params, 'created')
  const gte = textOf(created, 'gte')
  const fits = (thing: Thing) =>
    FILTERS.every(name => params[name] === undefined || thing.shown[name] === params[name]) &&
    (gte === undefined || (thing.shown.created as number) >= Number(gte))
  const all = account.listed(kind).filter(fits)
  const after = textOf(params, 'starting_after')
  const from = after === undefined ? 0 : all.findIndex(thing => thing.id === after) + 1
  const limit = limitOf(params)
  return {
    object: 'list',
    url: `/v1/${kind}s`,
    has_more: from + limit < all.length,
    data: all.slice(from, from + limit).map(thing => thing.shown),
  }
}

const FILTERS = ['customer', 'email', 'invoice', 'status', 'type'] as const

/** `metadata['name']:'value'`, which is what customers are searched by here. A search learns of things late. */
export function searchOf(account: Account, params: Params, learntBefore: number): unknown {
  const query = textOf(params, 'query') ?? ''
  const [, name, value] = /^metadata\['((?:[^'\\]|\\.)*)'\]:'((?:[^'\\]|\\.)*)'$/.exec(query) ?? []
  if (name === undefined || value === undefined)
    throw new Refusal(400, `We were unable to parse your search query: ${query}`, { param: 'query' })
  const wanted = value.replace(/\\(.)/g, '$1').toLowerCase()
  const found = account
    .all('customer')
    .filter(thing => thing.changedMs <= learntBefore)
    .filter(({ shown }) => String((shown.metadata as Params)[name] ?? '').toLowerCase() === wanted)
  return {
    object: 'search_result',
    url: '/v1/customers/search',
    has_more: false,
    next_page: null,
    data: found.slice(0, limitOf(params)).map(thing => thing.shown),
  }
}

function limitOf(params: Params): number {
  const limit = Number(textOf(params, 'limit') ?? 10)
  if (Number.isInteger(limit) && limit >= 1 && limit <= 100) return limit
  throw new Refusal(400, 'This value must be between 1 and 100.', { param: 'limit' })
}
