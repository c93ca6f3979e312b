import { randomBytes, randomUUID } from 'node:crypto'
import { badRequest, notFound } from '../errors.ts'
import { isUuid } from '../ids.ts'

export interface Webhook {
  readonly id: string
  targetUrl: string
  operations: string[]
  description: string | null
  /** Empty switches the signature headers off. */
  secret: string
  readonly applicationId: string | null
  readonly createdAt: string
  updatedAt: string
  readonly deletedAt: null
}

/** The workspace's webhooks in order of creation. */
export class Webhooks {
  readonly #webhooks = new Map<string, Webhook>()
  readonly #now: () => string

  constructor(now: () => string) {
    this.#now = now
  }

  list(): Webhook[] {
    return [...this.#webhooks.values()]
  }

  get(id: string): Webhook | undefined {
    return this.#webhooks.get(id.toLowerCase())
  }

  /** A secret is made when none is given; an empty one is kept and means unsigned. */
  create(input: unknown): Webhook {
    const fields = checked(input)
    if (typeof fields.targetUrl !== 'string') throw badRequest('targetUrl must be a URL address')
    if (!fields.operations) throw badRequest('operations must be an array')
    const now = this.#now()
    const webhook: Webhook = {
      id: fields.id ?? randomUUID(),
      targetUrl: fields.targetUrl,
      operations: fields.operations,
      description: fields.description ?? null,
      secret: fields.secret ?? randomBytes(32).toString('hex'),
      applicationId: null,
      createdAt: now,
      updatedAt: now,
      deletedAt: null,
    }
    this.#webhooks.set(webhook.id, webhook)
    return webhook
  }

  update(id: string, input: unknown): Webhook {
    const webhook = this.#required(id)
    const { id: _id, ...fields } = checked(input)
    return Object.assign(webhook, fields, { updatedAt: this.#now() })
  }

  delete(id: string): Webhook {
    const webhook = this.#required(id)
    this.#webhooks.delete(webhook.id)
    return webhook
  }

  #required(id: string): Webhook {
    const webhook = this.get(id)
    if (!webhook) throw notFound('Webhook not found')
    return webhook
  }
}

interface Input {
  id?: string
  targetUrl?: string
  operations?: string[]
  description?: string
  secret?: string
}

function checked(input: unknown): Input {
  if (typeof input !== 'object' || input === null) throw badRequest('Webhook is not an object')
  const { id, targetUrl, operations, description, secret } = input as Record<string, unknown>
  const fields: Input = {}
  if (id !== undefined && id !== null) {
    if (!isUuid(id)) throw badRequest(`'${String(id)}' is not a valid UUID`)
    fields.id = id.toLowerCase()
  }
  if (targetUrl !== undefined) fields.targetUrl = normalTarget(targetUrl)
  if (operations !== undefined) {
    if (!Array.isArray(operations) || operations.some(each => typeof each !== 'string'))
      throw badRequest('operations must be an array of strings')
    fields.operations = operations as string[]
  }
  if (description !== undefined) fields.description = description === null ? '' : String(description)
  if (secret !== undefined && secret !== null) {
    if (typeof secret !== 'string') throw badRequest('secret must be a string')
    fields.secret = secret
  }
  return fields
}

/** Stored as a URL parser writes it: `http://host` becomes `http://host/`. */
function normalTarget(targetUrl: unknown): string {
  if (typeof targetUrl !== 'string' || !URL.canParse(targetUrl)) throw badRequest('targetUrl must be a URL address')
  const url = new URL(targetUrl)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw badRequest('targetUrl must be a URL address')
  return url.toString()
}
