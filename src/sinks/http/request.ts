import type { HttpCall } from '../../clients/http.ts'
import { SyncError } from '../../errors.ts'
import type { Fields } from '../../event.ts'
import type { Item } from '../sink.ts'

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

export interface Address {
  readonly method?: Method
  readonly path: string
  readonly params?: Fields
  readonly query?: Fields
  readonly headers?: Fields
}

/** The step's config with values in place of expressions, as the schema has checked it. */
export interface RequestArgs extends Address {
  readonly body?: unknown
  readonly bodyType?: 'json' | 'form'
  readonly idempotent?: boolean
  readonly idempotencyHeader?: string
  readonly success?: Statuses
  readonly retry?: Statuses
  readonly result?: string
  readonly batch?: BatchArgs
}

/** Single ones, and ranges as `200-299`. */
export type Statuses = readonly (number | string)[]

/** Expressions are text here: they see what only the call knows. */
export interface BatchArgs {
  readonly size: number
  readonly body?: string
  readonly answers?: {
    readonly at?: string
    readonly only?: 'failed'
    readonly ok?: string
    readonly retry?: string
    readonly id?: { readonly item: string; readonly answer: string }
  }
}

export function argsOf(item: Item): RequestArgs {
  return item.args as unknown as RequestArgs
}

export function methodOf(args: { readonly method?: unknown }): Method {
  return (args.method as Method | undefined) ?? 'POST'
}

export function readsOnly(method: Method): boolean {
  return method === 'GET' || method === 'HEAD'
}

export function isAmong(status: number, statuses: Statuses): boolean {
  return statuses.some(one => {
    if (typeof one === 'number') return one === status
    const [from, to] = boundsOf(one)
    return status >= from && status <= to
  })
}

export function boundsOf(range: string): [from: number, to: number] {
  const [from, to] = range.split('-')
  return [Number(from), Number(to)]
}

/** The call of an item. @throws SyncError rejected `BAD_REQUEST_VALUE` for a value that has no place in a request. */
export function callOf(item: Item): HttpCall {
  const args = argsOf(item)
  const call = headOf(args)
  // P3: the same effect carries the same key for ever.
  if (args.idempotencyHeader !== undefined) call.headers[args.idempotencyHeader.toLowerCase()] = item.id
  return withBody(call, sentBefore(item) ?? bodyOf(args))
}

export interface CallHead {
  readonly method: Method
  readonly url: string
  /** Lower-case names. */
  readonly headers: Record<string, string>
}

/** A call without its body. @throws as `callOf`. */
export function headOf(args: Address): CallHead {
  return { method: methodOf(args), url: urlOf(args), headers: headersOf(args.headers) }
}

export function withBody(call: CallHead, { body, type }: SentBody): HttpCall {
  if (body === null) return call
  return { ...call, headers: { 'content-type': type, ...call.headers }, body }
}

/** The body of a call as it goes out; null for none. */
export interface SentBody {
  readonly body: string | null
  readonly type: string
}

export function bodyOf({ body, bodyType }: Pick<RequestArgs, 'body' | 'bodyType'>): SentBody {
  if (bodyType === 'form') {
    const form = body === undefined ? null : encoded(fieldsOf(body), 'body').toString()
    return { body: form, type: 'application/x-www-form-urlencoded' }
  }
  return { body: body === undefined ? null : JSON.stringify(body), type: 'application/json' }
}

/** P3: under the same key goes the same body; what the config makes of the event by now may be another one. */
function sentBefore({ request }: Item): SentBody | undefined {
  return request as SentBody | undefined
}

/** Names in braces of a path. */
export function placeholdersOf(path: string): string[] {
  return [...path.matchAll(/\{([^{}]*)\}/g)].map(([, name]) => name!)
}

function urlOf({ path, params = {}, query }: Address): string {
  const filled = path.includes('{')
    ? path.replace(/\{([^{}]*)\}/g, (_, name: string) => part(name, params[name]))
    : path
  const text = query === undefined ? '' : encoded(query, 'query').toString()
  return text === '' ? filled : `${filled}?${text}`
}

/** One part of a path and no more: data must not choose where a call goes. */
function part(name: string, value: unknown): string {
  const text = scalar(value, `params.${name}`)
  if (text === undefined || text === '' || text === '.' || text === '..') {
    throw bad(`params.${name} is ${JSON.stringify(text) ?? 'absent'}, which cannot stand in a path`)
  }
  return encodeURIComponent(text)
}

function encoded(values: Fields, place: string): URLSearchParams {
  const search = new URLSearchParams()
  for (const name in values) {
    const value = values[name]
    for (const one of Array.isArray(value) ? value : [value]) {
      const text = scalar(one, `${place}.${name}`)
      if (text !== undefined) search.append(name, text)
    }
  }
  return search
}

function headersOf(values: Fields = {}): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const name in values) {
    const text = scalar(values[name], `headers.${name}`)
    if (text === undefined) continue
    // A line end would begin a header of the sender's choice.
    if (!/^[\t\x20-\x7e]*$/.test(text)) throw bad(`headers.${name} has a character that a header cannot hold`)
    headers[name.toLowerCase()] = text
  }
  return headers
}

/** Absent and null are left out. */
function scalar(value: unknown, place: string): string | undefined {
  if (value === undefined || value === null) return undefined
  if (value instanceof Date) return value.toISOString()
  if (typeof value === 'object') throw bad(`${place} is a list or an object; it must be one value`)
  return String(value)
}

function fieldsOf(body: unknown): Fields {
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Fields
  throw bad('a body of type `form` must be a map')
}

function bad(message: string): SyncError {
  return new SyncError('rejected', 'BAD_REQUEST_VALUE', message)
}
