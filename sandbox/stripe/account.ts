import { mapOf, type Params, textOf } from './form.ts'
import { missing, Refusal } from './refusal.ts'

/** A thing at Stripe; `made` orders lists, `changedMs` is when a search learns of it. */
export interface Thing {
  readonly id: string
  readonly made: number
  changedMs: number
  deleted: boolean
  /** As it is shown. */
  readonly shown: Record<string, unknown> & { readonly id: string }
}

export type Kind = 'customer' | 'invoice' | 'invoiceitem' | 'event'

const EVENTS_KEPT_MS = 30 * 24 * 3_600_000
const PREFIX: Readonly<Record<Kind, string>> = { customer: 'cus', invoice: 'in', invoiceitem: 'ii', event: 'evt' }

export interface AccountOptions {
  readonly now: () => number
  /** Address of the pages that payers see. */
  readonly pages: () => string
  readonly happened: (event: Readonly<Record<string, unknown>>) => void
}

/** One account's customers, invoices and events. */
export class Account {
  readonly #options: AccountOptions
  readonly #things: Record<Kind, Map<string, Thing>> = {
    customer: new Map(),
    invoice: new Map(),
    invoiceitem: new Map(),
    event: new Map(),
  }
  #made = 0
  #numbers = 0

  constructor(options: AccountOptions) {
    this.#options = options
  }

  clear(): void {
    for (const things of Object.values(this.#things)) things.clear()
  }

  /** The newest first. */
  all(kind: Kind): Thing[] {
    return [...this.#things[kind].values()].filter(thing => !thing.deleted).sort((a, b) => b.made - a.made)
  }

  /** What lists show: events are kept for 30 days. */
  listed(kind: Kind): Thing[] {
    const since = kind === 'event' ? this.#options.now() - EVENTS_KEPT_MS : 0
    return this.all(kind).filter(({ changedMs }) => changedMs >= since)
  }

  /** @throws Refusal 404. */
  get(kind: Kind, id: string): Thing {
    const thing = this.#things[kind].get(id)
    if (!thing) throw missing(kind, id)
    return thing
  }

  createCustomer(params: Params): Thing {
    const customer = this.#add('customer', {
      address: params.address ?? null,
      currency: null,
      description: textOf(params, 'description') ?? null,
      email: textOf(params, 'email') ?? null,
      livemode: false,
      metadata: mapOf(params, 'metadata'),
      name: textOf(params, 'name') ?? null,
      phone: textOf(params, 'phone') ?? null,
    })
    this.#tell('customer.created', customer)
    return customer
  }

  updateCustomer(id: string, params: Params): Thing {
    const customer = this.#living('customer', id)
    const { metadata, ...fields } = params
    Object.assign(customer.shown, fields)
    if (metadata) Object.assign(customer.shown.metadata as object, metadata)
    customer.changedMs = this.#options.now()
    this.#tell('customer.updated', customer)
    return customer
  }

  delete(kind: Exclude<Kind, 'event'>, id: string): unknown {
    const thing = this.#living(kind, id)
    const invoice = kind === 'invoiceitem' ? this.#things.invoice.get(String(thing.shown.invoice)) : thing
    if (kind !== 'customer' && invoice && invoice.shown.status !== 'draft')
      throw new Refusal(400, 'You can only delete draft invoices and their items.', { isKept: true })
    if (kind === 'invoiceitem' && invoice) addTo(invoice, -(thing.shown.amount as number))
    // Items of a draft that is gone wait for the customer's next invoice.
    if (kind === 'invoice')
      for (const { shown } of this.all('invoiceitem')) if (shown.invoice === id) shown.invoice = null
    thing.deleted = true
    this.#tell(`${kind}.deleted`, thing)
    // Of a customer it is still known that it was there.
    if (kind !== 'customer') this.#things[kind].delete(id)
    return { id, object: kind, deleted: true }
  }

  createInvoice(params: Params): Thing {
    const customer = textOf(params, 'customer') ?? ''
    const payer = this.#things.customer.get(customer)
    if (!payer || payer.deleted) throw missing('customer', customer, 'customer', 400)
    const collection = textOf(params, 'collection_method') ?? 'charge_automatically'
    const days = textOf(params, 'days_until_due')
    if (collection === 'send_invoice' && days === undefined)
      throw new Refusal(
        400,
        'If invoice `collection_method` is `send_invoice`, `due_date` or `days_until_due` is required.',
      )
    const invoice = this.#add('invoice', {
      amount_due: 0,
      amount_paid: 0,
      amount_remaining: 0,
      auto_advance: textOf(params, 'auto_advance') === 'true',
      collection_method: collection,
      currency: textOf(params, 'currency') ?? 'usd',
      customer,
      customer_email: payer.shown.email,
      customer_name: payer.shown.name,
      description: textOf(params, 'description') ?? null,
      due_date: days === undefined ? null : Math.floor(this.#options.now() / 1000) + Number(days) * 86_400,
      hosted_invoice_url: null,
      livemode: false,
      metadata: mapOf(params, 'metadata'),
      number: null,
      status: 'draft',
      status_transitions: { finalized_at: null },
      total: 0,
    })
    this.#tell('invoice.created', invoice)
    return invoice
  }

  addItem(params: Params): Thing {
    const id = textOf(params, 'invoice') ?? ''
    const invoice = this.#things.invoice.get(id)
    if (!invoice) throw missing('invoice', id, 'invoice', 400)
    if (invoice.shown.status !== 'draft')
      throw new Refusal(400, 'This invoice is no longer editable.', { code: 'invoice_not_editable', isKept: true })
    const currency = textOf(params, 'currency')
    if (currency !== invoice.shown.currency)
      throw new Refusal(400, `The currency of the invoice item (${currency}) must be that of the invoice.`, {
        param: 'currency',
      })
    const quantity = whole(params, 'quantity') ?? 1
    const unit = whole(params, 'unit_amount_decimal')
    const amount = whole(params, 'amount') ?? (unit === undefined ? undefined : unit * quantity)
    if (amount === undefined) throw new Refusal(400, 'Missing required param: amount.', { param: 'amount' })
    const item = this.#add('invoiceitem', {
      amount,
      currency,
      customer: textOf(params, 'customer'),
      description: textOf(params, 'description') ?? null,
      invoice: id,
      metadata: mapOf(params, 'metadata'),
      quantity,
    })
    addTo(invoice, amount)
    return item
  }

  finalise(id: string, params: Params): Thing {
    const invoice = this.#living('invoice', id)
    if (invoice.shown.status !== 'draft')
      throw new Refusal(400, "This invoice is already finalized, you can't re-finalize a non-draft invoice.", {
        code: 'invoice_not_editable',
        isKept: true,
      })
    Object.assign(invoice.shown, {
      status: 'open',
      number: `SANDBOX-${String(++this.#numbers).padStart(4, '0')}`,
      hosted_invoice_url: `${this.#options.pages()}/i/${id}`,
      auto_advance: textOf(params, 'auto_advance') === 'true',
      status_transitions: { finalized_at: Math.floor(this.#options.now() / 1000) },
    })
    this.#tell('invoice.finalized', invoice)
    return invoice
  }

  send(id: string): Thing {
    const invoice = this.#living('invoice', id)
    if (invoice.shown.status === 'draft') this.finalise(id, {})
    // One that is paid is mailed without a word of the payment.
    if (invoice.shown.status !== 'open' && invoice.shown.status !== 'paid')
      throw new Refusal(400, `You can't send an invoice that is ${invoice.shown.status}.`, { isKept: true })
    this.#tell('invoice.sent', invoice)
    return invoice
  }

  /** As the payer does on the invoice's page. */
  pay(id: string): Thing {
    const invoice = this.#living('invoice', id)
    if (invoice.shown.status !== 'open')
      throw new Refusal(400, `Invoice is ${invoice.shown.status}`, { code: 'invoice_not_open', isKept: true })
    Object.assign(invoice.shown, { status: 'paid', amount_paid: invoice.shown.total, amount_remaining: 0 })
    this.#tell('invoice.paid', invoice)
    return invoice
  }

  void(id: string): Thing {
    const invoice = this.#living('invoice', id)
    if (invoice.shown.status !== 'open')
      throw new Refusal(400, 'You can only pass in open invoices.', { code: 'invoice_not_open', isKept: true })
    invoice.shown.status = 'void'
    this.#tell('invoice.voided', invoice)
    return invoice
  }

  #living(kind: Kind, id: string): Thing {
    const thing = this.get(kind, id)
    if (thing.deleted) throw missing(kind, id)
    return thing
  }

  #add(kind: Kind, fields: Record<string, unknown>): Thing {
    const made = ++this.#made
    const id = `${PREFIX[kind]}_sandbox${String(made).padStart(6, '0')}`
    const changedMs = this.#options.now()
    const shown = { id, object: kind, created: Math.floor(changedMs / 1000), ...fields }
    const thing: Thing = { id, made, changedMs, deleted: false, shown }
    this.#things[kind].set(id, thing)
    return thing
  }

  #tell(type: string, { shown }: Thing): void {
    const event = this.#add('event', { livemode: false, type, data: { object: structuredClone(shown) } })
    this.#options.happened(event.shown)
  }
}

function addTo(invoice: Thing, amount: number): void {
  const total = (invoice.shown.total as number) + amount
  Object.assign(invoice.shown, { total, amount_due: total, amount_remaining: total })
}

function whole(params: Params, name: string): number | undefined {
  const text = textOf(params, name)
  if (text === undefined) return undefined
  if (!/^-?\d+$/.test(text))
    throw new Refusal(400, `Invalid integer: ${text}`, { code: 'parameter_invalid_integer', param: name })
  return Number(text)
}
