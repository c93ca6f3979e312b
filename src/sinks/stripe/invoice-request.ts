import type { Fields } from '../../event.ts'
import type { Item } from '../sink.ts'
import { bad, currencyOf, isMissing, isTwentyMoney, minorUnits } from './money.ts'
import { metadataOf } from './params.ts'

/** Under this name an invoice's metadata hold the effect that made it, so that it is found again. */
export const EFFECT_FIELD = 'twentySyncEffect'

export interface InvoiceLine {
  readonly description: string
  /** Minor units: of the whole line, or of one of `quantity`. */
  readonly amount?: number
  readonly unitAmount?: number
  readonly quantity?: number
}

/** The whole invoice as it will be; JSON, so that a repeat makes the same. */
export interface InvoiceRequest {
  readonly customer: string
  /** Lower case, as Stripe has it. */
  readonly currency: string
  readonly lines: readonly InvoiceLine[]
  readonly daysUntilDue: number
  readonly description?: string
  readonly metadata: Readonly<Record<string, string>>
  readonly automaticTax: boolean
  readonly finalise: boolean
  readonly send: boolean
  /** Seconds since 1970 before the first try. */
  readonly since: number
}

interface Args {
  readonly customer?: unknown
  readonly currency?: unknown
  readonly lines?: unknown
  readonly daysUntilDue?: number
  readonly description?: unknown
  readonly metadata?: Fields
  readonly automaticTax?: boolean
  readonly finalise?: boolean
  readonly send?: boolean
}

/** @throws SyncError rejected `BAD_INVOICE`: what is missing or cannot be, before anything is made. */
export function invoiceRequest(item: Item, now: number): InvoiceRequest {
  const args = item.args as Args
  const lines = linesOf(args.lines)
  const currency = currencyOf(args.currency ?? currencyIn(lines))
  const written = lines.map((line, at) => lineOf(line, currency, placeOf(at, lines)))
  const total = totalOf(written)
  if (total <= 0) throw bad(`the amounts of the invoice come to ${total === 0 ? 'nothing' : 'less than nothing'}`)
  if (!Number.isSafeInteger(total)) throw bad('the amounts of the invoice come to what is too large to be counted')
  return {
    customer: customerOf(args.customer),
    currency,
    lines: written,
    daysUntilDue: args.daysUntilDue ?? 30,
    ...(isText(args.description) && { description: args.description }),
    metadata: { ...metadataOf(args.metadata ?? {}), [EFFECT_FIELD]: item.id },
    automaticTax: args.automaticTax ?? false,
    finalise: args.finalise ?? true,
    send: args.send ?? false,
    since: Math.floor(now / 1000),
  }
}

/** Minor units. */
export function totalOf(lines: readonly InvoiceLine[]): number {
  return lines.reduce((sum, { amount, unitAmount, quantity }) => sum + (amount ?? unitAmount! * quantity!), 0)
}

function customerOf(value: unknown): string {
  const id = typeof value === 'object' && value !== null && 'id' in value ? value.id : value
  if (isText(id)) return id
  throw bad('the invoice has no customer; give the result of a `customer` step, or an id like cus_…')
}

function linesOf(value: unknown): Fields[] {
  const lines = Array.isArray(value) ? value : []
  if (lines.length === 0) throw bad('the invoice has no lines')
  if (lines.length > 250) throw bad(`the invoice has ${lines.length} lines; Stripe takes 250`)
  for (const [at, line] of lines.entries()) {
    if (typeof line !== 'object' || line === null || Array.isArray(line))
      throw bad(`line ${at + 1} of the invoice is no map`)
    const { amount, unitAmount } = line as Fields
    if (isMissing(amount) && isMissing(unitAmount)) throw bad(`${placeOf(at, lines)} is missing`)
  }
  return lines as Fields[]
}

/** Of an amount, for messages. */
function placeOf(at: number, { length }: readonly unknown[]): string {
  return length === 1 ? 'the amount' : `the amount of line ${at + 1}`
}

/** That of the amounts, where they have one. */
function currencyIn(lines: readonly Fields[]): unknown {
  const amounts = lines.map(line => line.amount ?? line.unitAmount).filter(isTwentyMoney)
  return amounts.map(amount => amount.currencyCode).find(code => code !== undefined && code !== null && code !== '')
}

function lineOf(line: Fields, currency: string, place: string): InvoiceLine {
  const { description, amount, unitAmount, quantity } = line
  if (!isText(description)) throw bad(`${place} has no \`description\` beside it`)
  if (!isMissing(amount) && !isMissing(unitAmount))
    throw bad(`${place} is given twice, as \`amount\` and as \`unitAmount\``)
  if (isMissing(unitAmount)) {
    if (!isMissing(quantity)) throw bad(`${place} is that of the whole line; a \`quantity\` goes with \`unitAmount\``)
    return { description, amount: minorUnits(amount, currency, place) }
  }
  const count = isMissing(quantity) ? 1 : Number(quantity)
  if (!Number.isSafeInteger(count) || count < 1)
    throw bad(`${place} is to be taken ${JSON.stringify(quantity)} times; \`quantity\` is a whole number`)
  return { description, unitAmount: minorUnits(unitAmount, currency, place), quantity: count }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}
