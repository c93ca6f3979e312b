import type { Stripe, StripeCall, StripeClient } from '../../clients/stripe/client.ts'
import { detailsOf } from '../../clients/stripe/errors.ts'
import { SyncError } from '../../errors.ts'
import type { Fields } from '../../event.ts'
import type { Item } from '../sink.ts'
import { once } from './once.ts'
import { stripeParams } from './params.ts'

type Customer = Stripe.Customer

/** Under this name a customer's metadata hold what it is found by. */
export const KEY_FIELD = 'twentySyncKey'

/** Longer than Stripe keeps a key: what was made under one that it still knows is not older. */
const RECENT_S = 25 * 3600

/** What finds or makes a customer; JSON, so that a repeat has the same. */
export interface CustomerRequest {
  readonly key: string
  readonly email?: string
  readonly params: Fields
}

/** What later steps see. */
export interface CustomerResult {
  readonly object: 'customer'
  readonly id: string
  readonly name: string | null
  readonly email: string | null
}

/** @throws SyncError rejected `MATCH_VALUE_MISSING`. */
export function customerRequest(item: Item): CustomerRequest {
  const { match, values = {} } = item.args as { match: { key?: unknown; email?: unknown }; values?: Fields }
  const key = textOf(match.key, 'match.key')
  if (key === undefined || key.length > 500) {
    const given = key === undefined ? 'is absent' : 'is longer than 500 characters'
    throw noValue(`\`match.key\` ${given}; it names the customer for ever`)
  }
  const email = textOf(match.email, 'match.email')
  const params = stripeParams({ ...(email !== undefined && { email }), ...values })
  return {
    key,
    ...(email !== undefined && { email }),
    params: { ...params, metadata: { ...(params.metadata as Fields | undefined), [KEY_FIELD]: key } },
  }
}

/** One customer per key in one account, whoever asks for it. */
export class Customers {
  readonly #client: StripeClient

  constructor(client: StripeClient) {
    this.#client = client
  }

  /** By key, else the only one that has the address and no key. @throws SyncError rejected `AMBIGUOUS_MATCH`. */
  async find({ key, email }: CustomerRequest, call: StripeCall): Promise<Customer | undefined> {
    const query = `metadata['${KEY_FIELD}']:'${key.replace(/[\\']/g, '\\$&')}'`
    const { data: known } = await this.#client.call(sdk => sdk.customers.search({ query }), call)
    const holder = holderOf(key, known)
    if (holder || email === undefined) return holder
    // A list shows at once what a search may show an hour later.
    const { data: alike } = await this.#client.call(sdk => sdk.customers.list({ email, limit: 100 }), call)
    const free = alike.filter(customer => !customer.metadata[KEY_FIELD])
    const late = holderOf(key, alike)
    if (!late && free.length > 1) throw this.#ambiguous(email, free)
    return late ?? free[0]
  }

  /** The found one, with the key that it is found by from now on. */
  async adopt(found: Customer, { key }: CustomerRequest, call: StripeCall): Promise<Customer> {
    if (found.metadata[KEY_FIELD] === key) return found
    const metadata = { [KEY_FIELD]: key }
    return this.#client.call(sdk => sdk.customers.update(found.id, { metadata }), { ...call, writes: true })
  }

  /** The keys follow from the customer's own, so that two flows that ask at the same time get one customer. */
  create(request: CustomerRequest, call: StripeCall): Promise<Customer> {
    const { key, params } = request
    return once<Customer>({
      name: ['customer', key],
      call: idempotencyKey =>
        this.#client.call(sdk => sdk.customers.create(params, { idempotencyKey }), { ...call, writes: true }),
      seen: answer => (answer ? this.get(answer.id, call) : this.recent(key, call)),
    })
  }

  /** Of those that were made lately, by a list: it shows them at once. */
  async recent(key: string, call: StripeCall): Promise<Customer | undefined> {
    const gte = Math.floor(this.#client.clock.now() / 1000) - RECENT_S
    for (let after: string | undefined; ; ) {
      const page = { created: { gte }, limit: 100, ...(after !== undefined && { starting_after: after }) }
      const { data, has_more } = await this.#client.call(sdk => sdk.customers.list(page), call)
      const found = holderOf(key, data)
      if (found || !has_more) return found
      after = data.at(-1)!.id
    }
  }

  /** undefined: there is none, or it was deleted. */
  async get(id: string, call: StripeCall): Promise<Customer | undefined> {
    const found = await orNothing(this.#client.call(sdk => sdk.customers.retrieve(id), call))
    return found?.deleted ? undefined : found
  }

  #ambiguous(email: string, found: readonly Customer[]): SyncError {
    const ids = found.slice(0, 5).map(customer => customer.id)
    const message = `${this.#client.name}: ${found.length} customers have the address ${email} (${ids.join(', ')}); give the right one \`${KEY_FIELD}\` in its metadata, or merge them`
    return new SyncError('rejected', 'AMBIGUOUS_MATCH', message)
  }
}

export function customerResult({ id, name, email }: Customer): CustomerResult {
  return { object: 'customer', id, name: name ?? null, email: email ?? null }
}

/** undefined where Stripe knows no such thing. */
export async function orNothing<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked
  } catch (error) {
    if (error instanceof SyncError && detailsOf(error).code === 'resource_missing') return undefined
    throw error
  }
}

function holderOf(key: string, customers: readonly Customer[]): Customer | undefined {
  return customers.find(customer => customer.metadata[KEY_FIELD] === key)
}

/** A map as text would be the same text for everybody. */
function textOf(value: unknown, place: string): string | undefined {
  if (value === undefined || value === null || value === '') return undefined
  if (typeof value === 'string' || typeof value === 'number') return String(value)
  throw noValue(`\`${place}\` is ${JSON.stringify(value)?.slice(0, 60)}; it takes a text or a number, like company.id`)
}

function noValue(why: string): SyncError {
  return new SyncError('rejected', 'MATCH_VALUE_MISSING', `customer: ${why}`)
}
