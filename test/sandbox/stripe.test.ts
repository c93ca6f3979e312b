import Sdk from 'stripe'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type SandboxStripe, startSandboxStripe } from '../../sandbox/stripe/server.ts'

/** Stripe's own client is who the stand-in has to please. */
describe('the stand-in for Stripe', () => {
  let now = Date.parse('2026-11-24T10:00:00Z')
  const received: { body: string; signature: string }[] = []
  let sandbox: SandboxStripe
  let sdk: Sdk

  beforeAll(async () => {
    const clock = { now: () => now, after: () => () => {} }
    sandbox = await startSandboxStripe({ clock, webhookSecret: 'whsec_test' })
    const { port, stripe } = sandbox
    sdk = new Sdk(stripe.secretKey, {
      host: '127.0.0.1',
      port,
      protocol: 'http',
      maxNetworkRetries: 0,
      telemetry: false,
    })
  })
  beforeEach(() => sandbox.stripe.reset())
  afterAll(() => sandbox.stop())

  const bill = async () => {
    const { id: customer } = await sdk.customers.create({ name: 'Ada', email: 'ada@x.org', metadata: { a: 'b' } })
    const invoice = await sdk.invoices.create({
      customer,
      currency: 'eur',
      collection_method: 'send_invoice',
      days_until_due: 30,
      metadata: { o: '1' },
    })
    const line = { customer, invoice: invoice.id, currency: 'eur' }
    await sdk.invoiceItems.create({ ...line, amount: 1250, description: 'One' })
    await sdk.invoiceItems.create({ ...line, unit_amount_decimal: Sdk.Decimal.from('500'), quantity: 3 })
    return sdk.invoices.finalizeInvoice(invoice.id)
  }

  it('makes, finalises, shows and takes the payment of an invoice', async () => {
    const invoice = await bill()
    expect(invoice).toMatchObject({ status: 'open', total: 2750, number: 'SANDBOX-0001', metadata: { o: '1' } })
    const page = await fetch(invoice.hosted_invoice_url!)
    expect(await page.text()).toContain('SANDBOX-0001')
    await fetch(`${invoice.hosted_invoice_url}/pay`, { method: 'POST' })
    expect(await sdk.invoices.retrieve(invoice.id)).toMatchObject({ status: 'paid', amount_paid: 2750 })
    const { data } = await sdk.events.list({ type: 'invoice.paid' })
    expect(data.map(event => (event.data.object as { id: string }).id)).toEqual([invoice.id])
    await expect(sdk.invoices.del(invoice.id)).rejects.toMatchObject({ statusCode: 400 })
  })

  it('pages its lists, newest first, and filters them', async () => {
    for (let n = 1; n <= 5; n++) await sdk.customers.create({ email: n % 2 ? 'odd@x.org' : 'even@x.org', name: `${n}` })
    const names: (string | null | undefined)[] = []
    for await (const { name } of sdk.customers.list({ limit: 2 })) names.push(name)
    expect(names).toEqual(['5', '4', '3', '2', '1'])
    const { data } = await sdk.customers.list({ email: 'even@x.org' })
    expect(data.map(({ name }) => name)).toEqual(['4', '2'])
    const { data: later } = await sdk.customers.list({ created: { gte: Math.floor(now / 1000) + 1 } })
    expect(later).toEqual([])
  })

  it('finds by metadata, and late where it is told so; lists are right at once', async () => {
    sandbox.stripe.faults.searchLagMs = 60_000
    await sdk.customers.create({ metadata: { key: "it's" } })
    const search = async () => (await sdk.customers.search({ query: "metadata['key']:'it\\'s'" })).data.length
    expect([await search(), (await sdk.customers.list()).data.length]).toEqual([0, 1])
    now += 60_000
    expect(await search()).toBe(1)
  })

  it('gives the first answer of a key to every repeat, a 500 too, for a day', async () => {
    const options = { idempotencyKey: 'k1' }
    const first = await sdk.customers.create({ name: 'Ada' }, options)
    const again = await sdk.customers.create({ name: 'Ada' }, options)
    expect([again.id, again.lastResponse.headers['idempotent-replayed']]).toEqual([first.id, 'true'])
    await expect(sdk.customers.create({ name: 'Bob' }, options)).rejects.toMatchObject({ rawType: 'idempotency_error' })
    sandbox.stripe.faults.failNext = 1
    const failing = () => sdk.customers.create({}, { idempotencyKey: 'k2' })
    await expect(failing()).rejects.toMatchObject({ statusCode: 500 })
    await expect(failing()).rejects.toMatchObject({ statusCode: 500, headers: { 'idempotent-replayed': 'true' } })
    now += 24 * 3_600_000
    expect((await failing()).id).not.toBe(first.id)
    expect((await sdk.customers.list()).data).toHaveLength(2)
  })

  it('keeps no refusal of parameters or of the rate under a key', async () => {
    const options = { idempotencyKey: 'k1' }
    const create = (customer: string) =>
      sdk.invoices.create({ customer, collection_method: 'send_invoice', days_until_due: 1 }, options)
    await expect(create('cus_no')).rejects.toMatchObject({ code: 'resource_missing', param: 'customer' })
    Object.assign(sandbox.stripe.faults, { failNext: 1, failStatus: 429 })
    const { id } = await sdk.customers.create({ name: 'Ada' }, { idempotencyKey: 'k2' }).catch(() => ({ id: '' }))
    expect(id).toBe('')
    const customer = await sdk.customers.create({ name: 'Ada' }, { idempotencyKey: 'k2' })
    expect((await create(customer.id)).status).toBe('draft')
  })

  it('applies a write whose answer gets lost', async () => {
    sandbox.stripe.faults.loseAnswerNext = 1
    const options = { idempotencyKey: 'k1', maxNetworkRetries: 0 }
    // The client itself asks a broken connection once more, under the same key.
    await sdk.customers.create({ name: 'Ada' }, options)
    expect((await sdk.customers.list()).data).toHaveLength(1)
    expect(sandbox.stripe.calls.map(({ status, replayed }) => [status, replayed])).toEqual([
      [0, false],
      [200, true],
      [200, false],
    ])
  })

  it('signs its events as Stripe does, and tries again until they are taken', async () => {
    const again: (() => void)[] = []
    const after = (_: number, fire: () => void) => {
      again.push(fire)
      return () => {}
    }
    const clock = { now: () => now, after }
    const statuses = [500, 200]
    const { Stripe } = await import('../../sandbox/stripe/stripe.ts')
    const stripe = new Stripe(
      { clock, webhookSecret: 'whsec_test', webhookUrl: 'http://here/hooks/stripe' },
      async (_url, headers, body) => {
        received.push({ body, signature: headers['stripe-signature']! })
        return statuses.shift()!
      },
    )
    stripe.account.createCustomer({ name: 'Ada' })
    await stripe.webhooks.settled()
    again[0]!()
    await stripe.webhooks.settled()
    const events = received.map(({ body, signature }) =>
      sdk.webhooks.constructEvent(body, signature, 'whsec_test', 300, undefined, now),
    )
    expect(events.map(({ id, type }) => [id, type])).toEqual(Array(2).fill([events[0]!.id, 'customer.created']))
    expect(stripe.deliveries.map(each => each.statuses)).toEqual([[500, 200]])
  })

  it('lets nobody in without the key', async () => {
    const stranger = new Sdk('sk_test_other', {
      host: '127.0.0.1',
      port: sandbox.port,
      protocol: 'http',
      telemetry: false,
    })
    await expect(stranger.customers.list()).rejects.toMatchObject({ statusCode: 401 })
  })
})
