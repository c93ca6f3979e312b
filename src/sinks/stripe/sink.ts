import type { StripeCall, StripeClient } from '../../clients/stripe/client.ts'
import { asSyncError, type SyncError } from '../../errors.ts'
import type { Delivery, Item, Plan, Sink, SinkStatus } from '../sink.ts'
import { type CustomerRequest, Customers, customerRequest, customerResult, KEY_FIELD } from './customer.ts'
import { Invoices, invoiceResult } from './invoice.ts'
import { type InvoiceRequest, invoiceRequest, totalOf } from './invoice-request.ts'
import { majorUnits } from './money.ts'

/** Stands in a dry run for the id of what is not made; of an invoice with its total, which `find` gives again. */
const PLANNED = 'planned'

/** Finds or makes customers and invoices. What is planned is read from Stripe; what was begun is looked for there. */
export class StripeSink implements Sink {
  readonly #client: StripeClient
  readonly #customers: Customers
  readonly #invoices: Invoices

  constructor(client: StripeClient) {
    this.#client = client
    this.#customers = new Customers(client)
    this.#invoices = new Invoices(client)
  }

  /** Two flows that look for one customer take turns. */
  claims(item: Item): readonly string[] {
    return item.action === 'customer' ? [`customer/${requestOf(item).key}`] : []
  }

  plan(items: readonly Item[], signal: AbortSignal): Promise<(Plan | SyncError)[]> {
    return Promise.all(
      items.map(async item => {
        try {
          return await this.#plan(item, callOf(item, signal))
        } catch (thrown) {
          return asSyncError(thrown)
        }
      }),
    )
  }

  deliver(plans: readonly Plan[], signal: AbortSignal): Promise<Delivery[]> {
    return Promise.all(
      plans.map(async (plan): Promise<Delivery> => {
        try {
          const call = callOf(plan.item, signal)
          const made =
            plan.item.action === 'customer' ? await this.#customer(plan, call) : await this.#invoice(plan, call)
          return { status: 'delivered', ref: { object: made.object, id: made.id }, result: made }
        } catch (thrown) {
          return { status: 'failed', error: asSyncError(thrown) }
        }
      }),
    )
  }

  async status(): Promise<SinkStatus> {
    const { available, waiting, blockedMs } = await this.#client.limiterStatus()
    return { limiter: { available, waiting, blockedMs }, breaker: this.#client.breakerState }
  }

  async check(signal: AbortSignal): Promise<void> {
    await this.#client.call(sdk => sdk.customers.list({ limit: 1 }), { signal, priority: 'live' })
  }

  #plan(item: Item, call: StripeCall): Promise<Plan> {
    if (item.action === 'find') return this.#planFind(item, call)
    return item.action === 'customer' ? this.#planCustomer(item, call) : this.#planInvoice(item, call)
  }

  async #planFind(item: Item, call: StripeCall): Promise<Plan> {
    const { object, recordId } = item.args as { object: 'customer' | 'invoice'; recordId?: unknown }
    const id = typeof recordId === 'string' ? recordId : ''
    return { item, operation: 'read', result: await this.#found(object, id, call) }
  }

  async #found(object: 'customer' | 'invoice', id: string, call: StripeCall) {
    if (id === '') return null
    if (id.startsWith(PLANNED)) return object === 'customer' ? { object, id, ...UNKNOWN } : plannedInvoice(id)
    if (object === 'customer') {
      const customer = await this.#customers.get(id, call)
      return customer ? customerResult(customer) : null
    }
    const invoice = await this.#invoices.get(id, call)
    return invoice ? invoiceResult(invoice) : null
  }

  async #planCustomer(item: Item, call: StripeCall): Promise<Plan> {
    const request = requestOf(item)
    const { params } = request
    const plan = { item, request, result: { ...UNKNOWN, ...params, object: 'customer', id: PLANNED } }
    // P3: what an earlier try may have begun is looked for by the call that ends it.
    const found = item.outcomeUnknown ? undefined : await this.#customers.find(request, call)
    if (!found) return { ...plan, operation: 'create', after: params }
    const target = { object: 'customer', id: found.id }
    const result = customerResult(found)
    if (found.metadata[KEY_FIELD] === request.key) return { ...plan, operation: 'none', target, result }
    return { ...plan, operation: 'update', target, result, after: { metadata: params.metadata } }
  }

  async #customer({ item, target, request: planned }: Plan, call: StripeCall) {
    const request = planned as CustomerRequest
    const isThere = item.outcomeUnknown || target !== undefined
    const found = isThere
      ? ((await this.#customers.find(request, call)) ?? (await this.#customers.recent(request.key, call)))
      : undefined
    const customer = found
      ? await this.#customers.adopt(found, request, call)
      : await this.#customers.create(request, call)
    return customerResult(customer)
  }

  async #planInvoice(item: Item, call: StripeCall): Promise<Plan> {
    const request = (item.request as InvoiceRequest | undefined) ?? invoiceRequest(item, this.#client.clock.now())
    const isBegun = item.outcomeUnknown || request.customer === PLANNED
    const found = isBegun ? undefined : await this.#invoices.find(request, call)
    if (found && this.#invoices.isComplete(found, request)) {
      return { item, operation: 'none', target: { object: 'invoice', id: found.id }, result: invoiceResult(found) }
    }
    const { since: _, ...after } = request
    const { currency, lines } = request
    const result = plannedInvoice(`${PLANNED} ${majorUnits(totalOf(lines), currency)} ${currency.toUpperCase()}`)
    return { item, operation: 'create', after, request, result, private: { isNew: !isBegun && !found } }
  }

  async #invoice({ item, request: planned, private: notes }: Plan, call: StripeCall) {
    const request = planned as InvoiceRequest
    const { isNew } = notes as { isNew: boolean }
    const found = isNew ? undefined : await this.#invoices.find(request, call)
    return invoiceResult(await this.#invoices.make(found, request, item.outcomeUnknown, call))
  }
}

const UNKNOWN = { name: null, email: null }

/** What Stripe will choose is there by a name, so that a dry run shows the writes that are made of it. */
function plannedInvoice(id: string) {
  const [, total = null, currency = null] = id.split(' ')
  const chosen = { number: PLANNED, hostedUrl: 'https://invoice.stripe.com/planned' }
  return { object: 'invoice', id, status: PLANNED, ...chosen, total, currency }
}

function requestOf(item: Item): CustomerRequest {
  return (item.request as CustomerRequest | undefined) ?? customerRequest(item)
}

function callOf(item: Item, signal: AbortSignal): StripeCall {
  return { signal, priority: item.priority }
}
