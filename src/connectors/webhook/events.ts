import type { Expression } from '../../config/definition.ts'
import type { Environment } from '../../environment.ts'
import { SyncError } from '../../errors.ts'
import { type ChangeEvent, type Fields, typeOf } from '../../event.ts'
import { derivedId, timedId } from '../../identity.ts'
import type { IncomingRequest } from '../connector.ts'
import type { ParsedItem } from './body.ts'
import type { Scheme } from './scheme.ts'
import { unreadable } from './unreadable.ts'

export interface EventOptions {
  readonly connector: string
  readonly object: string
  readonly env: Pick<Environment, 'uuid'>
  readonly scheme: Scheme
  readonly idempotency?: Expression
  readonly key?: Expression
  readonly time?: Expression
  /** Header names, lower case, kept as extension attributes. */
  readonly keepHeaders: readonly string[]
}

const MAX_KEY_LENGTH = 1024

/**
 * Makes events of what was received.
 * Id: the `idempotency` expression, else the scheme's delivery id, else random. Key: the `key` expression, else the id.
 */
export function eventMaker(
  options: EventOptions,
): (request: IncomingRequest, items: readonly ParsedItem[]) => ChangeEvent[] {
  const { connector, object, env, scheme } = options
  const headers = options.keepHeaders.map(name => ({ name, attribute: attributeOf(name) }))
  const evaluates = options.idempotency ?? options.key ?? options.time
  const type = typeOf(connector, object, 'received')
  const source = `/${connector}`
  return (request, items) => {
    const receivedAt = new Date(request.receivedAt).toISOString()
    const extensions = extensionsOf(request, headers)
    const named = items.length > 1 ? new Map<string, number>() : undefined
    return items.map(({ data, raw }) => {
      const scope = evaluates ? { data, headers: request.headers, query: request.query } : undefined
      const own = text(options.idempotency, scope, 'idempotency') ?? numbered(scheme.deliveryId?.(request, data), named)
      const id = own === undefined ? timedId(request.receivedAt, env.uuid()) : derivedId(connector, own)
      const key = text(options.key, scope, 'key') ?? id
      const time = timeOf(options.time, scope) ?? receivedAt
      // One shape for every event, and no spread: this runs for each request.
      return { id, type, source, subject: `${object}/${key}`, time, key, extensions, data, raw }
    })
  }
}

/** A delivery id from a header names the whole request: its second event is told apart by its number, and so on. */
function numbered(deliveryId: string | undefined, named: Map<string, number> | undefined): string | undefined {
  if (deliveryId === undefined || !named) return deliveryId
  const earlier = named.get(deliveryId) ?? 0
  named.set(deliveryId, earlier + 1)
  return earlier === 0 ? deliveryId : `${deliveryId}#${earlier}`
}

/** @throws SyncError rejected, status 400, when the sender left out what the expression reads. */
function evaluated(expression: Expression, scope: Fields, name: string): unknown {
  try {
    return expression.evaluate(scope)
  } catch (cause) {
    if (!(cause instanceof SyncError)) throw cause
    const message = `the request lacks what this address needs for \`${name}\` (${expression.source})`
    throw new SyncError('rejected', cause.code, message, { status: 400, cause })
  }
}

function text(expression: Expression | undefined, scope: Fields | undefined, name: string): string | undefined {
  if (!expression || !scope) return undefined
  const value = evaluated(expression, scope, name)
  if (value === undefined || value === null || value === '') return undefined
  if (typeof value === 'object' || String(value).length > MAX_KEY_LENGTH) {
    throw unreadable(
      'BAD_KEY',
      `\`${name}\` (${expression.source}) must give a text of at most ${MAX_KEY_LENGTH} characters`,
    )
  }
  return String(value)
}

/** RFC 3339 text, a timestamp, or a count of seconds or milliseconds. */
function timeOf(expression: Expression | undefined, scope: Fields | undefined): string | undefined {
  if (!expression || !scope) return undefined
  const value = evaluated(expression, scope, 'time')
  if (value === undefined || value === null) return undefined
  const at = typeof value === 'number' && Math.abs(value) < 1e11 ? value * 1000 : value
  const time = at instanceof Date || typeof at === 'number' || typeof at === 'string' ? new Date(at) : undefined
  if (time && !Number.isNaN(time.getTime()) && time.getUTCFullYear() >= 0 && time.getUTCFullYear() < 10_000)
    return time.toISOString()
  throw unreadable('BAD_TIME', `\`time\` (${expression.source}) must give a moment, such as 2026-11-24T10:00:00Z`)
}

/** CloudEvents allows lower-case letters and digits, and advises at most 20. */
function attributeOf(header: string): string {
  return header.replace(/[^a-z0-9]/g, '').slice(0, 20)
}

function extensionsOf(
  request: IncomingRequest,
  headers: readonly { name: string; attribute: string }[],
): Record<string, string> | undefined {
  let found: Record<string, string> | undefined
  for (const { name, attribute } of headers) {
    const value = request.headers[name]
    if (typeof value !== 'string' || value === '') continue
    found ??= {}
    found[attribute] = value
  }
  return found
}
