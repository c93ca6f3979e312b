import type { IncomingMessage } from 'node:http'
import type { IncomingRequest } from '../connectors/connector.ts'

/** A received request as connectors see it; the query is taken apart when somebody reads it. */
export class Incoming implements IncomingRequest {
  readonly method: string
  readonly path: string
  readonly rawQuery: string
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
  readonly receivedAt: number
  #query: Record<string, string | string[]> | undefined

  constructor(message: IncomingMessage, target: Target, body: Buffer, receivedAt: number) {
    this.method = message.method!
    this.path = target.path
    this.rawQuery = target.query
    this.headers = message.headers
    this.body = body
    this.receivedAt = receivedAt
  }

  get query(): Record<string, string | string[]> {
    this.#query ??= parseQuery(this.rawQuery)
    return this.#query
  }
}

export interface Target {
  readonly path: string
  readonly query: string
}

export function targetOf(url: string): Target {
  const mark = url.indexOf('?')
  return mark < 0 ? { path: url, query: '' } : { path: url.slice(0, mark), query: url.slice(mark + 1) }
}

function parseQuery(text: string): Record<string, string | string[]> {
  const query: Record<string, string | string[]> = {}
  for (const [name, value] of new URLSearchParams(text)) {
    if (name === '__proto__') continue
    const known = Object.hasOwn(query, name) ? query[name]! : undefined
    query[name] = known === undefined ? value : [...(typeof known === 'string' ? [known] : known), value]
  }
  return query
}
