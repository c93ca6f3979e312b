import { SyncError } from '../errors.ts'
import { shortHash } from '../identity.ts'
import type { HttpAnswer, HttpCall } from './http.ts'
import type { PageConfig } from './rest/page-config.ts'
import { isFields, valueAt } from './rest/paths.ts'

/** A list that an API gives in pages. */
export interface PagedList<R extends { readonly id: string }> {
  /** Of the system or connector, and the address: for messages. */
  readonly name: string
  readonly target: string
  /** No page is asked for at another origin than this URL's. */
  readonly url: string
  readonly page: PageConfig
  /** Path in the answer to the records; absent: the answer is the list. */
  readonly items?: string
  /** The call of a page: by parameters beside those of the list; by its whole address for `link`. */
  call(own: NonNullable<HttpCall['query']>, address?: string): HttpCall
  exchange(call: HttpCall): Promise<HttpAnswer>
  errorOf(answer: HttpAnswer, call: HttpCall): SyncError
  /** An id that no other record of the list has. A text: why it is no record. */
  read(value: unknown): R | string
}

export interface ListedPage<R> {
  readonly records: readonly R[]
  /** The whole answer, parsed. */
  readonly body: unknown
  /** Where the next page begins; JSON. Absent on the last one. */
  readonly next?: unknown
  readonly total?: number
  /** The API's own time of the answer, milliseconds; absent without a `Date` header. */
  readonly servedAt?: number
}

/** A place in a walk. */
type Place = Way & {
  /** Records before it. */
  readonly n: number
  /** The least number of all records that a page told. */
  readonly least?: number
}

type Way =
  | { readonly by: 'cursor'; readonly at: string | number }
  | { readonly by: 'link'; readonly at: string }
  /** `ids`: short, of the page before; `size`: what the API really gives. */
  | { readonly by: 'offset'; readonly at: number; readonly size: number; readonly ids: string[] }
  | { readonly by: 'number'; readonly at: number; readonly size: number; readonly total?: number }

interface Answer<R> {
  readonly records: readonly R[]
  readonly body: unknown
  readonly headers: HttpAnswer['headers']
  readonly url: string
  readonly total?: number
}

export const NO_PAGES: PageConfig = { by: 'none' }
const DEFAULT_SIZE = 100

/**
 * One page of a list, from where the last one ended. A walk that ends has seen every record that was there all the
 * while, as far as the way of paging can promise it.
 * @throws SyncError retryable `INVALID_ANSWER` for an answer that is no list, and for an empty page where the API's own
 * total says that there must be records (P7: what is missing then was not deleted).
 */
export async function readPageOf<R extends { readonly id: string }>(
  list: PagedList<R>,
  cursor: unknown,
): Promise<ListedPage<R>> {
  const { answer, next } = await new Reader(list).read(placeFrom(cursor, list.page))
  const servedAt = Date.parse(answer.headers.date ?? '')
  return {
    records: answer.records,
    body: answer.body,
    ...(next && { next }),
    ...(answer.total !== undefined && { total: answer.total }),
    ...(!Number.isNaN(servedAt) && { servedAt }),
  }
}

/** A cursor of another way of paging begins anew: the config was changed meanwhile. */
function placeFrom(cursor: unknown, page: PageConfig): Place | undefined {
  return isFields(cursor) && cursor.by === page.by ? (cursor as unknown as Place) : undefined
}

class Reader<R extends { readonly id: string }> {
  readonly #list: PagedList<R>

  constructor(list: PagedList<R>) {
    this.#list = list
  }

  read(place: Place | undefined): Promise<{ answer: Answer<R>; next?: Place }> {
    const { page } = this.#list
    switch (page.by) {
      case 'none':
        return this.#whole()
      case 'cursor':
        return this.#byCursor(page, place?.by === 'cursor' ? place : undefined)
      case 'link':
        return this.#byLink(page, place?.by === 'link' ? place : undefined)
      case 'offset':
        return this.#byOffset(page, place?.by === 'offset' ? place : undefined)
      case 'number':
        return this.#byNumber(page, place?.by === 'number' ? place : undefined)
    }
  }

  async #whole(): Promise<{ answer: Answer<R> }> {
    const answer = await this.#fetch({})
    this.#believable(answer, undefined, 0)
    return { answer }
  }

  async #byCursor(page: PageConfig & { by: 'cursor' }, place: (Place & { by: 'cursor' }) | undefined) {
    const answer = await this.#fetch(place ? { [page.parameter]: place.at } : {})
    const at = valueAt(answer.body, page.next)
    const isLast = (typeof at !== 'string' && typeof at !== 'number') || at === '' || at === place?.at
    if (isLast) this.#believable(answer, place, place?.n ?? 0)
    return { answer, ...(!isLast && { next: { by: 'cursor' as const, at, ...counts(answer, place) } }) }
  }

  async #byLink(page: PageConfig & { by: 'link' }, place: (Place & { by: 'link' }) | undefined) {
    const answer = place ? await this.#send(this.#list.call({}, place.at)) : await this.#fetch({})
    const link = page.next === undefined ? nextLink(answer.headers.link) : valueAt(answer.body, page.next)
    const at = typeof link === 'string' && link !== '' ? this.#ownAddress(link, answer.url) : undefined
    const isLast = at === undefined || at === place?.at
    if (isLast) this.#believable(answer, place, place?.n ?? 0)
    return { answer, ...(!isLast && { next: { by: 'link' as const, at, ...counts(answer, place) } }) }
  }

  /**
   * Pages overlap by one record: where it is gone, records were deleted meanwhile and others moved up, so the page
   * before is read again.
   */
  async #byOffset(page: PageConfig & { by: 'offset' }, place: (Place & { by: 'offset' }) | undefined) {
    const before = new Set(place?.ids)
    const parameter = page.parameter ?? 'offset'
    let from = Math.max(0, (place?.at ?? 0) - 1)
    let answer = await this.#fetch({ [parameter]: from })
    for (let step = Math.max(1, before.size - 1); from > 0 && !joins(answer, before); step = sizeOf(page)) {
      from = Math.max(0, from - step)
      answer = await this.#fetch({ [parameter]: from })
    }
    this.#believable(answer, undefined, from)
    const at = from + answer.records.length
    const size = place?.size ?? answer.records.length
    const fresh = { ...answer, records: answer.records.filter(({ id }) => !before.has(short(id))) }
    const ids = answer.records.map(({ id }) => short(id))
    const next = { by: 'offset' as const, at, size, ids, ...counts(fresh, place) }
    return { answer: fresh, ...(!isLastPage(answer, at, size, place !== undefined) && { next }) }
  }

  async #byNumber(page: PageConfig & { by: 'number' }, place: (Place & { by: 'number' }) | undefined) {
    const first = page.first ?? 1
    const parameter = page.parameter ?? 'page'
    let at = place?.at ?? first
    let answer = await this.#fetch({ [parameter]: at }, at > first)
    const lost = place?.total !== undefined && answer.total !== undefined ? place.total - answer.total : 0
    if (lost > 0 && place) {
      // Records were deleted meanwhile, so others moved up across the border of a page.
      at = Math.max(first, at - Math.ceil(lost / place.size))
      answer = await this.#fetch({ [parameter]: at }, at > first)
    }
    const size = place?.size ?? answer.records.length
    const passed = (at - first) * size
    this.#believable(answer, place, passed)
    const isLast = isLastPage(answer, passed + answer.records.length, size, at > first)
    const { total } = answer
    const next = {
      by: 'number' as const,
      at: at + 1,
      size,
      ...(total !== undefined && { total }),
      ...counts(answer, place),
    }
    return { answer, ...(!isLast && { next }) }
  }

  #fetch(own: NonNullable<HttpCall['query']>, mayEnd = false): Promise<Answer<R>> {
    const { page } = this.#list
    const size = page.by !== 'none' && page.sizeParameter !== undefined ? { [page.sizeParameter]: sizeOf(page) } : {}
    return this.#send(this.#list.call({ ...size, ...own }), mayEnd)
  }

  async #send(call: HttpCall, mayEnd = false): Promise<Answer<R>> {
    const { page } = this.#list
    const answer = await this.#list.exchange(call)
    const url = /^https?:/i.test(call.url) ? call.url : this.#list.url
    // Some APIs say so where there is no page of this number.
    if (mayEnd && answer.status === 404) return { records: [], body: undefined, headers: answer.headers, url }
    if (answer.status < 200 || answer.status > 299) throw this.#list.errorOf(answer, call)
    const body = answer.json()
    const total = page.total === undefined ? undefined : Number(valueAt(body, page.total) ?? Number.NaN)
    return {
      records: this.#records(body),
      body,
      headers: answer.headers,
      url,
      ...(total !== undefined && Number.isFinite(total) && { total }),
    }
  }

  #records(body: unknown): R[] {
    const { items } = this.#list
    const list = items === undefined ? body : valueAt(body, items)
    if (list === null) return []
    const where = items === undefined ? 'the answer' : `\`${items}\` of the answer`
    if (!Array.isArray(list)) throw this.#invalid(`${where} is not a list; see \`items\``)
    return list.map(value => {
      const record = this.#list.read(value)
      // P7: a record that is passed over would look deleted.
      if (typeof record === 'string') throw this.#invalid(record)
      return record
    })
  }

  /** P7: an empty page is no proof that there is nothing. */
  #believable(answer: Answer<R>, place: Place | undefined, passed: number): void {
    const { least = 0 } = counts(answer, place)
    if (answer.records.length > 0 || least <= passed) return
    throw this.#invalid(`a page is empty although the API counts ${least} records and ${passed} were read`)
  }

  #ownAddress(link: string, from: string): string {
    const base = new URL(this.#list.url)
    const next = URL.canParse(link, from) ? new URL(link, from) : undefined
    // P9: the credentials go nowhere else.
    if (next?.origin !== base.origin) throw this.#invalid('the next page is at another address')
    return next.href
  }

  #invalid(why: string): SyncError {
    return new SyncError('retryable', 'INVALID_ANSWER', `${this.#list.name}: ${this.#list.target}: ${why}`)
  }
}

function counts({ records, total }: Answer<unknown>, place: Place | undefined): { n: number; least?: number } {
  const told = [total, place?.least].filter(count => count !== undefined)
  return { n: (place?.n ?? 0) + records.length, ...(told.length > 0 && { least: Math.min(...told) }) }
}

function joins({ records }: Answer<{ readonly id: string }>, before: ReadonlySet<string>): boolean {
  return records.length > 0 && before.has(short(records[0]!.id))
}

/** A first page that is short may only mean that the API gives fewer than asked for; the next one tells. */
function isLastPage({ records, total }: Answer<unknown>, passed: number, size: number, isLater: boolean): boolean {
  if (records.length === 0) return true
  return total !== undefined ? passed >= total : isLater && records.length < size
}

function sizeOf(page: PageConfig): number {
  return (page.by === 'none' ? undefined : page.size) ?? DEFAULT_SIZE
}

function short(id: string): string {
  return shortHash(id).slice(0, 10)
}

/** The address of `<https://…>; rel="next"`. @see https://www.rfc-editor.org/rfc/rfc8288 */
function nextLink(header: string | undefined): string | undefined {
  for (const [, address, parameters] of (header ?? '').matchAll(
    /<([^>]*)>((?:\s*;\s*[^,;="]+(?:=(?:"[^"]*"|[^,;"]*))?)*)/g,
  )) {
    if (/;\s*rel\s*=\s*"?(?:[^"]*\s)?next(?:\s[^"]*)?"?\s*(?:;|$)/i.test(parameters!)) return address
  }
  return undefined
}
