import { randomUUID } from 'node:crypto'
import { type SandboxClock, systemClock } from '../twenty/clock.ts'
import { type Answer, ok, type SandboxRequest, segmentsOf } from '../twenty/http.ts'
import type { Send } from '../twenty/webhooks/send.ts'
import { Account, type Thing } from './account.ts'
import { fateOf, noFaults, patchFaults, type SandboxStripeFaults } from './faults.ts'
import { type Params, parseForm } from './form.ts'
import { Idempotency } from './idempotency.ts'
import { listOf, searchOf } from './lists.ts'
import { invoicePage } from './page.ts'
import { missing, Refusal } from './refusal.ts'
import { type SandboxStripeDelivery, Webhooks } from './webhooks.ts'

export interface StripeOptions {
  /** The key that is let in; made up when absent. */
  readonly secretKey?: string
  readonly webhookSecret?: string
  /** Where events are sent to; may be set later. */
  readonly webhookUrl?: string
  readonly faults?: Partial<SandboxStripeFaults>
  readonly clock?: SandboxClock
  /** In [0, 1); decides the faults with a rate. */
  readonly random?: () => number
}

/** One request as it came. */
export interface SandboxStripeCall {
  readonly method: string
  readonly path: string
  readonly params: Params
  readonly idempotencyKey: string | undefined
  /** 0 when the connection was dropped. */
  status: number
  /** The answer is one that was kept. */
  replayed: boolean
}

/**
 * An account at Stripe without a socket: customers, invoices with their items, events; form-encoded calls, Stripe's own
 * idempotency, lists that are right at once and a search that is not, signed webhooks that are sent again, the page
 * that a payer sees, and faults on switches (`GET` and `PUT /sandbox/faults`).
 */
export class Stripe {
  readonly secretKey: string
  readonly webhookSecret: string
  readonly faults: SandboxStripeFaults
  readonly clock: SandboxClock
  webhookUrl: string | undefined
  /** Of the pages. */
  address = 'http://stripe.invalid'
  readonly calls: SandboxStripeCall[] = []
  readonly account: Account
  readonly webhooks: Webhooks
  readonly #idempotency: Idempotency
  readonly #random: () => number

  constructor(options: StripeOptions, send: Send) {
    this.secretKey = options.secretKey ?? `sk_test_${randomUUID().replaceAll('-', '')}`
    this.webhookSecret = options.webhookSecret ?? `whsec_${randomUUID().replaceAll('-', '')}`
    this.webhookUrl = options.webhookUrl
    this.faults = { ...noFaults(), ...options.faults }
    const clock = options.clock ?? systemClock
    this.clock = clock
    this.#random = options.random ?? Math.random
    this.#idempotency = new Idempotency(() => clock.now())
    const { faults, webhookSecret: secret } = this
    this.webhooks = new Webhooks({ url: () => this.webhookUrl, secret, faults, clock, send })
    this.account = new Account({
      now: () => clock.now(),
      pages: () => this.address,
      happened: event => this.webhooks.tell(event),
    })
  }

  get deliveries(): readonly SandboxStripeDelivery[] {
    return this.webhooks.deliveries
  }

  reset(): void {
    this.account.clear()
    this.webhooks.clear()
    this.#idempotency.clear()
    this.calls.length = 0
    Object.assign(this.faults, noFaults())
  }

  /** Answers one request. Never throws. */
  handle(request: SandboxRequest): Answer {
    const [path, query = ''] = request.url.split('?', 2) as [string, string?]
    if (!path.startsWith('/v1/')) return this.#aside(request, path)
    const call: SandboxStripeCall = {
      method: request.method,
      path,
      params: parseForm(request.method === 'GET' ? query : (request.body ?? '')),
      idempotencyKey: request.headers['idempotency-key'],
      status: 0,
      replayed: false,
    }
    this.calls.push(call)
    const answer = this.#answer(call, request)
    if (!answer.fate) call.status = answer.status
    call.replayed = answer.headers?.['idempotent-replayed'] === 'true'
    return { ...answer, headers: { ...answer.headers, 'request-id': `req_${this.calls.length}` } }
  }

  #answer(call: SandboxStripeCall, request: SandboxRequest): Answer {
    try {
      if (request.headers.authorization !== `Bearer ${this.secretKey}`)
        throw new Refusal(401, 'Invalid API Key provided', { type: 'invalid_request_error' })
      const writes = call.method !== 'GET'
      const fate = fateOf(this.faults, call.path, writes, this.#random)
      if (fate === 'reset') return { status: 0, fate }
      const key = call.method === 'POST' ? call.idempotencyKey : undefined
      const asked = `${call.path}?${request.body ?? ''}`
      const kept = key === undefined ? undefined : this.#idempotency.repeat(key, asked)
      const answer = kept ?? (fate === 'failed' ? this.#failure(call) : this.#carriedOut(call))
      if (key !== undefined && !kept && this.#isKept(answer)) this.#idempotency.keep(key, asked, answer)
      return fate === 'lost' ? { ...answer, fate } : answer
    } catch (thrown) {
      return refused(thrown)
    }
  }

  #carriedOut(call: SandboxStripeCall): Answer {
    try {
      return ok(this.#route(call))
    } catch (thrown) {
      if (thrown instanceof Refusal && thrown.isKept) return refused(thrown)
      throw thrown
    }
  }

  /** Refusals for the rate or a lock are said before anything is begun. */
  #isKept({ status }: Answer): boolean {
    if (status === 409 || status === 429) return false
    return status < 500 || this.faults.keepFailures
  }

  #failure(call: SandboxStripeCall): Answer {
    const { failStatus: status, failApplied, retryAfterSeconds } = this.faults
    if (failApplied && status >= 500) this.#carriedOut(call)
    const type = status === 429 ? 'rate_limit_error' : 'api_error'
    const headers: Record<string, string> =
      retryAfterSeconds === null ? {} : { 'retry-after': String(retryAfterSeconds) }
    return { status, headers, body: { error: { type, message: `sandbox fault ${status}` } } }
  }

  #route({ method, path, params }: SandboxStripeCall): unknown {
    const [, resource, id, verb] = segmentsOf(path)
    const route = ROUTES[`${method} ${[resource, id && ':id', verb].filter(Boolean).join('/')}`]
    if (resource === 'customers' && id === 'search' && method === 'GET')
      return searchOf(this.account, params, this.clock.now() - this.faults.searchLagMs)
    if (!route) throw new Refusal(404, `Unrecognized request URL (${method}: ${path}).`)
    const made = route(this.account, id ?? '', params)
    return isThing(made) ? structuredClone(made.shown) : structuredClone(made)
  }

  /** What is not the API: pages of payers, and switches. */
  #aside({ method, body }: SandboxRequest, path: string): Answer {
    const [area, id, verb] = segmentsOf(path)
    try {
      if (area === 'i' && id !== undefined) {
        if (method === 'POST' && verb === 'pay') this.account.pay(id)
        return {
          status: 200,
          headers: { 'content-type': 'text/html; charset=utf-8' },
          body: invoicePage(this.account.get('invoice', id)),
        }
      }
      if (path === '/sandbox/faults') {
        if (method === 'PUT') patchFaults(this.faults, JSON.parse(body ?? '{}') as Record<string, unknown>)
        return ok(this.faults)
      }
      if (path === '/sandbox/state') return ok(this.state())
      if (path === '/sandbox/calls') return ok(this.calls)
      throw missing('page', path)
    } catch (thrown) {
      return refused(thrown)
    }
  }

  /** Everything that is there, the oldest first. */
  state() {
    const of = (kind: 'customer' | 'invoice' | 'invoiceitem' | 'event') =>
      this.account
        .all(kind)
        .map(thing => thing.shown)
        .reverse()
    return { customers: of('customer'), invoices: of('invoice'), items: of('invoiceitem'), events: of('event') }
  }
}

type Route = (account: Account, id: string, params: Params) => unknown

const ROUTES: Readonly<Record<string, Route>> = {
  'GET customers': (account, _, params) => listOf(account, 'customer', params),
  'POST customers': (account, _, params) => account.createCustomer(params),
  'GET customers/:id'(account, id) {
    const customer = account.get('customer', id)
    return customer.deleted ? { id, object: 'customer', deleted: true } : customer
  },
  'POST customers/:id': (account, id, params) => account.updateCustomer(id, params),
  'DELETE customers/:id': (account, id) => account.delete('customer', id),
  'GET invoices': (account, _, params) => listOf(account, 'invoice', params),
  'POST invoices': (account, _, params) => account.createInvoice(params),
  'GET invoices/:id': (account, id) => account.get('invoice', id),
  'DELETE invoices/:id': (account, id) => account.delete('invoice', id),
  'POST invoices/:id/finalize': (account, id, params) => account.finalise(id, params),
  'POST invoices/:id/send': (account, id) => account.send(id),
  'POST invoices/:id/pay': (account, id) => account.pay(id),
  'POST invoices/:id/void': (account, id) => account.void(id),
  'GET invoiceitems': (account, _, params) => listOf(account, 'invoiceitem', params),
  'POST invoiceitems': (account, _, params) => account.addItem(params),
  'DELETE invoiceitems/:id': (account, id) => account.delete('invoiceitem', id),
  'GET events': (account, _, params) => listOf(account, 'event', params),
  'GET events/:id': (account, id) => account.get('event', id),
}

function isThing(made: unknown): made is Thing {
  return typeof made === 'object' && made !== null && 'shown' in made
}

function refused(thrown: unknown): Answer {
  if (thrown instanceof Refusal) return { status: thrown.status, body: thrown.body }
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  return { status: 400, body: { error: { type: 'invalid_request_error', message } } }
}
