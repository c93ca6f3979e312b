import type { Stripe, StripeCall, StripeClient } from '../../clients/stripe/client.ts'
import { asSyncError, SyncError } from '../../errors.ts'
import { orNothing } from './customer.ts'
import { EFFECT_FIELD, type InvoiceLine, type InvoiceRequest } from './invoice-request.ts'
import { majorUnits } from './money.ts'
import { once } from './once.ts'

type Invoice = Stripe.Invoice

/** Under this name an invoice item's metadata hold the place of its line. */
const LINE_FIELD = 'twentySyncLine'
/** By this name in an invoice's metadata a person says that it was mailed. */
const MAILED_FIELD = 'twentySyncMailed'

/** Stripe keeps its events for 30 days. */
const EVENTS_KEPT_S = 29 * 24 * 3600
/** Its clock and ours may differ. */
const CLOCKS_DIFFER_S = 300

/** What later steps see. */
export interface InvoiceResult {
  readonly object: 'invoice'
  readonly id: string
  readonly status: string | null
  readonly number: string | null
  readonly hostedUrl: string | null
  /** A decimal with the decimals of the currency. */
  readonly total: string
  readonly currency: string
}

/** Makes invoices: draft, lines, finalised, sent. Each part once, wherever an earlier try ended. */
export class Invoices {
  readonly #client: StripeClient

  constructor(client: StripeClient) {
    this.#client = client
  }

  /** That of the effect, whatever became of it. A list of the customer's shows at once what was made. */
  async find({ customer, metadata }: InvoiceRequest, call: StripeCall): Promise<Invoice | undefined> {
    for (let after: string | undefined; ; ) {
      const page = { customer, limit: 100, ...(after !== undefined && { starting_after: after }) }
      const { data, has_more } = await this.#client.call(sdk => sdk.invoices.list(page), call)
      const found = data.find(invoice => invoice.metadata?.[EFFECT_FIELD] === metadata[EFFECT_FIELD])
      if (found || !has_more) return found
      after = data.at(-1)!.id
    }
  }

  async get(id: string, call: StripeCall): Promise<Invoice | undefined> {
    const found = await orNothing(this.#client.call(sdk => sdk.invoices.retrieve(id), call))
    return found && 'deleted' in found ? undefined : found
  }

  /** Nothing of it is left to do. */
  isComplete(invoice: Invoice, request: InvoiceRequest): boolean {
    return invoice.status !== 'draft' || !request.finalise
  }

  /**
   * P3: from where an earlier try ended, as Stripe shows it.
   * @param found that try's draft; undefined when there is none.
   * @throws SyncError with `outcomeUnknown` as soon as something was made, unless it is gone again.
   */
  async make(
    found: Invoice | undefined,
    request: InvoiceRequest,
    isRepeat: boolean,
    call: StripeCall,
  ): Promise<Invoice> {
    const draft = found ?? (await this.#create(request, call))
    try {
      return await this.#complete(draft, request, { isRepeat, hasLines: found !== undefined }, call)
    } catch (thrown) {
      const error = asSyncError(thrown)
      if (!found && error.kind === 'rejected' && (await this.#removed(draft.id, call))) throw error
      throw begun(error)
    }
  }

  async #complete(
    draft: Invoice,
    request: InvoiceRequest,
    { isRepeat, hasLines }: { isRepeat: boolean; hasLines: boolean },
    call: StripeCall,
  ): Promise<Invoice> {
    let invoice = draft
    if (invoice.status === 'draft') {
      const there = hasLines ? await this.#lines(invoice.id, call) : new Map<string, unknown>()
      for (const [at, line] of request.lines.entries()) {
        if (!there.has(String(at))) await this.#addLine(invoice.id, request, line, at, call)
      }
      if (request.finalise) invoice = await this.#finalise(invoice.id, request, call)
    }
    if (!request.finalise || !request.send || (isRepeat && (await this.#isMailed(invoice, request, call))))
      return invoice
    return this.#send(invoice, request, call)
  }

  #create(request: InvoiceRequest, call: StripeCall): Promise<Invoice> {
    const params: Stripe.InvoiceCreateParams = {
      customer: request.customer,
      currency: request.currency,
      collection_method: 'send_invoice',
      days_until_due: request.daysUntilDue,
      metadata: request.metadata,
      // Left to itself Stripe would finalise a draft that has half its lines.
      auto_advance: false,
      // What else waits for this customer is not ours to bill.
      pending_invoice_items_behavior: 'exclude',
      ...(request.description !== undefined && { description: request.description }),
      ...(request.automaticTax && { automatic_tax: { enabled: true } }),
    }
    return this.#once(request, 'create', call, {
      call: (sdk, options) => sdk.invoices.create(params, options),
      seen: answer => (answer ? this.get(answer.id, call) : this.find(request, call)),
    })
  }

  async #addLine(id: string, request: InvoiceRequest, line: InvoiceLine, at: number, call: StripeCall): Promise<void> {
    const { description, amount, unitAmount, quantity } = line
    await this.#once(request, `${id}/line/${at}`, call, {
      call: (sdk, options) =>
        sdk.invoiceItems.create(
          {
            customer: request.customer,
            invoice: id,
            currency: request.currency,
            description,
            metadata: { [LINE_FIELD]: String(at) },
            ...(amount !== undefined && { amount }),
            ...(unitAmount !== undefined && { quantity, unit_amount_decimal: decimal(unitAmount) }),
          },
          options,
        ),
      seen: async () => (await this.#lines(id, call)).get(String(at)),
    })
  }

  /** By the place of the line. */
  async #lines(invoice: string, call: StripeCall): Promise<Map<string, Stripe.InvoiceItem>> {
    const lines = new Map<string, Stripe.InvoiceItem>()
    for (let after: string | undefined; ; ) {
      const page = { invoice, limit: 100, ...(after !== undefined && { starting_after: after }) }
      const { data, has_more } = await this.#client.call(sdk => sdk.invoiceItems.list(page), call)
      for (const item of data) lines.set(item.metadata?.[LINE_FIELD] ?? item.id, item)
      if (!has_more) return lines
      after = data.at(-1)!.id
    }
  }

  #finalise(id: string, request: InvoiceRequest, call: StripeCall): Promise<Invoice> {
    return this.#once(request, `${id}/finalise`, call, {
      call: (sdk, options) => sdk.invoices.finalizeInvoice(id, { auto_advance: false }, options),
      seen: async () => {
        const invoice = await this.get(id, call)
        return invoice && invoice.status !== 'draft' ? invoice : undefined
      },
    })
  }

  #send(invoice: Invoice, request: InvoiceRequest, call: StripeCall): Promise<Invoice> {
    const { id } = invoice
    return this.#once(request, `${id}/send`, call, {
      call: (sdk, options) => sdk.invoices.sendInvoice(id, {}, options),
      seen: async answer => answer ?? ((await this.#wasSent(invoice, request, call)) ? this.get(id, call) : undefined),
    })
  }

  /**
   * P3: the key of an earlier try is good for a day. Afterwards Stripe's events tell for as long as it keeps them, and then
   * only a person. Who has paid is not asked to pay.
   * @throws SyncError rejected `STRIPE_MAIL_UNKNOWN`
   */
  async #isMailed(invoice: Invoice, request: InvoiceRequest, call: StripeCall): Promise<boolean> {
    if (invoice.status !== 'open' || invoice.metadata?.[MAILED_FIELD]) return true
    if (await this.#wasSent(invoice, request, call)) return true
    const isForgotten = this.#client.clock.now() / 1000 - finalisedAt(invoice, request) > EVENTS_KEPT_S
    if (isForgotten) throw mailUnknown(this.#client.name, invoice)
    return false
  }

  async #wasSent(invoice: Invoice, request: InvoiceRequest, call: StripeCall): Promise<boolean> {
    const created = { gte: finalisedAt(invoice, request) - CLOCKS_DIFFER_S }
    for (let after: string | undefined; ; ) {
      const page = { type: 'invoice.sent', created, limit: 100, ...(after !== undefined && { starting_after: after }) }
      const { data, has_more } = await this.#client.call(sdk => sdk.events.list(page), call)
      if (data.some(event => (event.data.object as { id?: string }).id === invoice.id)) return true
      if (!has_more) return false
      after = data.at(-1)!.id
    }
  }

  /**
   * A draft that Stripe refuses a part of is of no use: what is put right makes a new one. Its lines go first: those of a
   * draft that is gone would wait for the customer's next invoice.
   */
  async #removed(id: string, call: StripeCall): Promise<boolean> {
    const write = { ...call, writes: true }
    try {
      for (const { id: line } of (await this.#lines(id, call)).values()) {
        await this.#client.call(sdk => sdk.invoiceItems.del(line), write)
      }
      await this.#client.call(sdk => sdk.invoices.del(id), write)
      return true
    } catch {
      return false
    }
  }

  #once<T>(
    request: InvoiceRequest,
    part: string,
    call: StripeCall,
    {
      call: make,
      seen,
    }: {
      call: (sdk: Stripe, options: { idempotencyKey: string }) => Promise<Stripe.Response<T>>
      seen: (answer: T | undefined) => Promise<T | undefined>
    },
  ): Promise<T> {
    return once<T>({
      name: ['invoice', request.metadata[EFFECT_FIELD]!, part],
      call: idempotencyKey => this.#client.call(sdk => make(sdk, { idempotencyKey }), { ...call, writes: true }),
      seen,
    })
  }
}

export function invoiceResult({ id, status, number, hosted_invoice_url, total, currency }: Invoice): InvoiceResult {
  return {
    object: 'invoice',
    id,
    status,
    number,
    hostedUrl: hosted_invoice_url ?? null,
    total: majorUnits(total, currency),
    currency: currency.toUpperCase(),
  }
}

/** The SDK's own decimals are loaded with it; on the wire one is its text. */
function decimal(minor: number): Stripe.Decimal {
  return String(minor) as unknown as Stripe.Decimal
}

/** In seconds; before it nothing was mailed. */
function finalisedAt({ status_transitions }: Invoice, { since }: InvoiceRequest): number {
  return status_transitions?.finalized_at ?? since
}

function mailUnknown(system: string, { id, number }: Invoice): SyncError {
  const message = `${system}: whether Stripe mailed invoice ${number ?? id} (${id}) cannot be known any more. Send it there yourself, or, where the customer has it, give it the metadata \`${MAILED_FIELD}\`; then redrive`
  return new SyncError('rejected', 'STRIPE_MAIL_UNKNOWN', message)
}

function begun(error: SyncError): SyncError {
  const { kind, code, message, retryAfterMs, status, details } = error
  return new SyncError(kind, code, message, { cause: error, retryAfterMs, status, details, outcomeUnknown: true })
}
