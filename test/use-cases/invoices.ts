import { describe, expect, it, onTestFinished } from 'vitest'
import { startSandboxStripe } from '../../sandbox/stripe/server.ts'
import type { Stripe } from '../../sandbox/stripe/stripe.ts'
import type { Fields } from '../../src/event.ts'
import { type UseCaseBench, useCaseBench } from '../support/use-case-bench.ts'
import type { UseCaseEngine } from '../support/use-case-engine.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const EUR = (euros: number) => ({ amountMicros: euros * 1e6, currencyCode: 'EUR' })

async function benchWithStripe(engine: UseCaseEngine): Promise<{ bench: UseCaseBench; stripe: Stripe }> {
  const clock = new VirtualClock()
  const sandbox = await startSandboxStripe({ clock })
  onTestFinished(() => sandbox.stop())
  const { stripe, url } = sandbox
  const bench = await useCaseBench({
    engine,
    config: 'config/invoices.yaml',
    clock,
    env: { STRIPE_URL: url, STRIPE_KEY: stripe.secretKey, STRIPE_WEBHOOK_SECRET: stripe.webhookSecret },
    systems: { billing: { limits: { perSecond: 100_000 } } },
  })
  stripe.webhookUrl = `${bench.url}/hooks/stripe`
  return { bench, stripe }
}

/** A deal of Acme, whose contact is Ada, that is not won yet. */
function dealOf(bench: UseCaseBench, over: Fields = {}): string {
  const [company] = bench.twenty.seed('companies', [
    { name: 'Acme', address: { addressStreet1: '1 Main St', addressPostcode: '10115', addressCity: 'Berlin' } },
  ])
  const [contact] = bench.twenty.seed('people', [
    { name: { firstName: 'Ada', lastName: 'Lovelace' }, emails: { primaryEmail: 'ada@acme.example' } },
  ])
  const links = { companyId: company!.id, pointOfContactId: contact!.id }
  const [deal] = bench.twenty.seed('opportunities', [{ name: 'Engines', amount: EUR(1234.5), ...links, ...over }])
  return String(deal!.id)
}

async function move(bench: UseCaseBench, deal: string, ...stages: string[]): Promise<void> {
  for (const stage of stages) {
    bench.user.update('opportunities', deal, { stage })
    await bench.settled()
  }
}

const dealIn = (bench: UseCaseBench, id: string) => bench.twenty.rows('opportunities').find(row => row.id === id)!

export function describeInvoices(engine: UseCaseEngine): void {
  describe(`invoices on ${engine.name}`, () => {
    describe('a deal that is won', () => {
      it('becomes an invoice, whose link and payment come back, and a mail to finance', async () => {
        const { bench, stripe } = await benchWithStripe(engine)
        const deal = dealOf(bench)
        await move(bench, deal, 'MEETING', 'CUSTOMER')
        const { customers, invoices, items } = stripe.state()
        expect(customers).toMatchObject([
          {
            name: 'Acme',
            email: 'ada@acme.example',
            address: { line1: '1 Main St', postal_code: '10115', city: 'Berlin' },
          },
        ])
        expect(invoices).toMatchObject([
          { status: 'open', total: 123_450, currency: 'eur', metadata: { opportunity: deal } },
        ])
        expect(items).toMatchObject([{ description: 'Engines', amount: 123_450 }])
        const url = String(invoices[0]!.hosted_invoice_url)
        expect(dealIn(bench, deal).invoice).toMatchObject({ primaryLinkLabel: 'SANDBOX-0001', primaryLinkUrl: url })
        expect(bench.mail.mails.map(({ to, parsed }) => [to, parsed.subject])).toEqual([
          [['finance@example.com'], 'Invoice SANDBOX-0001: Acme, 1234.50 EUR'],
        ])
        expect(bench.mail.mails[0]!.parsed.text).toContain(url)

        await bench.advance(3_600_000)
        expect(dealIn(bench, deal).invoicePaidAt).toBeNull()
        await bench.during(fetch(`${url}/pay`, { method: 'POST' }))
        await bench.during(stripe.webhooks.settled())
        await bench.settled()
        const { created } = stripe.state().events.find(({ type }) => type === 'invoice.paid')!
        expect(Date.parse(String(dealIn(bench, deal).invoicePaidAt))).toBe((created as number) * 1000)
        expect(await bench.deadLetters()).toEqual([])
      })

      it('is billed once, however often its stage comes and goes and its events come again (P3)', async () => {
        const { bench, stripe } = await benchWithStripe(engine)
        stripe.faults.webhooks.duplicate = true
        const deal = dealOf(bench)
        await move(bench, deal, 'CUSTOMER', 'PROPOSAL', 'CUSTOMER', 'PROPOSAL', 'CUSTOMER')
        stripe.account.pay(stripe.state().invoices[0]!.id)
        await bench.during(stripe.webhooks.settled())
        await bench.settled()
        const before = bench.snapshot()
        await bench.redeliver('opportunity.updated')
        expect(bench.snapshot()).toEqual(before)
        const { customers, invoices, items } = stripe.state()
        expect([customers.length, invoices.length, items.length, bench.mail.mails.length]).toEqual([1, 1, 1, 1])
        expect(await bench.deadLetters()).toEqual([])
      })

      it.each<[string, Fields, string]>([
        ['an amount', { amount: null }, 'amount'],
        ['an amount that says how much', { amount: { amountMicros: null, currencyCode: 'EUR' } }, 'amountMicros'],
        ['a currency', { amount: { amountMicros: 5e6, currencyCode: '' } }, 'currencyCode'],
        ['anybody to bill', { companyId: null, pointOfContactId: null }, 'companyId'],
      ])('without %s is kept with the reason, and billed when that is put right', async (_, over, reason) => {
        const { bench, stripe } = await benchWithStripe(engine)
        const deal = dealOf(bench, over)
        await move(bench, deal, 'CUSTOMER')
        const [letter, ...more] = await bench.deadLetters()
        expect([letter?.flow, letter?.code, more]).toEqual(['invoice-won-deal', 'VALIDATION_FAILED', []])
        expect(letter?.message).toContain(reason)
        expect(stripe.state().customers).toEqual([])

        const [company] = bench.twenty.seed('companies', [{ name: 'Late Ltd' }])
        bench.user.update('opportunities', deal, { amount: EUR(7), companyId: company!.id })
        await bench.settled()
        await bench.during(bench.operations.redriveDeadLetters({ flow: 'invoice-won-deal', all: true }))
        await bench.settled()
        expect(stripe.state().invoices).toMatchObject([{ total: 700, status: 'open' }])
        expect(await bench.deadLetters()).toEqual([])
      })

      it('of a person alone is billed to the person; two of one company to one customer', async () => {
        const { bench, stripe } = await benchWithStripe(engine)
        const alone = dealOf(bench, { companyId: null })
        const [company] = bench.twenty.seed('companies', [{ name: 'Acme' }])
        const companyId = company!.id
        const [first] = bench.twenty.seed('opportunities', [{ name: 'Engines', amount: EUR(20), companyId }])
        const [second] = bench.twenty.seed('opportunities', [{ name: 'More engines', amount: EUR(10), companyId }])
        for (const id of [alone, first!.id, second!.id])
          bench.user.update('opportunities', String(id), { stage: 'CUSTOMER' })
        await bench.settled()
        const { customers, invoices } = stripe.state()
        expect(customers.map(({ name }) => name).sort()).toEqual(['Acme', 'Ada Lovelace'])
        expect(invoices.map(({ customer_name }) => customer_name).sort()).toEqual(['Acme', 'Acme', 'Ada Lovelace'])
      })

      it('waits for a person where more are won in a day than ever are, and is billed when one lets it pass (P7)', async () => {
        const { bench, stripe } = await benchWithStripe(engine)
        const [company] = bench.twenty.seed('companies', [{ name: 'Acme' }])
        const deals = Array.from({ length: 52 }, (_, n) => ({
          name: `Deal ${n}`,
          amount: EUR(20),
          companyId: company!.id,
        }))
        for (const { id } of bench.twenty.seed('opportunities', deals))
          bench.user.update('opportunities', String(id), { stage: 'CUSTOMER' })
        await bench.settled()
        expect(stripe.state().invoices).toHaveLength(50)
        const [letter, ...more] = await bench.deadLetters()
        expect([letter!.code, ...more.map(({ code }) => code)]).toEqual(['CAP_REACHED', 'CAP_REACHED'])
        await bench.during(bench.operations.redriveDeadLetters({ ids: [letter!.id] }))
        await bench.settled()
        expect([stripe.state().invoices.length, bench.mail.mails.length]).toEqual([51, 51])
        expect(await bench.deadLetters()).toHaveLength(1)
      })

      it.each(['loseAnswerNext', 'failNext'])(
        'is billed once while Stripe does badly (%s), and comes through (P2, P3)',
        async fault => {
          const { bench, stripe } = await benchWithStripe(engine)
          const deal = dealOf(bench)
          const { handle } = stripe
          // Every first try of a write goes wrong; a 500 had its effect, and is kept.
          const seen = new Set<string>()
          stripe.handle = request => {
            const key = request.headers['idempotency-key'] ?? ''
            const isFirst = key !== '' && !seen.has(key)
            seen.add(key)
            Object.assign(stripe.faults, { failApplied: true, [fault]: isFirst ? 1 : 0 })
            return handle.call(stripe, request)
          }
          await move(bench, deal, 'CUSTOMER')
          await bench.advance(600_000)
          const { customers, invoices, items } = stripe.state()
          expect([customers.length, invoices.length, items.length, bench.mail.mails.length]).toEqual([1, 1, 1, 1])
          expect(dealIn(bench, deal).invoice).toMatchObject({ primaryLinkUrl: invoices[0]!.hosted_invoice_url })
          expect(await bench.deadLetters()).toEqual([])
        },
      )
    })

    describe("Stripe's events", () => {
      it('count only with its signature, and only when they are of a deal', async () => {
        const { bench, stripe } = await benchWithStripe(engine)
        const deal = dealOf(bench)
        const body = JSON.stringify({
          id: 'evt_1',
          type: 'invoice.paid',
          created: 1,
          data: { object: { metadata: { opportunity: deal } } },
        })
        expect(await bench.post('/hooks/stripe', body, { 'stripe-signature': 't=1,v1=00' })).toBe(401)
        const { id: customer } = stripe.account.createCustomer({ name: 'By hand' })
        const made = stripe.account.createInvoice({ customer, currency: 'eur' })
        stripe.account.finalise(made.id, {})
        stripe.account.pay(made.id)
        await bench.during(stripe.webhooks.settled())
        await bench.settled()
        expect(dealIn(bench, deal).invoicePaidAt).toBeNull()
        expect(await bench.deadLetters()).toEqual([])
        expect((await bench.counts())['invoice-paid']).toMatchObject({ done: 0 })
      })
    })
  })
}
