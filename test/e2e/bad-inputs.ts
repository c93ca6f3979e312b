import { describe, expect, it } from 'vitest'
import { transcriptOf } from '../../sandbox/recorder/server.ts'
import { email, live, type Row } from '../../scripts/demo/scenes.ts'
import {
  colleague,
  companyOf,
  everything,
  GRACE,
  letters,
  mailLike,
  poll,
  taskLike,
} from '../../scripts/demo/use-case-scenes.ts'
import { eventually, type Stack } from '../../scripts/stack/stack.ts'
import { describeKillsBetweenSteps } from './kills-between-steps.ts'
import { staysWhenAllComesAgain } from './redelivery.ts'

const LONG_MS = 180_000
/** No webhook and no poll tells of what is so old. */
const OLD = { createdAt: '2020-01-01T00:00:00.000Z', updatedAt: '2020-01-01T00:00:00.000Z' }

/** What goes wrong in the use cases. All of it is put in first, then looked at: it must not get into each other's way. */
export function describeBadInputs(stackOf: () => Stack): void {
  describe('what is bad, odd or half there', () => {
    it(
      'comes in together and is at rest, and nothing is written twice when all comes again (P3)',
      async () => {
        const stack = stackOf()
        await Promise.all([postForms(stack), pollHalfWay(stack), holdMeetings(stack), enrich(stack)])
        enrol(stack)
        win(stack)
        await eventually('the page that failed has come', () => companyOf(stack, 'mill.example')?.activeUsers === 50)
        await staysWhenAllComesAgain(stack)
      },
      LONG_MS,
    )

    it('a form with an unknown field is kept with its reason', async () => {
      const [letter, ...more] = await letters(stackOf(), 'web-form-leads')
      expect(more).toEqual([])
      expect(letter).toMatchObject({ code: 'VALIDATION_FAILED', message: expect.stringContaining('role') })
      expect(personOf(stackOf(), 'eve@unknown-field.example')).toBeUndefined()
    })

    it('a Cyrillic name stays as it is, and both spellings of an internationalised domain are one company', () => {
      const [anna, boris] = ['анна@пример.example', 'boris@xn--e1afmkfd.example'].map(it => personOf(stackOf(), it))
      expect(anna).toMatchObject({ name: { firstName: 'Анна', lastName: 'Каренина' } })
      expect(anna?.companyId).toBe(companyOf(stackOf(), 'xn--e1afmkfd.example')?.id)
      expect(boris?.companyId).toBe(anna?.companyId)
    })

    it('a page of the warehouse that failed half-way gives each of its rows once', async () => {
      const { calls } = everything(stackOf()).warehouse
      const pages = calls.filter(({ path, query }) => path === '/v1/usage' && query.includes('cursor='))
      expect(pages.map(({ query, status }) => [new URLSearchParams(query).get('cursor'), status])).toEqual([
        ['2', 500],
        ['2', 200],
      ])
      const events = await (await stackOf().operations()).listEvents({ topic: 'warehouse.usage', limit: 1000 })
      const bad = events.map(({ subject }) => /bad-\w+$/.exec(subject)?.[0]).filter(account => account !== undefined)
      expect(bad.sort()).toEqual(['bad-forge', 'bad-many', 'bad-mill', 'bad-twin'])
    })

    it('a number that is a string is read, one that is none and a company that is two are kept with the reason', async () => {
      expect(companyOf(stackOf(), 'mill.example')).toMatchObject({ activeUsers: 50 })
      expect(companyOf(stackOf(), 'forge.example')).toMatchObject({ activeUsers: 3 })
      const fell = live(stackOf().twenty, 'tasks').filter(({ title }) => title === 'Usage fell: forge.example')
      expect(fell).toHaveLength(1)
      const kept = (await letters(stackOf(), 'usage-from-warehouse')).filter(({ event }) =>
        String(event.data.account_id).startsWith('bad-'),
      )
      expect(kept.map(({ event, code }) => [event.data.account_id, code]).sort()).toEqual([
        ['bad-many', 'VALIDATION_FAILED'],
        ['bad-twin', 'AMBIGUOUS_MATCH'],
      ])
    })

    it('a transcript of 5 MB is taken in and kept out of Twenty', () => {
      const notes = live(stackOf().twenty, 'notes').filter(({ title }) => title === 'A long talk')
      expect(notes).toHaveLength(1)
      expect(JSON.stringify(notes).length).toBeLessThan(5000)
      expect(mailLike(stackOf(), 'A long talk')).toBeDefined()
    })

    it('a meeting of strangers is a question to a colleague, and no mail', () => {
      expect(taskLike(stackOf(), 'Who took part in "Strangers"?')).toBeDefined()
      expect(mailLike(stackOf(), 'Strangers')).toBeUndefined()
    })

    it('what the enrichment service does not know stays as it is; its rate limit is waited for; what was typed stays', () => {
      expect(companyOf(stackOf(), 'nobody-knows.example')).toMatchObject({ name: 'Nobody knows', employees: null })
      const asked = everything(stackOf()).enrichment.calls
      const of = (domain: string) => asked.filter(({ path }) => path.endsWith(domain)).map(({ status }) => status)
      expect(of('nobody-knows.example').at(-1)).toBe(404)
      expect(asked.filter(({ status }) => status === 429)).toHaveLength(2)
      expect(of('corner-shop.example').at(-1)).toBe(200)
      expect(companyOf(stackOf(), 'corner-shop.example')).toMatchObject({
        name: 'Our shop',
        industry: 'Groceries',
        employees: 4,
        address: { addressCity: 'Vienna' },
      })
    })

    it('somebody who is enrolled already is written down and not watched anew', () => {
      expect(personOf(stackOf(), 'known@navy.example')).toMatchObject({ emailSequence: 'practitioners' })
      expect(taskLike(stackOf(), 'Watch the answers of known@navy.example')).toBeUndefined()
    })

    it('somebody without an address is enrolled nowhere', () => {
      const nobody = live(stackOf().twenty, 'people').find(({ jobTitle }) => jobTitle === 'Without an address')
      expect(nobody).toMatchObject({ emailSequence: null })
      const { calls } = everything(stackOf()).sequences
      expect(calls.filter(({ body }) => body.includes(String(nobody?.id)))).toEqual([])
    })

    it(
      'a deal without amount or currency is kept with its reason, and billed once when that is put right',
      async () => {
        const stack = stackOf()
        const kept = await letters(stack, 'invoice-won-deal')
        expect(kept.map(({ message }) => /amountMicros|currencyCode/.exec(message)?.[0]).sort()).toEqual([
          'amountMicros',
          'currencyCode',
        ])
        expect(invoicesOf(stack)).toEqual([])
        for (const deal of halfDeals(stack))
          colleague(stack).update('opportunities', String(deal.id), {
            amount: { amountMicros: 7e6, currencyCode: 'EUR' },
          })
        await (await stack.operations()).redriveDeadLetters({ flow: 'invoice-won-deal', all: true })
        await eventually('both are billed', () => invoicesOf(stack).length === 2)
        await stack.settled()
        expect(invoicesOf(stack)).toHaveLength(2)
        expect(await letters(stack, 'invoice-won-deal')).toEqual([])
      },
      LONG_MS,
    )

    describeKillsBetweenSteps(stackOf)
  })
}

/** Before anything is looked up: whether a workspace has domains as URLs is looked at once. */
export function seedCompanies({ twenty }: Stack): void {
  const seed = (name: string, url: string) =>
    twenty.seed('companies', [{ name, domainName: { primaryLinkUrl: url }, ...OLD }])
  seed('Mill', 'mill.example')
  seed('Forge', 'forge.example')
  // Servers of before kept domains as URLs, and took two of one host.
  const { versions } = twenty.faults
  versions.domainAs = 'url'
  seed('Twin', 'https://twin.example')
  seed('The other twin', 'http://twin.example')
  versions.domainAs = 'host'
}

async function postForms(stack: Stack): Promise<void> {
  const forms: Record<string, string>[] = [
    { email: 'eve@unknown-field.example', name: 'Eve', formId: 'bad', role: 'admin' },
    { email: 'анна@Пример.example', name: 'Анна Каренина', formId: 'bad' },
    { email: 'boris@xn--e1afmkfd.example', name: 'Boris', formId: 'bad' },
  ]
  const statuses = await Promise.all(forms.map(form => stack.postForm(form)))
  expect(statuses).toEqual([202, 202, 202])
}

async function pollHalfWay(stack: Stack): Promise<void> {
  const { stores, faults } = everything(stack).warehouse
  const usage = { month: '2026-11', events: 1, revenue: '10.50', currency: 'EUR', updated_at: '2026-11-25T02:00:00Z' }
  stores.usage.clear()
  for (const [name, users] of Object.entries({ mill: 50, forge: 3, twin: 30, many: 'many' as never })) {
    const account = `bad-${name}`
    stores.usage.set(account, { ...usage, account_id: account, domain: `${name}.example`, active_users: users })
  }
  Object.assign(faults, { pageLimit: 2, failPageAfter: 1, failStatus: 500, numbersAsText: true })
  await poll(stack, 'warehouse')
}

async function holdMeetings(stack: Stack): Promise<void> {
  const { recorder } = everything(stack)
  const long = { id: 'meeting-long', title: 'A long talk', participants: [{ name: 'Grace', email: GRACE }] }
  const strangers = [{ name: 'Stranger', email: 'stranger@elsewhere.example' }]
  const answers = await Promise.all([
    recorder.finish({ ...long, transcript: transcriptOf(5 * 1024 * 1024) }),
    recorder.finish({ id: 'meeting-strangers', title: 'Strangers', participants: strangers }),
  ])
  expect(answers).toEqual([[202], [202]])
}

async function enrich(stack: Stack): Promise<void> {
  Object.assign(everything(stack).enrichment.faults, { failNext: 2, failStatus: 429, retryAfterSeconds: 1 })
  const { create } = colleague(stack)
  create('companies', { name: 'Nobody knows', domainName: { primaryLinkUrl: 'nobody-knows.example' } })
  const typed = { name: 'Our shop', industry: 'Groceries', address: { addressCity: 'Vienna' } }
  create('companies', { ...typed, domainName: { primaryLinkUrl: 'corner-shop.example' } })
}

function enrol(stack: Stack): void {
  const known = { id: 'e-known', sequence: 'practitioners', email: 'known@navy.example', status: 'active' as const }
  const { enrolments } = everything(stack).sequences.stores
  enrolments.set(known.id, { ...known, enrolledAt: '2026-10-01T08:00:00.000Z', fields: {} })
  colleague(stack).create('people', { jobTitle: 'Director', emails: { primaryEmail: known.email } })
  colleague(stack).create('people', { jobTitle: 'Without an address' })
}

function win(stack: Stack): void {
  const [company] = stack.twenty.seed('companies', [{ name: 'Half a deal', ...OLD }])
  const amounts = [
    { amountMicros: null, currencyCode: 'EUR' },
    { amountMicros: 5e6, currencyCode: '' },
  ]
  for (const amount of amounts) {
    const deal = colleague(stack).create('opportunities', { name: 'Half a deal', amount, companyId: company!.id })
    colleague(stack).update('opportunities', String(deal.id), { stage: 'CUSTOMER' })
  }
}

const personOf = ({ twenty }: Stack, address: string): Row | undefined =>
  live(twenty, 'people').find(row => email(row) === address)
const halfDeals = ({ twenty }: Stack) => live(twenty, 'opportunities').filter(({ name }) => name === 'Half a deal')
const invoicesOf = (stack: Stack) => {
  const deals = halfDeals(stack).map(({ id }) => id)
  const { invoices } = everything(stack).stripe.stripe.state()
  return invoices.filter(({ metadata }) => deals.includes((metadata as Row).opportunity))
}
