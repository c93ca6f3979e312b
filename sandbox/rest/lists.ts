import type { SandboxRestSettings } from './settings.ts'
import type { RestRow } from './store.ts'

interface Listed {
  readonly row: RestRow
  readonly place: number
}

export interface ListAnswer {
  readonly body: Record<string, unknown> | readonly RestRow[]
  readonly headers?: Readonly<Record<string, string>>
}

/** Parameters that mean something other than the value of a field. */
const OWN = new Set(['limit', 'cursor', 'offset', 'page', 'updated_since', 'ids', 'sort'])

/** A page of the records that the query asks for. `address`: of the request, without its query. */
export function listPage(
  rows: readonly Listed[],
  query: URLSearchParams,
  settings: SandboxRestSettings,
  address: string,
): ListAnswer {
  const chosen = rows.filter(({ row }) => matches(row, query, settings))
  const { paging } = settings
  const size = Math.min(Number(query.get('limit') ?? settings.pageLimit), settings.pageLimit)
  if (paging === 'none') return { body: { data: chosen.map(show(settings)), ...total(chosen, settings) } }
  const from = startOf(chosen, query, paging, size)
  const page = chosen.slice(from, from + size)
  const last = page.at(-1)
  const isMore = last !== undefined && from + size < chosen.length
  const body: Record<string, unknown> = { data: page.map(show(settings)), ...total(chosen, settings) }
  if (paging === 'cursor') body.next_cursor = isMore ? cursorOf(last.place) : null
  if (paging !== 'link' || !isMore) return { body }
  const next = new URLSearchParams(query)
  next.set('cursor', cursorOf(last.place))
  return { body, headers: { Link: `<${address}?prev>; rel="prev", <${address}?${next}>; rel="next"` } }
}

export function show({ omitEmpty }: SandboxRestSettings): (listed: { row: RestRow }) => RestRow {
  return ({ row }) => {
    if (!omitEmpty) return row
    const filled = Object.entries(row).filter(([, value]) => value !== null && value !== '' && value !== undefined)
    return { ...Object.fromEntries(filled), id: row.id }
  }
}

function total(chosen: readonly Listed[], settings: SandboxRestSettings): { total?: number } {
  return settings.total ? { total: chosen.length } : {}
}

function startOf(
  chosen: readonly Listed[],
  query: URLSearchParams,
  paging: SandboxRestSettings['paging'],
  size: number,
): number {
  if (paging === 'offset') return Number(query.get('offset') ?? 0)
  if (paging === 'number') return (Number(query.get('page') ?? 1) - 1) * size
  const cursor = query.get('cursor')
  if (cursor === null) return 0
  const place = Number(Buffer.from(cursor, 'base64url').toString())
  const found = chosen.findIndex(listed => listed.place > place)
  return found < 0 ? chosen.length : found
}

function cursorOf(place: number): string {
  return Buffer.from(String(place)).toString('base64url')
}

function matches(row: RestRow, query: URLSearchParams, { softDelete }: SandboxRestSettings): boolean {
  const since = query.get('updated_since')
  if (since !== null && Date.parse(String(row.updated_at)) < Date.parse(since)) return false
  // What is in the trash is shown to those who ask for changes.
  if (softDelete && row.deleted_at && since === null) return false
  const ids = query.get('ids')?.split(',')
  if (ids && !ids.includes(row.id)) return false
  return [...query].every(([name, value]) => OWN.has(name) || String(valueAt(row, name) ?? '') === value)
}

function valueAt(row: RestRow, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((inner, name) => (inner as Record<string, unknown> | undefined | null)?.[name], row)
}
