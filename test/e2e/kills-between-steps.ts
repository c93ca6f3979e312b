import { expect, it } from 'vitest'
import { live, type Row, subject } from '../../scripts/demo/scenes.ts'
import { colleague, everything, letters } from '../../scripts/demo/use-case-scenes.ts'
import { eventually, type Stack } from '../../scripts/stack/stack.ts'

const LONG_MS = 180_000

/** Where a call of the invoice flow is held, in their order: carried out, or not yet. As many as Stripe is asked at once, less one. */
const POINTS = [
  { call: /^POST \/v1\/customers$/, isDone: true },
  { call: /^POST \/v1\/invoices$/, isDone: false },
  { call: /^POST \/v1\/invoices$/, isDone: true },
  { call: /^POST \/v1\/invoiceitems$/, isDone: true },
  { call: /^POST \/v1\/invoices\/\w+\/finalize$/, isDone: false },
  { call: /^POST \/v1\/invoices\/\w+\/finalize$/, isDone: true },
  { call: /^GET \/v1\/invoices\/\w+$/, isDone: true },
]

/** One kill, and at that moment a deal at every point between the steps of the invoice flow. */
export function describeKillsBetweenSteps(stackOf: () => Stack): void {
  it(
    'kill -9 at any point between the steps of an invoice leaves one customer, one invoice, one link and one mail; inside SMTP one or none, and one held entry (P3)',
    async () => {
      const stack = stackOf()
      const stripe = holdCallsOf(stack)
      Object.assign(stack.mail.faults, { holdNext: 1, loseNext: 1 })
      const deals = Array.from({ length: POINTS.length + 2 }, (_, n) => dealOf(stack, n))
      for (const deal of deals) win(stack, deal)
      await eventually('a deal is held at each call', () => stripe.left() === 0)
      await eventually('a mail is taken and another is lost, both unanswered', () => {
        const { holdNext, loseNext } = stack.mail.faults
        return holdNext + loseNext === 0
      })
      const last = dealOf(stack, deals.length)
      Object.assign(stack.twenty.faults.http, { scope: 'writes', loseAnswerRate: 1 })
      win(stack, last)
      await eventually('a link is written, and nobody is told', () => linkOf(stack, last) !== undefined)
      await stack.daemon.end('SIGKILL')
      stripe.release()
      Object.assign(stack.twenty.faults.http, { scope: 'all', loseAnswerRate: 0 })
      await stack.daemon.start()
      await eventually('every deal has its link', () => [...deals, last].every(deal => linkOf(stack, deal)))
      await stack.settled()
      const all = [...deals, last]
      expect(all.map(deal => madeOf(stack, deal))).toEqual(
        all.map(({ name }) => ({ name, customers: 1, invoices: 1, lines: 1, link: true })),
      )
      // Whether a mail has left whose answer never came, nobody can know: it is not sent again, and a person is asked.
      const held = await heldMails(stack)
      const mailed = all.map(({ name, id }) => `${mailsOf(stack, name)} ${held.has(id) ? 'held' : 'told'}`)
      expect(mailed.sort()).toEqual(['0 held', ...all.slice(2).map(() => '1 told'), '1 held'].sort())
      const lost = all.find(({ name }) => mailsOf(stack, name) === 0)!
      await (await stack.operations()).redriveDeadLetters({ ids: [held.get(lost.id)!] })
      await eventually('it is mailed when a person has decided', () => mailsOf(stack, lost.name) > 0)
      await stack.settled()
      expect(all.map(({ name }) => mailsOf(stack, name))).toEqual(all.map(() => 1))
    },
    LONG_MS,
  )
}

interface Deal {
  readonly id: string
  readonly name: string
}

function dealOf(stack: Stack, n: number): Deal {
  const name = `Killed ${n}.`
  const old = { createdAt: '2020-01-01T00:00:00.000Z', updatedAt: '2020-01-01T00:00:00.000Z' }
  const [company] = stack.twenty.seed('companies', [{ name, ...old }])
  const amount = { amountMicros: 9e6, currencyCode: 'EUR' }
  const [deal] = stack.twenty.seed('opportunities', [{ name, amount, companyId: company!.id, ...old }])
  return { id: String(deal!.id), name }
}

const win = (stack: Stack, { id }: Deal) => colleague(stack).update('opportunities', id, { stage: 'CUSTOMER' })

/** The next call of each point gets no answer. */
function holdCallsOf(stack: Stack) {
  const { stripe } = everything(stack).stripe
  const { handle } = stripe
  const points = [...POINTS]
  const held = { left: () => points.length, release: () => Object.assign(stripe, { handle }) }
  stripe.handle = request => {
    const asked = `${request.method} ${request.url.split('?')[0]}`
    const at = points.findIndex(({ call }) => call.test(asked))
    if (at >= 0) {
      const [point] = points.splice(at, 1)
      return { ...(point!.isDone ? handle.call(stripe, request) : { status: 0 }), fate: 'held' }
    }
    return handle.call(stripe, request)
  }
  return held
}

const linkOf = ({ twenty }: Stack, deal: Deal) => {
  const { invoice } = live(twenty, 'opportunities').find(({ id }) => id === deal.id)!
  return ((invoice as Row | null)?.primaryLinkUrl as string | null) ?? undefined
}

function madeOf(stack: Stack, deal: Deal) {
  const { customers, invoices, items } = everything(stack).stripe.stripe.state()
  const own = invoices.filter(({ metadata }) => (metadata as Row).opportunity === deal.id)
  return {
    name: deal.name,
    customers: customers.filter(({ name }) => name === deal.name).length,
    invoices: own.length,
    lines: items.filter(({ description }) => description === deal.name).length,
    link: linkOf(stack, deal) === own[0]?.hosted_invoice_url,
  }
}

/** Letters of mails whose outcome nobody knows, by the deal. */
async function heldMails(stack: Stack): Promise<Map<string, string>> {
  const open = await letters(stack, 'invoice-won-deal')
  const unsure = open.filter(({ code }) => code === 'OUTCOME_UNKNOWN')
  return new Map(unsure.map(({ event, id }) => [event.key, id]))
}

const mailsOf = ({ mail }: Stack, name: string) =>
  mail.mails.filter(({ raw }) => subject(raw).includes(`: ${name},`)).length
