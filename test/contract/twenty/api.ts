import { randomBytes, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

export type Json = Record<string, unknown>

export interface Reply {
  readonly status: number
  readonly headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: a contract test looks into answers of any shape
  readonly body: any
}

/**
 * A client for the contract suite alone: no retries but for 429, which any server may answer at any time.
 * Keeps what it created, so that all of it can be destroyed in the end.
 */
export class Api {
  /** Marks everything that this run creates. */
  readonly tag = `tsync${randomBytes(4).toString('hex')}`
  readonly url: string
  readonly #apiKey: string
  readonly #created: { object: string; id: string }[] = []
  #number = 0

  constructor(url: string, apiKey: string) {
    this.url = url.replace(/\/$/, '')
    this.#apiKey = apiKey
  }

  get(path: string): Promise<Reply> {
    return this.call('GET', path)
  }

  async post(path: string, body: unknown): Promise<Reply> {
    const reply = await this.call('POST', path, body)
    this.#remember(path, reply)
    return reply
  }

  patch(path: string, body: unknown = {}): Promise<Reply> {
    return this.call('PATCH', path, body)
  }

  delete(path: string): Promise<Reply> {
    return this.call('DELETE', path)
  }

  async call(method: string, path: string, body?: unknown, token = this.#apiKey): Promise<Reply> {
    for (;;) {
      const response = await fetch(this.url + path, {
        method,
        headers: {
          ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      const text = await response.text()
      const isLimit = response.status === 429 || (response.status === 400 && text.includes('Limit reached'))
      if (!isLimit) return { status: response.status, headers: response.headers, body: parsed(text) }
      await sleep(Number(response.headers.get('retry-after') ?? 5) * 1000)
    }
  }

  async graphql(query: string, variables: Json = {}): Promise<Reply> {
    return this.call('POST', '/graphql', { query, variables })
  }

  /** An address that no one else has. */
  email(): string {
    return `p${++this.#number}.${this.tag}@example.com`
  }

  domain(): string {
    return `c${++this.#number}-${this.tag}.example.com`
  }

  async person(values: Json = {}): Promise<Json & { id: string; updatedAt: string }> {
    const reply = await this.post('/rest/people?depth=0', { jobTitle: this.tag, ...values })
    if (reply.status !== 201) throw new Error(`person not created: ${JSON.stringify(reply.body)}`)
    return reply.body.data.createPerson
  }

  async company(values: Json = {}): Promise<Json & { id: string; updatedAt: string }> {
    const reply = await this.post('/rest/companies?depth=0', { name: this.tag, ...values })
    if (reply.status !== 201) throw new Error(`company not created: ${JSON.stringify(reply.body)}`)
    return reply.body.data.createCompany
  }

  /** Rows that match, up to 200. */
  async find(object: string, filter: string, more = ''): Promise<Json[]> {
    const reply = await this.get(`/rest/${object}?limit=200&depth=0&filter=${encodeURIComponent(filter)}${more}`)
    if (reply.status !== 200) throw new Error(`find failed: ${JSON.stringify(reply.body)}`)
    return reply.body.data[object]
  }

  created(object: string, id: string): void {
    this.#created.push({ object, id })
  }

  /** Destroys everything that was created, the latest first. */
  async destroyAll(): Promise<void> {
    for (const { object, id } of this.#created.splice(0).reverse()) await this.delete(`/rest/${object}/${id}`)
  }

  #remember(path: string, reply: Reply): void {
    const object = /^\/rest\/(?:batch\/)?(\w+)(?:\?|$)/.exec(path)?.[1]
    if (reply.status !== 201 || !object || object === 'webhooks') return
    const made = Object.values(reply.body?.data ?? {})[0]
    for (const record of Array.isArray(made) ? made : [made])
      if (record?.id && !this.#created.some(each => each.id === record.id)) this.created(object, record.id)
  }
}

function parsed(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text)
  } catch {
    return text
  }
}

/** A UUID of the given version. */
export function uuid(version: number): string {
  const id = randomUUID()
  return `${id.slice(0, 14)}${version}${id.slice(15)}`
}

export const DUPLICATE = /duplicate|unique constraint|already exists/i
