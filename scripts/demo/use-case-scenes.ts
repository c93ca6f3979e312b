import type { DeadLetter } from '../../src/runtime/dead-letter.ts'
import { type Everything, eventually, type Stack } from '../stack/stack.ts'
import { email, expect, fullName, live, type Row, type Scene, subject } from './scenes.ts'

export const CONFIGS: readonly string[] = [
  'web-form-leads',
  'usage-from-warehouse',
  'meeting-notes',
  'enrichment',
  'newsletter-audience',
  'sequence-enrolment',
  'lead-scoring',
  'invoices',
  'two-way-sync',
  'data-quality',
].map(name => `config/${name}.yaml`)

export const GRACE = 'grace@northwind.example'

/** The use cases beside the web form and the two-way sync, as the configs under `config/` do them, on one daemon. */
export const USE_CASE_SCENES: readonly Scene[] = [
  {
    title: 'Enrichment: a colleague types in a company, and nothing of it but its domain',
    async play(stack) {
      colleague(stack).create('companies', { name: 'Northwind', domainName: { primaryLinkUrl: 'northwind.example' } })
      const company = () => companyOf(stack, 'northwind.example')
      await eventually('what the service knows', () => Number(company()?.employees) > 0)
      await eventually('a task for a large one', () => taskLike(stack, 'High-value prospect') !== undefined)
      await eventually('a mail on the signal', () => mailLike(stack, 'Buying signal') !== undefined)
      expect(company()!.name === 'Northwind', 'the name that was typed stays')
      return [
        `company  ${company()!.employees} people in ${company()!.industry} filled in; her name for it stays: “${company()!.name}”`,
        `task     “${taskLike(stack, 'High-value prospect')!.title}”; mail “${mailLike(stack, 'Buying signal')}”`,
      ]
    },
  },
  {
    title: 'Product usage: the nightly run of the warehouse, asked for by day, twice',
    async play(stack) {
      const { usage } = everything(stack).warehouse.stores
      const month = {
        month: '2026-11',
        events: 90,
        revenue: '99.90',
        currency: 'EUR',
        updated_at: '2026-11-24T02:00:00Z',
      }
      usage.clear()
      usage.set('n', { ...month, account_id: 'n', domain: 'northwind.example', active_users: 12 })
      usage.set('x', { ...month, account_id: 'x', domain: 'nobody.example', active_users: 5 })
      await poll(stack, 'warehouse')
      const fell = () => live(stack.twenty, 'tasks').filter(({ title }) => String(title).startsWith('Usage fell'))
      await eventually('a task, because usage fell', () => fell().length === 1)
      await eventually('a dead letter', async () => (await letters(stack, 'usage-from-warehouse')).length === 1)
      usage.set('n', { ...usage.get('n')!, active_users: 11, updated_at: '2026-11-24T03:00:00Z' })
      await poll(stack, 'warehouse')
      const company = () => companyOf(stack, 'northwind.example')!
      await eventually('the new number', () => company().activeUsers === 11)
      await stack.settled()
      expect(fell().length === 1, `one task for one fall, not ${fell().length}`)
      const [letter] = await letters(stack, 'usage-from-warehouse')
      return [
        `company  ${company().activeUsers} active users; “${fell()[0]!.title}” once, and not again for what stays below the line`,
        `account  of no company kept as a dead letter: ${letter!.message}`,
      ]
    },
  },
  {
    title: 'A new person: enriched, enrolled in a sequence, and scored',
    async play(stack) {
      const { twenty } = stack
      const company = companyOf(stack, 'northwind.example')!
      const owner = twenty.members.find(({ userEmail }) => userEmail === 'rep@example.com')!
      colleague(stack).update('companies', String(company.id), { accountOwnerId: owner.id })
      colleague(stack).create('people', { emails: { primaryEmail: GRACE }, companyId: company.id })
      await eventually('her title from the service', () => String(grace(stack)?.jobTitle).startsWith('Chief'))
      await eventually('her sequence', () => grace(stack)?.emailSequence === 'newcomers')
      await eventually('a score', () => Number(grace(stack)?.leadScore) > 0)
      await stack.settled()
      colleague(stack).update('people', String(grace(stack)!.id), { websiteVisits: 12 })
      await eventually('a hot lead', () => grace(stack)?.leadBand === 'hot')
      await eventually('a mail to the rep', () => mailLike(stack, 'is a hot lead') !== undefined)
      await stack.settled()
      const asked = everything(stack).scoring.calls.length
      await stack.settled()
      expect(everything(stack).scoring.calls.length === asked, 'a score that is written back is not scored')
      const { leadScore, leadReason, predictedScore, emailSequence } = grace(stack)!
      return [
        `person   ${fullName(grace(stack)!)}, ${grace(stack)!.jobTitle}: found by her address alone`,
        `sequence “${emailSequence}”, with a task: “${taskLike(stack, 'Watch the answers')!.title}”`,
        `score    ${leadScore}: ${leadReason}`,
        `         the service says ${predictedScore}; neither score made another; mail “${mailLike(stack, 'is a hot lead')}”`,
      ]
    },
  },
  {
    title: 'A call recorder reports a meeting with her, three times',
    async play(stack) {
      const { recorder } = everything(stack)
      const meeting = {
        id: 'meeting-1',
        title: 'First talk',
        participants: [
          { name: 'Grace Hopper', email: GRACE },
          { name: 'Rep', email: 'rep@example.com', host: true },
        ],
        summary: 'They need it by spring.',
        actionItems: [
          { text: 'Send the offer', owner: 'rep@example.com' },
          { text: 'Book the demo', owner: null },
        ],
      }
      await recorder.finish(meeting)
      await recorder.sendAgain(meeting.id)
      await recorder.sendAgain(meeting.id)
      const note = () => live(stack.twenty, 'notes').find(({ title }) => title === meeting.title)
      await eventually('a task per action item', () => taskLike(stack, 'Book the demo') !== undefined)
      await eventually('a mail', () => mailLike(stack, meeting.title) !== undefined)
      await stack.settled()
      const count = (object: string, title: string) =>
        live(stack.twenty, object).filter(row => row.title === title).length
      expect(count('notes', meeting.title) === 1, 'one note')
      expect(count('tasks', 'Send the offer') === 1, 'one task per action item')
      return [
        `note     “${note()!.title}” linked to her; tasks “Send the offer” and “Book the demo”; once, for three reports`,
        `mail     “${mailLike(stack, meeting.title)}” to those who took part`,
      ]
    },
  },
  {
    title: 'Invoices: her deal is won, lost and won again while Stripe loses answers',
    async play(stack) {
      const { stripe } = everything(stack).stripe
      const person = grace(stack)!
      stripe.faults.loseAnswerNext = 2
      stripe.faults.webhooks.duplicate = true
      const deal = colleague(stack).create('opportunities', {
        name: 'Engines',
        amount: { amountMicros: 1_234_500_000, currencyCode: 'EUR' },
        companyId: person.companyId,
        pointOfContactId: person.id,
      })
      const dealNow = () => live(stack.twenty, 'opportunities').find(({ id }) => id === deal.id)!
      for (const stage of ['CUSTOMER', 'PROPOSAL', 'CUSTOMER']) {
        colleague(stack).update('opportunities', String(deal.id), { stage })
      }
      const link = () => (dealNow().invoice as Row | null)?.primaryLinkUrl
      await eventually('the link of the invoice', () => Boolean(link()))
      await eventually('a mail to finance', () => mailLike(stack, 'Invoice') !== undefined)
      await fetch(`${link()}/pay`, { method: 'POST' })
      await eventually('that it is paid', () => Boolean(dealNow().invoicePaidAt))
      await stack.settled()
      const { customers, invoices, items } = stripe.state()
      const made = [customers.length, invoices.length, items.length]
      expect(
        made.every(count => count === 1),
        `one customer, one invoice, one line, not ${made}`,
      )
      return [
        `Stripe   one customer, one invoice of 1234.50 EUR, one line; its link is at the deal`,
        `mail     “${mailLike(stack, 'Invoice')}” to finance; paid, and the deal says so`,
      ]
    },
  },
  {
    title: 'Newsletter: everybody of a view in Twenty, launched by hand, twice',
    async play(stack) {
      const { newsletter } = everything(stack)
      const people = Array.from({ length: 1000 }, (_, n) => ({
        name: { firstName: `Reader ${n}`, lastName: 'Doe' },
        emails: { primaryEmail: `reader${n}@example.com` },
        jobTitle: 'Reader',
      }))
      // Old acquaintances: no webhook and no poll tells of them, so nothing else is done with them.
      const long = { createdAt: '2020-01-01T00:00:00.000Z', updatedAt: '2020-01-01T00:00:00.000Z' }
      stack.twenty.seed(
        'people',
        people.map(person => ({ ...person, ...long })),
      )
      const filters = [{ field: 'jobTitle', operand: 'CONTAINS', value: 'Reader' }]
      stack.twenty.addView({ object: 'people', name: 'Newsletter', filters })
      newsletter.stores.subscribers.set('newsletter/reader7@example.com', {
        id: 'seven',
        audience: 'newsletter',
        email: 'reader7@example.com',
        status: 'unsubscribed',
        fields: {},
        tags: [],
      })
      newsletter.faults.failItemsNext = 3
      const subscribed = () =>
        [...newsletter.stores.subscribers.values()].filter(({ status }) => status === 'subscribed').length
      for (const campaign of ['Spring', 'Summer']) {
        await (await stack.operations()).trigger({ connector: 'newsletter', data: { view: 'Newsletter', campaign } })
        await eventually(`the mail on ${campaign}`, () => mailLike(stack, campaign) !== undefined, 90_000)
      }
      expect(subscribed() === 999, `all but the one who left, not ${subscribed()}`)
      const calls = newsletter.calls.filter(({ path }) => path.endsWith('/batch')).length
      return [
        `platform 999 of 1,000 subscribed in ${calls} calls for two campaigns; who has unsubscribed stays so; three failures tried again alone`,
        `mail     “${mailLike(stack, 'Summer')}” to marketing`,
      ]
    },
  },
  {
    title: 'Data quality: a partner delivers four contacts, two of them bad and one twice',
    async play(stack) {
      const good = { partnerId: 'p1', email: 'alan@bletchley.example', fullName: 'Alan Turing', consent: true }
      const delivered = [
        good,
        good,
        { ...good, partnerId: 'p2', email: 'no address' },
        { ...good, partnerId: 'p3', email: 'joan@bletchley.example', consent: false },
      ]
      for (const contact of delivered) await deliver(stack, { ...contact, updatedAt: '2026-11-24T10:00:00Z' })
      const bad = () => letters(stack, 'data-quality')
      await eventually('two dead letters', async () => (await bad()).length === 2)
      await eventually('Alan', () => live(stack.twenty, 'people').some(row => email(row) === good.email))
      await stack.settled()
      const [format] = await bad()
      const alans = live(stack.twenty, 'people').filter(row => email(row) === good.email)
      expect(alans.length === 1, 'one Alan')
      return [
        'contact  Alan Turing and his company, once',
        `kept     two, with their reasons, to be mended and sent again: ${format!.message.split('\n')[0]}`,
        'mail     one an hour for all that went wrong, however much it is',
      ]
    },
  },
]

export function everything({ everything }: Stack): Everything {
  if (!everything) throw new Error('this scene needs all systems')
  return everything
}

export function colleague({ twenty }: Stack) {
  return twenty.asUser(String(twenty.members[0]!.id))
}

const grace = ({ twenty }: Stack) => live(twenty, 'people').find(row => email(row) === GRACE)
export const companyOf = ({ twenty }: Stack, domain: string) =>
  live(twenty, 'companies').find(row => (row.domainName as Row | undefined)?.primaryLinkUrl === domain)
export const taskLike = ({ twenty }: Stack, title: string) =>
  live(twenty, 'tasks').find(row => String(row.title).startsWith(title))
export const mailLike = ({ mail }: Stack, words: string) =>
  mail.mails.map(({ raw }) => subject(raw)).find(text => text.includes(words))

export async function poll(stack: Stack, connector: string): Promise<void> {
  await (await stack.operations()).pollNow({ connector })
}

export async function letters(stack: Stack, flow: string): Promise<DeadLetter[]> {
  const listed = await (await stack.operations()).listDeadLetters({ flow, limit: 1000 })
  return listed.map(({ letter }) => letter)
}

async function deliver(stack: Stack, contact: object): Promise<void> {
  const headers = { 'content-type': 'application/json', 'x-form-key': stack.env.FORM_KEY! }
  const answer = await fetch(`${stack.url}/hooks/partner-contacts`, {
    method: 'POST',
    headers,
    body: JSON.stringify(contact),
  })
  await answer.arrayBuffer()
  expect(answer.status === 202, `answered 202, not ${answer.status}`)
}
