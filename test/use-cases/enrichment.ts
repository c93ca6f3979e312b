import { describe, expect, it, onTestFinished } from 'vitest'
import { type SandboxEnrichment, startSandboxEnrichment } from '../../sandbox/enrichment/server.ts'
import { type UseCaseBench, type UseCaseOptions, useCaseBench } from '../support/use-case-bench.ts'
import type { UseCaseEngine } from '../support/use-case-engine.ts'

async function start(
  engine: UseCaseEngine,
  options: Partial<UseCaseOptions> = {},
): Promise<[UseCaseBench, SandboxEnrichment]> {
  const api = await startSandboxEnrichment()
  onTestFinished(() => api.stop())
  const env = { ENRICHMENT_URL: api.url, ENRICHMENT_KEY: api.key }
  const bench = await useCaseBench({ engine, config: 'config/enrichment.yaml', env, ...options })
  return [bench, api]
}

const northwind = { name: 'Northwind', domainName: { primaryLinkUrl: 'northwind.example' } }
const companyOf = ({ twenty }: UseCaseBench) => twenty.rows('companies')[0]!
const looks = (api: SandboxEnrichment) =>
  api.calls.filter(({ path }) => path !== '/v1/account').map(({ path, query, status }) => `${path}?${query} ${status}`)

export function describeEnrichment(engine: UseCaseEngine): void {
  describe(`enrichment on ${engine.name}`, () => {
    it('fills a new company, makes a task of a large one and mails a buying signal, once (P3)', async () => {
      const [bench, api] = await start(engine)
      bench.user.create('companies', northwind)
      await bench.settled()
      expect(companyOf(bench)).toMatchObject({
        name: 'Northwind',
        employees: 1200,
        industry: 'Logistics',
        annualRevenue: { amountMicros: 250_000_000_000_000, currencyCode: 'EUR' },
        linkedinLink: { primaryLinkUrl: 'https://www.linkedin.com/company/northwind-logistics' },
        address: { addressStreet1: 'Hafenstrasse 1', addressCity: 'Hamburg', addressPostcode: '20457' },
      })
      expect(bench.twenty.rows('tasks')).toMatchObject([{ title: 'High-value prospect: Northwind Logistics GmbH' }])
      expect(bench.twenty.rows('taskTargets')).toMatchObject([{ targetCompanyId: companyOf(bench).id }])
      expect(bench.mail.mails.map(({ to, parsed }) => [to, parsed.subject, parsed.text?.split('\n')[0]])).toEqual([
        [['sales@example.com'], 'Buying signal: Northwind Logistics GmbH', 'Raised 40 million euros'],
      ])

      const before = bench.snapshot()
      // What was done is known to the next process, too.
      await bench.restart()
      await bench.redeliver('company.created')
      expect(bench.snapshot()).toEqual(before)
      expect(looks(api)).toEqual(['/v1/companies/northwind.example? 200'])
      expect(await bench.deadLetters()).toEqual([])
    })

    it('fills a new person, and makes a task of an executive', async () => {
      const [bench] = await start(engine)
      bench.user.create('people', { emails: { primaryEmail: 'grace@northwind.example' } })
      await bench.settled()
      expect(bench.twenty.rows('people')).toMatchObject([
        { name: { firstName: 'Grace', lastName: 'Hopper' }, jobTitle: 'Chief Technology Officer' },
      ])
      expect(bench.twenty.rows('tasks')).toMatchObject([{ title: 'Get to know grace@northwind.example' }])
      const before = bench.snapshot()
      await bench.redeliver('person.created')
      expect(bench.snapshot()).toEqual(before)
    })

    it('leaves what a person typed', async () => {
      const [bench] = await start(engine)
      const typed = { ...northwind, industry: 'Shipping', address: { addressCity: 'Altona' } }
      bench.user.create('companies', typed)
      await bench.settled()
      expect(companyOf(bench)).toMatchObject({ name: 'Northwind', industry: 'Shipping', employees: 1200 })
      expect(companyOf(bench)).toMatchObject({ address: { addressCity: 'Altona' } })
      const person = {
        name: { firstName: 'Amazing', lastName: '' },
        emails: { primaryEmail: 'grace@northwind.example' },
      }
      bench.user.create('people', { ...person, jobTitle: 'Admiral' })
      await bench.settled()
      expect(bench.twenty.rows('people')).toMatchObject([
        { name: { firstName: 'Amazing', lastName: 'Hopper' }, jobTitle: 'Admiral' },
      ])
    })

    it('makes neither a task of a small company nor a mail of a weak signal', async () => {
      const [bench] = await start(engine)
      bench.user.create('companies', { name: 'Shop', domainName: { primaryLinkUrl: 'corner-shop.example' } })
      await bench.settled()
      expect(companyOf(bench)).toMatchObject({
        employees: 4,
        industry: 'Retail',
        annualRevenue: { amountMicros: null },
      })
      expect([bench.twenty.rows('tasks').length, bench.mail.mails.length]).toEqual([0, 0])
    })

    it('passes over what the service does not know, and does not ask without a domain of their own', async () => {
      const [bench, api] = await start(engine)
      bench.user.create('companies', { name: 'Unknown', domainName: { primaryLinkUrl: 'unknown.example' } })
      bench.user.create('companies', { name: 'No domain' })
      bench.user.create('companies', { name: 'Mailbox', domainName: { primaryLinkUrl: 'gmail.com' } })
      bench.user.create('people', { name: { firstName: 'Nobody', lastName: '' } })
      await bench.settled()
      expect(looks(api)).toEqual(['/v1/companies/unknown.example? 404'])
      expect(bench.writes()).toEqual([])
      const { 'enrich-company': companies, 'enrich-person': people } = await bench.counts()
      expect(companies?.skipped).toEqual({ 'filtered: is-known': 1, 'filtered: has-domain': 2 })
      expect(people?.skipped).toEqual({ 'filtered: has-email': 1 })
      expect(await bench.deadLetters()).toEqual([])
    })

    it.each([
      ['a rate limit', { failNext: 2, failStatus: 429, retryAfterSeconds: 3 }, ['429', '429', '200']],
      ['a server that fails', { failNext: 1, failStatus: 503 }, ['503', '200']],
      ['an answer that is lost', { loseAnswerNext: 1 }, ['0', '200']],
      ['an answer that takes too long', { holdNext: 1 }, ['0', '200']],
    ])('gets over %s', async (_, faults, statuses) => {
      const [bench, api] = await start(
        engine,
        'holdNext' in faults ? { systems: { enrichment: { timeout: '1s' } } } : {},
      )
      const begun = bench.clock.now()
      Object.assign(api.faults, faults)
      bench.user.create('companies', northwind)
      await bench.settled()
      expect(looks(api).map(line => line.split(' ')[1])).toEqual(statuses)
      if ('retryAfterSeconds' in faults) expect(bench.clock.now() - begun).toBeGreaterThanOrEqual(6000)
      expect(companyOf(bench)).toMatchObject({ employees: 1200 })
      expect([bench.twenty.rows('tasks').length, bench.mail.mails.length]).toEqual([1, 1])
    })

    it('parks a record while the service is away, and goes on with others when it is back (P2)', async () => {
      const [bench, api] = await start(engine)
      Object.assign(api.faults, { errorRate: 1, failStatus: 503 })
      bench.user.create('companies', northwind)
      await bench.settled()
      expect((await bench.counts())['enrich-company']).toMatchObject({ parked: 1 })
      api.faults.errorRate = 0
      await bench.advance(10 * 60_000)
      expect(companyOf(bench)).toMatchObject({ employees: 1200 })
      expect(await bench.deadLetters()).toEqual([])
    })

    it('writes nothing to a company that was deleted while the service was asked', async () => {
      const [bench, api] = await start(engine)
      Object.assign(api.faults, { failNext: 1, failStatus: 429, retryAfterSeconds: 3 })
      const { id } = bench.user.create('companies', northwind)
      await bench.until('it was asked', () => api.calls.length === 1)
      bench.user.softDelete('companies', String(id))
      await bench.settled()
      expect(companyOf(bench)).toMatchObject({ employees: null })
      expect(bench.twenty.rows('tasks')).toEqual([])
    })
  })
}
