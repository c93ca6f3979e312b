import 'stripe'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Stripe } from '../../sandbox/stripe/stripe.ts'
import { StripeClient } from '../../src/clients/stripe/client.ts'
import type { Fields } from '../../src/event.ts'
import { compileExpression } from '../../src/expressions/compile.ts'
import { memoryLog } from '../../src/log/memory.ts'
import { Batcher } from '../../src/runtime/batcher.ts'
import { Claims } from '../../src/runtime/claims.ts'
import type { ActionStep, RunningSystem } from '../../src/runtime/step.ts'
import stripeSink from '../../src/sinks/stripe.ts'
import { localCoordinator } from '../../src/state/local-coordinator.ts'
import { memoryState } from '../../src/state/memory.ts'
import { Life } from '../support/crashable.ts'
import { FlowBench, TOPIC } from '../support/flow-bench.ts'
import { SECRET_KEY, stripeContext, stripeTransport } from '../support/stripe-bench.ts'

const HOUR_MS = 3_600_000
const DEALS = ['one', 'two']

/** What Stripe does with a call. A 500 is kept under its key, whether the call had its effect or not. */
const FAULTS: Readonly<Record<string, Fields>> = {
  ok: {},
  lost: { loseAnswerNext: 1 },
  reset: { resetNext: 1 },
  500: { failNext: 1, failStatus: 500, failApplied: false },
  '500, applied': { failNext: 1, failStatus: 500, failApplied: true },
  429: { failNext: 1, failStatus: 429 },
}

/** The stage of each deal is toggled now and then; all deals are of one company. */
const schedule = fc.record({
  toggles: fc.array(fc.constantFrom(...DEALS), { minLength: 1, maxLength: 4 }),
  deaths: fc.array(
    fc.record({ at: fc.integer({ min: 1, max: 100 }), after: fc.boolean(), awayHours: fc.constantFrom(0, 1, 30) }),
    { maxLength: 4 },
  ),
  answers: fc.array(fc.constantFrom('ok', 'ok', 'ok', ...Object.keys(FAULTS)), { maxLength: 30 }),
  searchLagMs: fc.constantFrom(0, HOUR_MS),
  name: fc.constantFrom('the same', 'its own'),
})

/** One life of the flow: customer, invoice with two lines that Stripe mails, and the link written back. */
function flowOf(bench: FlowBench, billing: RunningSystem) {
  const step = (over: Partial<ActionStep>): ActionStep => bench.effect('keyed', { system: billing, ...over })
  const { actions } = stripeSink
  return bench.flow([
    step({
      id: 'customer',
      action: 'customer',
      spec: actions.customer!,
      as: 'customer',
      args: ({ data }) => ({ match: { key: 'company' }, values: { name: (data as Fields).name } }),
    }),
    step({
      id: 'invoice',
      action: 'invoice',
      spec: actions.invoice!,
      as: 'invoice',
      key: compileExpression('data.deal'),
      args: ({ customer }) => ({
        customer,
        currency: 'EUR',
        lines: [
          { description: 'First', amount: '70' },
          { description: 'Second', unitAmount: '10', quantity: 3 },
        ],
        send: true,
      }),
    }),
    step({
      id: 'find',
      action: 'find',
      effect: 'read',
      spec: actions.find!,
      as: 'issued',
      args: ({ invoice }) => ({ object: 'invoice', recordId: (invoice as Fields).id }),
    }),
    bench.effect('safe', {
      id: 'link',
      args: ({ data, issued }) => ({ deal: (data as Fields).deal, link: (issued as Fields).hostedUrl }),
    }),
  ])
}

describe('a crash at any call, and what Stripe does with its calls', () => {
  it('P3: makes one customer, one invoice per deal with each line once, mailed once, and writes its link back', async () => {
    await fc.assert(
      fc.asyncProperty(schedule, async ({ toggles, deaths, answers, searchLagMs, name }) => {
        const first = new FlowBench()
        const { clock } = first
        const engine = { log: memoryLog({ clock }), state: memoryState({ clock }) }
        const stripe = new Stripe({ secretKey: SECRET_KEY, clock, faults: { searchLagMs } }, async () => 200)
        const links: Fields[] = []
        const left = [...answers]
        const sent = toggles.map((deal, n) =>
          first.event(deal, { deal, name: name === 'its own' ? `Acme ${n}` : 'Acme' }),
        )
        await engine.log.append(TOPIC, sent)
        for (const { at, after, awayHours } of [
          ...deaths,
          { at: Number.POSITIVE_INFINITY, after: false, awayHours: 0 },
        ]) {
          const life = new Life(engine, at, after)
          const bench = new FlowBench(life, clock)
          const direct = stripeTransport(stripe)
          const context = stripeContext(clock, request =>
            life.call(() => {
              Object.assign(
                stripe.faults,
                { failNext: 0, loseAnswerNext: 0, resetNext: 0 },
                FAULTS[left.shift() ?? 'ok'],
              )
              return direct(request)
            }),
          )
          bench.system.before = async ({ args }) => life.call(() => void links.push(args))
          const flow = bench.start(flowOf(bench, billingOf(bench, context)))
          await clock.advance(at === Number.POSITIVE_INFINITY ? HOUR_MS : 120_000)
          if (!life.dead) await flow.stop()
          life.die()
          await clock.advance(awayHours * HOUR_MS)
        }
        const { customers, invoices, items, events } = stripe.state()
        const deals = new Set(toggles)
        expect(await first.deadLetters.list('leads')).toEqual([])
        expect(customers).toHaveLength(1)
        expect(invoices.map(({ status, total }) => [status, total])).toEqual([...deals].map(() => ['open', 10_000]))
        expect(items.map(({ invoice }) => invoice).sort()).toEqual(invoices.flatMap(({ id }) => [id, id]).sort())
        expect(events.filter(({ type }) => type === 'invoice.sent')).toHaveLength(deals.size)
        const written = new Map(links.map(({ deal, link }) => [deal, link]))
        expect([...written.keys()].sort()).toEqual([...deals].sort())
        expect([...written.values()].sort()).toEqual(invoices.map(invoice => invoice.hosted_invoice_url).sort())
        expect(new Set(links.map(({ link }) => link)).size).toBe(deals.size)
      }),
      { numRuns: Number(process.env.CRASH_RUNS ?? 100) },
    )
  })
})

function billingOf(bench: FlowBench, context: ReturnType<typeof stripeContext>): RunningSystem {
  const config = { secretKey: SECRET_KEY, url: 'http://127.0.0.1:1', limits: { perSecond: 1_000_000 } }
  const { clock } = bench
  const batcher = new Batcher({
    system: 'billing',
    sink: stripeSink.create(config, { ...context, client: new StripeClient(config, context) }),
    actions: stripeSink.actions,
    env: bench.env,
    claims: new Claims({
      coordinator: localCoordinator({ clock }),
      clock,
      random: () => 0.5,
      owner: 'bench',
      shared: false,
    }),
    signal: new AbortController().signal,
  })
  return { name: 'billing', batcher, echoes: false, failed: () => {} }
}
