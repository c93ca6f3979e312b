import { beforeEach, describe, expect, it } from 'vitest'
import { SyncError } from '../../src/errors.ts'
import type { Fields } from '../../src/event.ts'
import type { Item, Plan } from '../../src/sinks/sink.ts'
import { type StripeBench, stripeBench } from '../support/stripe-bench.ts'
import { item } from '../support/twenty-bench.ts'

const HOUR_MS = 3_600_000
const EUR_100 = { amountMicros: 100_000_000, currencyCode: 'EUR' }

let bench: StripeBench
beforeEach(() => {
  bench = stripeBench()
})

const state = () => bench.stripe.state()
const customerItem = (args: Fields = {}, more: Partial<Item> = {}) =>
  item('customer', { match: { key: 'company-1', email: 'ap@acme.com' }, values: { name: 'Acme' }, ...args }, more)

const madeCustomer = () => String(bench.stripe.account.createCustomer({ name: 'Acme' }).id)

const invoiceItem = (args: Fields = {}, more: Partial<Item> = {}) => {
  const lines = [{ description: 'A deal', amount: EUR_100 }]
  return item(
    'invoice',
    { customer: { id: 'cus_1' }, lines, ...args },
    { key: 'invoices/invoice/opportunity-1', ...more },
  )
}

/** What the runtime does after a failure whose outcome is not known: the same request again. */
async function again(first: Item, plan: Plan): Promise<unknown> {
  return bench.run({ ...first, outcomeUnknown: true, request: plan.request })
}

const resultOf = (outcome: unknown) => (outcome as { result: Fields }).result

describe('a customer', () => {
  it('is made once, and found by its key for ever', async () => {
    const first = await bench.run(customerItem())
    expect(first).toMatchObject({ status: 'delivered', result: { name: 'Acme', email: 'ap@acme.com' } })
    const second = await bench.run(customerItem({ values: { name: 'Another name' } }))
    expect(second).toMatchObject({ operation: 'none', result: { id: resultOf(first).id, name: 'Acme' } })
    expect(state().customers).toMatchObject([
      { name: 'Acme', email: 'ap@acme.com', metadata: { twentySyncKey: 'company-1' } },
    ])
  })

  it("takes values by Stripe's names in camel case, and leaves out what is empty", async () => {
    const address = { line1: '1 Main St', postalCode: '12345', city: null }
    await bench.run(customerItem({ values: { phone: '', address, metadata: { camelCase: 7, none: null } } }))
    expect(state().customers).toMatchObject([
      {
        phone: null,
        address: { line1: '1 Main St', postal_code: '12345' },
        metadata: { camelCase: '7', twentySyncKey: 'company-1' },
      },
    ])
  })

  it('that a person made is taken by its address, and keeps the key', async () => {
    const { id } = bench.stripe.account.createCustomer({ email: 'ap@acme.com' })
    expect(resultOf(await bench.run(customerItem()))).toMatchObject({ id })
    expect(await bench.run(customerItem({ match: { key: 'company-1' } }))).toMatchObject({ operation: 'none' })
    // It is that of one company: another one with the address gets its own.
    expect(resultOf(await bench.run(customerItem({ match: { key: 'company-2', email: 'ap@acme.com' } }))).id).not.toBe(
      id,
    )
  })

  it('is not guessed among several with the address', async () => {
    for (const name of ['One', 'Two']) bench.stripe.account.createCustomer({ name, email: 'ap@acme.com' })
    expect(await bench.run(customerItem())).toMatchObject({ code: 'AMBIGUOUS_MATCH', kind: 'rejected' })
  })

  it.each([[null], [''], [{ id: 'company-1' }], [['company-1']], [true]])(
    'needs a key that is text or a number: %j',
    async key => {
      expect(await bench.run(customerItem({ match: { key } }))).toMatchObject({ code: 'MATCH_VALUE_MISSING' })
      expect(bench.asked()).toEqual([])
    },
  )

  it('P2: is made as soon as Stripe is well again, however many of its failures it keeps', async () => {
    const first = customerItem({ match: { key: 'company-1' } })
    const plan = (await bench.plan(first)) as Plan
    const { stripe } = bench
    const { handle } = stripe
    let isWell = false
    stripe.handle = request => {
      if (request.method === 'POST' && !isWell) stripe.faults.failNext = 1
      return handle.call(stripe, request)
    }
    for (let tries = 0; tries < 12; tries++) {
      expect(await again(first, plan)).toMatchObject({ code: 'SERVER_ERROR' })
      await bench.clock.advance(HOUR_MS / 4)
    }
    isWell = true
    expect(await again(first, plan)).toMatchObject({ status: 'delivered' })
    expect(state().customers).toHaveLength(1)
  })

  it.each([
    ['with the same values', { name: 'Acme' }],
    ['with others', { name: 'Acme Ltd' }],
  ])('P3: is one for two flows %s while the search does not show it yet', async (_, values) => {
    bench.stripe.faults.searchLagMs = HOUR_MS
    const match = { key: 'company-1' }
    const first = await bench.run(customerItem({ match }, { key: 'one/customer/1' }))
    const second = await bench.run(customerItem({ match, values }, { key: 'two/customer/1' }))
    expect(resultOf(second).id).toBe(resultOf(first).id)
    expect(state().customers).toHaveLength(1)
  })

  it.each([
    ['within a day', 1],
    ['after Stripe forgot the key', 30],
  ])('P3: is one when its answer was lost and asked for again %s', async (_, hours) => {
    bench.stripe.faults.searchLagMs = 48 * HOUR_MS
    bench.stripe.faults.loseAnswerNext = 1
    const first = customerItem({ match: { key: 'company-1' } })
    const plan = (await bench.plan(first)) as Plan
    expect(await bench.sink.deliver([plan], new AbortController().signal)).toMatchObject([
      { error: { code: 'CONNECTION_LOST', outcomeUnknown: true } },
    ])
    if (hours > 24) bench.stripe.faults.searchLagMs = 0
    await bench.clock.advance(hours * HOUR_MS)
    expect(await again(first, plan)).toMatchObject({ status: 'delivered' })
    expect(state().customers).toHaveLength(1)
  })

  it.each([true, false])('P3: is one after a 500 that Stripe keeps, applied or not (%s)', async failApplied => {
    Object.assign(bench.stripe.faults, { failNext: 1, failPath: '/v1/customers', failApplied, searchLagMs: HOUR_MS })
    const first = customerItem({ match: { key: 'company-1' } })
    bench.stripe.faults.failNext = 0
    const plan = (await bench.plan(first)) as Plan
    bench.stripe.faults.failNext = 1
    await bench.sink.deliver([plan], new AbortController().signal)
    expect(await again(first, plan)).toMatchObject({ status: 'delivered' })
    expect(state().customers).toHaveLength(1)
  })

  it('that was deleted by hand gives way to a new one', async () => {
    const first = resultOf(await bench.run(customerItem()))
    bench.stripe.account.delete('customer', String(first.id))
    expect(resultOf(await bench.run(customerItem())).id).not.toBe(first.id)
  })
})

describe('an invoice', () => {
  it('has its lines, is finalised, and says where it is', async () => {
    const customer = madeCustomer()
    const outcome = await bench.run(
      invoiceItem({
        customer: { id: customer },
        lines: [
          { description: 'A deal', amount: EUR_100 },
          { description: 'Seats', unitAmount: '49.90', quantity: 3 },
        ],
        daysUntilDue: 14,
        description: 'Thank you',
        metadata: { opportunity: 'o-1' },
      }),
    )
    expect(outcome).toMatchObject({
      status: 'delivered',
      result: { number: 'SANDBOX-0001', status: 'open', total: '249.70', currency: 'EUR' },
    })
    expect(resultOf(outcome).hostedUrl).toMatch(/\/i\/in_/)
    expect(state().invoices).toMatchObject([
      { customer, total: 24_970, description: 'Thank you', auto_advance: false, metadata: { opportunity: 'o-1' } },
    ])
    expect(state().items.map(({ description, amount, quantity }) => [description, amount, quantity])).toEqual([
      ['A deal', 10_000, 1],
      ['Seats', 14_970, 3],
    ])
  })

  it('may stay a draft, or be mailed by Stripe', async () => {
    const customer = madeCustomer()
    await bench.run(invoiceItem({ customer, finalise: false }, { key: 'draft' }))
    await bench.run(invoiceItem({ customer, send: true }, { key: 'sent' }))
    expect(state().invoices.map(({ status }) => status)).toEqual(['draft', 'open'])
    expect(state().events.map(({ type }) => type)).toContain('invoice.sent')
  })

  it.each<[string, Fields, string]>([
    ['no amount', { lines: [{ description: 'x', amount: null }] }, 'the amount is missing'],
    [
      'an amount nobody filled in',
      { lines: [{ description: 'x', amount: { amountMicros: null, currencyCode: 'EUR' } }] },
      'the amount is missing',
    ],
    [
      'no currency',
      { lines: [{ description: 'x', amount: { amountMicros: 1e6, currencyCode: '' } }] },
      'the invoice has no currency',
    ],
    ['no currency beside a decimal', { lines: [{ description: 'x', amount: '10' }] }, 'the invoice has no currency'],
    ['no customer', { customer: null }, 'the invoice has no customer'],
    ['no lines', { lines: [] }, 'the invoice has no lines'],
    ['nothing to pay', { lines: [{ description: 'x', amount: 0 }], currency: 'EUR' }, 'come to nothing'],
    ['another currency', { currency: 'USD' }, 'the amount is in EUR, and the invoice in USD'],
    ['a fraction of a cent', { currency: 'EUR', lines: [{ description: 'x', amount: '1.005' }] }, 'EUR has 2 decimals'],
    ['what is no number', { currency: 'EUR', lines: [{ description: 'x', amount: 'ten' }] }, 'a decimal like 1234.50'],
    ['no description', { lines: [{ amount: EUR_100 }] }, 'has no `description`'],
    [
      'more than can be counted',
      { currency: 'EUR', lines: [{ description: 'x', unitAmount: '90071992547409.91', quantity: 2 }] },
      'too large',
    ],
  ])('is refused before anything is made for %s', async (_, args, reason) => {
    const outcome = await bench.run(invoiceItem(args))
    expect(outcome).toMatchObject({ kind: 'rejected', code: 'BAD_INVOICE' })
    expect((outcome as SyncError).message).toContain(reason)
    expect(bench.asked()).toEqual([])
  })

  it.each([
    ['EUR', '1234.5', 123_450, '1234.50'],
    ['EUR', 0.1 + 0.7, undefined, ''],
    ['EUR', 19.99, 1999, '19.99'],
    ['USD', '90071992547409.91', 9_007_199_254_740_991, '90071992547409.91'],
    ['JPY', '500', 500, '500'],
    ['JPY', '500.5', undefined, ''],
    ['KWD', '5.12', 5120, '5.120'],
    ['KWD', '5.124', undefined, ''],
    ['ISK', '5', 500, '5.00'],
    ['ISK', '5.50', undefined, ''],
    ['eur', '1e3', 100_000, '1000.00'],
  ])('in %s of %s is counted exactly', async (currency, amount, minor, total) => {
    const outcome = await bench.run(
      invoiceItem({ customer: madeCustomer(), currency, lines: [{ description: 'x', amount }] }),
    )
    if (minor === undefined) return expect(outcome).toMatchObject({ code: 'BAD_INVOICE' })
    expect(state().invoices.map(each => each.total)).toEqual([minor])
    expect(resultOf(outcome)).toMatchObject({ total, currency: currency.toUpperCase() })
  })

  it('P3: is one for its key for ever, also when nothing of it is remembered here', async () => {
    const customer = madeCustomer()
    const first = resultOf(await bench.run(invoiceItem({ customer })))
    await bench.clock.advance(90 * 24 * HOUR_MS)
    expect(await bench.run(invoiceItem({ customer }))).toMatchObject({ operation: 'none', result: { id: first.id } })
    expect([state().invoices.length, state().items.length]).toEqual([1, 1])
  })

  const parts = ['create', 'first line', 'second line', 'finalise', 'send']
  describe.each(parts.map((name, at) => [name, at] as const))('whose %s', (_, at) => {
    const lines = [
      { description: 'A', amount: EUR_100 },
      { description: 'B', amount: EUR_100 },
    ]
    const expectOne = () => {
      const { invoices, items, events } = state()
      expect(invoices.map(({ status, total }) => [status, total])).toEqual([['open', 20_000]])
      expect(items.map(({ description }) => description)).toEqual(['A', 'B'])
      expect(events.filter(({ type }) => type === 'invoice.sent')).toHaveLength(1)
    }

    /** Switches on faults just before the part is asked for. */
    const failAt = async (first: Item, faults: Fields) => {
      const plan = (await bench.plan(first)) as Plan
      let writes = 0
      const { handle } = bench.stripe
      bench.stripe.handle = request => {
        if (request.method !== 'GET' && writes++ === at) Object.assign(bench.stripe.faults, faults)
        return handle.call(bench.stripe, request)
      }
      const [delivery] = await bench.sink.deliver([plan], new AbortController().signal)
      expect(delivery).toMatchObject({ status: 'failed' })
      return plan
    }

    it.each([1, 30])('P3: lost its answer is made once, asked for again after %i h', async hours => {
      const first = invoiceItem({ customer: madeCustomer(), lines, send: true })
      const plan = await failAt(first, { loseAnswerNext: 1 })
      await bench.clock.advance(hours * HOUR_MS)
      expect(await again(first, plan)).toMatchObject({ status: 'delivered', result: { status: 'open' } })
      expectOne()
    })

    it.each([
      [true, 1],
      [false, 1],
      [true, 30],
    ])(
      'P3: ended in a 500 that Stripe keeps is made once (applied: %s, again after %i h)',
      async (failApplied, hours) => {
        const first = invoiceItem({ customer: madeCustomer(), lines, send: true })
        const plan = await failAt(first, { failNext: 1, failApplied })
        await bench.clock.advance(hours * HOUR_MS)
        expect(await again(first, plan)).toMatchObject({ status: 'delivered' })
        expectOne()
      },
    )

    it('was refused leaves nothing behind that a corrected one would collide with', async () => {
      const customer = madeCustomer()
      const first = invoiceItem({ customer, lines, send: true })
      const plan = await failAt(first, { failNext: 1, failStatus: 400 })
      if (at === 0) expect(state().invoices).toEqual([])
      const open = state().invoices.some(({ status }) => status === 'open')
      // What was finalised stays, and is gone on with; a draft was removed.
      const next = open ? again(first, plan) : bench.run(first)
      expect(await next).toMatchObject({ status: 'delivered' })
      expectOne()
    })
  })

  describe('P3: that was finalised, and whose mail is asked for again', () => {
    const DAY_MS = 24 * HOUR_MS
    const sent = () => state().events.filter(({ type }) => type === 'invoice.sent').length
    const made = (id: unknown) =>
      bench.stripe.account.get('invoice', String(id)).shown as unknown as { metadata: Record<string, unknown> }

    /** The call that mails it has no answer. @param isApplied whether Stripe took it. */
    const begun = async (isApplied: boolean) => {
      const first = invoiceItem({ customer: madeCustomer(), send: true })
      const plan = (await bench.plan(first)) as Plan
      const { handle } = bench.stripe
      bench.stripe.handle = request => {
        if (request.url.endsWith('/send'))
          Object.assign(bench.stripe.faults, isApplied ? { loseAnswerNext: 1 } : { resetNext: 1 })
        return handle.call(bench.stripe, request)
      }
      const [delivery] = await bench.sink.deliver([plan], new AbortController().signal)
      expect(delivery).toMatchObject({ status: 'failed', error: { outcomeUnknown: true } })
      bench.stripe.handle = handle
      return { id: state().invoices[0]!.id, repeat: () => again(first, plan) }
    }

    it.each([0, 2, 28])('is mailed once, after %i days', async days => {
      const { repeat } = await begun(true)
      await bench.clock.advance(days * DAY_MS)
      expect(await repeat()).toMatchObject({ status: 'delivered', result: { status: 'open' } })
      expect(sent()).toBe(1)
    })

    it.each([0, 2, 28])('is mailed if it was not, after %i days', async days => {
      const { repeat } = await begun(false)
      await bench.clock.advance(days * DAY_MS)
      expect(await repeat()).toMatchObject({ status: 'delivered' })
      expect(sent()).toBe(1)
    })

    it.each([true, false])('is held when nothing tells any more (was mailed: %s)', async isApplied => {
      const { repeat } = await begun(isApplied)
      const before = sent()
      await bench.clock.advance(31 * DAY_MS)
      const held = { code: 'STRIPE_MAIL_UNKNOWN', kind: 'rejected', outcomeUnknown: true }
      expect(await repeat()).toMatchObject({ ...held, message: expect.stringContaining('twentySyncMailed') })
      expect(await repeat()).toMatchObject(held)
      expect(sent()).toBe(before)
    })

    it('goes on when a person says that it was mailed', async () => {
      const one = await begun(true)
      await bench.clock.advance(31 * DAY_MS)
      made(one.id).metadata.twentySyncMailed = 'yes'
      expect(await one.repeat()).toMatchObject({ status: 'delivered', result: { id: one.id } })
      expect(sent()).toBe(1)
    })

    it('goes on when a person has mailed it there', async () => {
      const { id, repeat } = await begun(false)
      await bench.clock.advance(31 * DAY_MS)
      bench.stripe.account.send(String(id))
      expect(await repeat()).toMatchObject({ status: 'delivered' })
      expect(sent()).toBe(1)
    })

    it.each([2, 31])('is not mailed to who has paid, after %i days', async days => {
      const { id, repeat } = await begun(false)
      bench.stripe.account.pay(String(id))
      await bench.clock.advance(days * DAY_MS)
      expect(await repeat()).toMatchObject({ status: 'delivered', result: { status: 'paid' } })
      expect(sent()).toBe(0)
    })

    it('is mailed where its draft is as old as that: a draft never was', async () => {
      const first = invoiceItem({ customer: madeCustomer(), send: true })
      const plan = (await bench.plan(first)) as Plan
      Object.assign(bench.stripe.faults, { loseAnswerNext: 1 })
      await bench.sink.deliver([plan], new AbortController().signal)
      await bench.clock.advance(40 * DAY_MS)
      expect(await again(first, plan)).toMatchObject({ status: 'delivered', result: { status: 'open' } })
      expect(sent()).toBe(1)
    })
  })

  it('goes on with what was stored with the intent, whatever the config says by now', async () => {
    const customer = madeCustomer()
    const first = invoiceItem({ customer })
    const plan = (await bench.plan(first)) as Plan
    const changed = invoiceItem({ customer, lines: [{ description: 'Other', amount: '7', currency: 'EUR' }] })
    await again(changed, plan)
    expect(state().items).toMatchObject([{ description: 'A deal', amount: 10_000 }])
  })
})

describe('what Stripe answers', () => {
  const failing = async (failStatus: number, more: Fields = {}) => {
    Object.assign(bench.stripe.faults, { failNext: 1, failStatus, ...more })
    return bench.plan(customerItem())
  }

  it.each([
    [400, 'rejected', 'STRIPE_REFUSED'],
    [401, 'fatal', 'STRIPE_AUTH'],
    [402, 'rejected', 'STRIPE_REFUSED'],
    [403, 'fatal', 'STRIPE_AUTH'],
    [409, 'retryable', 'STRIPE_BUSY'],
    [500, 'retryable', 'SERVER_ERROR'],
    [503, 'retryable', 'SERVER_ERROR'],
  ])('%i is %s: %s', async (status, kind, code) => {
    const error = await failing(status)
    expect(error).toMatchObject({
      kind,
      code,
      status,
      message: `billing: GET /v1/customers/search answered ${status}: sandbox fault ${status}`,
    })
  })

  it('429 slows every call down, for as long as it asks', async () => {
    expect(await failing(429, { retryAfterSeconds: 7 })).toMatchObject({ code: 'RATE_LIMITED', retryAfterMs: 7000 })
    const next = bench.plan(customerItem())
    await bench.clock.advance(6900)
    expect(bench.asked()).toHaveLength(1)
    await bench.clock.advance(200)
    expect(await next).toMatchObject({ operation: 'create' })
  })

  it('a page of a proxy is judged by its status', async () => {
    const page = (status: number) => ({ status, body: '<html>' })
    bench.stripe.handle = () => page(502)
    expect(await bench.plan(customerItem())).toMatchObject({ kind: 'retryable', code: 'SERVER_ERROR', status: 502 })
    bench.stripe.handle = () => page(200)
    expect(await bench.plan(customerItem())).toMatchObject({ kind: 'retryable', code: 'INVALID_ANSWER' })
  })

  it('P9: never shows the key', async () => {
    bench.stripe.handle = () => ({ status: 401, body: { error: { message: 'Invalid API Key provided' } } })
    const error = (await bench.plan(customerItem())) as SyncError
    expect(JSON.stringify([error.message, error.details, String(error.cause)])).not.toContain('sk_test')
  })

  it('calls that nobody waits for any more are given up', async () => {
    const giveUp = new AbortController()
    giveUp.abort(new SyncError('retryable', 'ABORTED', 'drained'))
    expect(await bench.sink.plan([customerItem()], giveUp.signal)).toMatchObject([{ code: 'ABORTED' }])
  })
})

describe('a dry run', () => {
  it('shows what would be made, also what builds on it, and makes nothing', async () => {
    const customer = (await bench.plan(customerItem())) as Plan
    expect(customer).toMatchObject({ operation: 'create', after: { name: 'Acme' } })
    const invoice = (await bench.plan(invoiceItem({ customer: customer.result }))) as Plan
    expect(invoice).toMatchObject({
      operation: 'create',
      after: { currency: 'eur', lines: [{ description: 'A deal', amount: 10_000 }] },
      result: { total: '100.00', currency: 'EUR', number: 'planned' },
    })
    const { id } = invoice.result as { id: string }
    expect(await bench.plan(item('find', { object: 'invoice', recordId: id }))).toMatchObject({
      operation: 'read',
      result: { id, total: '100.00', currency: 'EUR', number: 'planned', hostedUrl: expect.stringMatching(/planned$/) },
    })
    expect(bench.asked().filter(call => !call.startsWith('GET'))).toEqual([])
  })
})

describe('find', () => {
  it('reads how a customer or an invoice is now; null when there is none', async () => {
    const customer = madeCustomer()
    const { id } = resultOf(await bench.run(invoiceItem({ customer })))
    bench.stripe.account.pay(String(id))
    const found = async (object: string, recordId: unknown) =>
      resultOf(await bench.run(item('find', { object, recordId })))
    expect(await found('invoice', id)).toMatchObject({ id, status: 'paid' })
    expect(await found('customer', customer)).toMatchObject({ name: 'Acme' })
    expect([await found('invoice', 'in_none'), await found('invoice', null)]).toEqual([null, null])
  })
})
