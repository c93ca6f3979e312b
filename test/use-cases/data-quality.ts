import { describe, expect, it } from 'vitest'
import { type UseCaseBench, type UseCaseOptions, useCaseBench } from '../support/use-case-bench.ts'
import type { UseCaseEngine } from '../support/use-case-engine.ts'

const KEY = { 'x-form-key': 'bench-form-key' }
const HOUR = 3_600_000

const ada = {
  partnerId: 'p-1',
  email: 'Ada@Analytical.example',
  fullName: 'Ada Lovelace',
  company: 'Analytical Engines',
  jobTitle: 'Analyst',
  consent: true,
  updatedAt: '2026-11-24T08:00:00Z',
}

const start = (engine: UseCaseEngine, options: Partial<UseCaseOptions> = {}) =>
  useCaseBench({ engine, config: 'config/data-quality.yaml', ...options })

async function deliver(bench: UseCaseBench, ...contacts: object[]): Promise<void> {
  for (const contact of contacts)
    expect(await bench.post('/hooks/partner-contacts', JSON.stringify(contact), KEY)).toBe(202)
  await bench.settled()
}

const people = ({ twenty }: UseCaseBench) =>
  twenty.rows('people').map(row => {
    const { emails, jobTitle } = row as unknown as { emails: { primaryEmail: string }; jobTitle: string }
    return [emails.primaryEmail, jobTitle]
  })

export function describeDataQuality(engine: UseCaseEngine): void {
  describe(`data quality on ${engine.name}`, () => {
    it('creates a contact and updates it, and does nothing of what was delivered before (P3)', async () => {
      const bench = await start(engine)
      await deliver(bench, ada)
      expect(people(bench)).toEqual([['ada@analytical.example', 'Analyst']])
      await deliver(bench, { ...ada, jobTitle: 'Countess', updatedAt: '2026-11-24T09:00:00Z' })
      expect(people(bench)).toEqual([['ada@analytical.example', 'Countess']])
      const before = bench.snapshot()
      await deliver(bench, ada, ada)
      expect(bench.snapshot()).toEqual(before)
      expect((await bench.counts())['data-quality']).toMatchObject({ done: 2, skipped: { duplicate: 2 } })
      expect(bench.twenty.rows('companies')).toHaveLength(1)
    })

    it('keeps each bad one with its reason, and tells of all of them in one mail, once', async () => {
      const bench = await start(engine)
      await deliver(
        bench,
        { ...ada, partnerId: 'p-2', email: 'not-an-address' },
        { ...ada, partnerId: 'p-3', consent: false },
        ada,
        { ...ada, partnerId: 'p-4', fullName: 'Ada' },
      )
      expect(people(bench)).toHaveLength(1)
      const letters = await bench.deadLetters()
      expect(letters.map(({ code, step }) => [code, step]).sort()).toEqual([
        ['VALIDATION_FAILED', 'rules'],
        ['VALIDATION_FAILED', 'rules'],
        ['VALIDATION_FAILED', 'validate'],
      ])
      expect(bench.mail.mails).toEqual([])
      await bench.restart()
      await bench.advance(HOUR)
      await bench.until('the mail is there', () => bench.mail.mails.length > 0)
      await bench.advance(HOUR)
      expect(bench.mail.mails.map(({ to, parsed }) => [to, parsed.subject])).toEqual([
        [['data-team@example.com'], '3 contacts need a look'],
      ])
      const text = String(bench.mail.mails[0]!.parsed.html)
      for (const { id } of letters) expect(text).toContain(id)
      expect(text).toContain('rules.consentGiven')
    })

    it('of a list with a thousand bad ones takes the good one, and has one report, a letter each, and one mail', async () => {
      const bench = await start(engine)
      const bad = Array.from({ length: 1000 }, (_, n) => ({ ...ada, partnerId: `b-${n}`, email: `nobody-${n}` }))
      const launch = { connector: 'partner-contacts', records: [...bad, ada] }
      const { run, events } = await bench.during(bench.operations.triggerList(launch))
      await bench.settled()
      expect(people(bench)).toEqual([['ada@analytical.example', 'Analyst']])
      const { flows } = await bench.during(bench.operations.triggerReport({ connector: 'partner-contacts', run }))
      expect([events, flows]).toEqual([
        1001,
        [{ flow: 'data-quality', done: 1, failed: 1000, skipped: 0, parked: 0, open: 0 }],
      ])
      await bench.advance(HOUR)
      await bench.until('the mail is there', () => bench.mail.mails.length > 0)
      expect(bench.mail.mails.map(({ parsed }) => parsed.subject)).toEqual(['1000 contacts need a look'])
    })

    describe('a contact that was refused', () => {
      it('goes through when a person corrects it, once, and its letter is closed', async () => {
        const bench = await start(engine)
        await deliver(bench, { ...ada, email: 'ada at analytical.example' })
        const [letter] = await bench.deadLetters()
        await bench.during(
          bench.operations.redriveDeadLetters({ ids: [letter!.id], set: { email: 'ada@analytical.example' } }),
        )
        await bench.settled()
        expect(people(bench)).toEqual([['ada@analytical.example', 'Analyst']])
        expect(await bench.deadLetters()).toEqual([])
      })

      it('goes through when it is delivered again in order, and leaves nothing double', async () => {
        const bench = await start(engine)
        await deliver(bench, { ...ada, email: 'ada' }, ada)
        expect(people(bench)).toEqual([['ada@analytical.example', 'Analyst']])
        expect(await bench.deadLetters()).toHaveLength(1)
      })

      it('names a company when it writes from a free-mail address', async () => {
        const bench = await start(engine)
        const { company: _, ...grace } = {
          ...ada,
          partnerId: 'p-5',
          email: 'grace@gmail.com',
          fullName: 'Grace Hopper',
        }
        await deliver(bench, grace)
        expect(await bench.deadLetters()).toMatchObject([{ message: expect.stringContaining('rules.companyKnown') }])
        await deliver(bench, { ...grace, company: 'Navy' })
        expect(people(bench)).toEqual([['grace@gmail.com', 'Analyst']])
        expect(bench.twenty.rows('companies')).toEqual([])
      })
    })
  })
}
