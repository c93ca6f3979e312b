import { SyncError } from '../../errors.ts'
import type { Fields } from '../../event.ts'
import { parseJson } from '../../json.ts'
import type { IncomingRequest } from '../connector.ts'
import { parseUrlencoded } from './form.ts'
import { parseMultipart } from './multipart.ts'
import { unreadable } from './unreadable.ts'

export type BodyKind = 'json' | 'form' | 'multipart'

export interface ParsedItem {
  readonly data: Fields
  /** The received bytes, where they are the JSON of `data`. */
  readonly raw?: Uint8Array
}

export interface ParsedBody {
  readonly kind: BodyKind
  readonly items: readonly ParsedItem[]
}

/** @throws SyncError rejected: status 415 `UNSUPPORTED_MEDIA_TYPE`, or 400 of the parsers. */
export function parseBody(request: IncomingRequest, accept: ReadonlySet<BodyKind>, lists: boolean): ParsedBody {
  const contentType = request.headers['content-type']
  const kind = kindOf(typeof contentType === 'string' ? contentType : undefined)
  if (!kind || !accept.has(kind)) throw unsupported(accept)
  if (kind === 'json') return { kind, items: jsonItems(request.body, lists) }
  const data = kind === 'form' ? parseUrlencoded(request.body) : parseMultipart(request.body, contentType as string)
  return { kind, items: [{ data }] }
}

function jsonItems(body: Buffer, lists: boolean): ParsedItem[] {
  const value = parseJson(body)
  if (isObject(value)) return [{ data: value, raw: body }]
  if (!lists || !Array.isArray(value))
    throw unreadable('NOT_AN_OBJECT', `the body must be a JSON object${lists ? ' or a list of objects' : ''}`)
  if (!value.every(isObject)) throw unreadable('NOT_AN_OBJECT', 'every element of the list must be a JSON object')
  return value.map(data => ({ data }))
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Without a content type the body is taken for JSON. */
function kindOf(contentType: string | undefined): BodyKind | undefined {
  if (contentType === undefined || contentType === 'application/json') return 'json'
  const semicolon = contentType.indexOf(';')
  const type = (semicolon < 0 ? contentType : contentType.slice(0, semicolon)).trim().toLowerCase()
  if (type === 'multipart/form-data') return 'multipart'
  const charset = /;\s*charset\s*=\s*"?([^\s;"]*)/i.exec(contentType)?.[1]
  if (charset !== undefined && !/^utf-?8$/i.test(charset)) return undefined
  if (type === 'application/x-www-form-urlencoded') return 'form'
  return type === 'application/json' || type === 'text/json' || /^application\/[\w.-]+\+json$/.test(type)
    ? 'json'
    : undefined
}

const TYPES: Readonly<Record<BodyKind, string>> = {
  json: 'application/json',
  form: 'application/x-www-form-urlencoded',
  multipart: 'multipart/form-data',
}

function unsupported(accept: ReadonlySet<BodyKind>): SyncError {
  const types = [...accept].map(kind => TYPES[kind]).join(', ')
  return new SyncError('rejected', 'UNSUPPORTED_MEDIA_TYPE', `this address takes ${types} in UTF-8`, { status: 415 })
}
