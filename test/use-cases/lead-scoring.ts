import { describe, expect, it, onTestFinished } from 'vitest'
import { type SandboxScoring, startSandboxScoring } from '../../sandbox/scoring/server.ts'
import { type UseCaseBench, type UseCaseOptions, useCaseBench } from '../support/use-case-bench.ts'
import type { UseCaseEngine } from '../support/use-case-engine.ts'

async function start(
  engine: UseCaseEngine,
  options: Partial<UseCaseOptions> = {},
): Promise<[UseCaseBench, SandboxScoring]> {
  const api = await startSandboxScoring()
  onTestFinished(() => api.stop())
  const env = { SCORING_URL: api.url, SCORING_KEY: api.key }
  const seed: UseCaseOptions['seed'] = twenty => {
    const owner = twenty.members.find(({ userEmail }) => userEmail === 'rep@example.com')!
    twenty.seed('companies', [
      { id: COMPANY, name: 'Northwind', employees: 1200, industry: 'Logistics', accountOwnerId: owner.id },
    ])
    twenty.seed('people', [{ id: GRACE, ...grace, companyId: COMPANY }])
  }
  const bench = await useCaseBench({ engine, config: 'config/lead-scoring.yaml', env, seed, ...options })
  return [bench, api]
}

const COMPANY = '11111111-1111-4111-8111-111111111111'
const GRACE = '22222222-2222-4222-8222-222222222222'
const grace = {
  name: { firstName: 'Grace', lastName: 'Hopper' },
  emails: { primaryEmail: 'grace@northwind.example' },
}
const personOf = ({ twenty }: UseCaseBench) => twenty.rows('people').find(({ id }) => id === GRACE)!
const asked = (api: SandboxScoring) => api.calls.filter(({ path }) => path === '/v1/scores')
const subjects = ({ mail }: UseCaseBench) => mail.mails.map(({ to, parsed }) => `${to}: ${parsed.subject}`)

async function edit(bench: UseCaseBench, values: Record<string, unknown>): Promise<void> {
  bench.user.update('people', GRACE, values)
  await bench.settled()
}

export function describeLeadScoring(engine: UseCaseEngine): void {
  describe(`lead scoring on ${engine.name}`, () => {
    it('counts points, writes them back with the reason, and mails the owner of a hot lead, once (P3)', async () => {
      const [bench, api] = await start(engine)
      await edit(bench, { jobTitle: 'Director', websiteVisits: 3 })
      expect(personOf(bench)).toMatchObject({ leadScore: 86, leadBand: 'hot' })
      expect(personOf(bench).leadReason).toBe(
        'large company +30, industry that we know +20, decides +30, visits the website +6',
      )
      expect(subjects(bench)).toEqual(['rep@example.com: Grace Hopper is a hot lead'])
      // Of the service: 40 for the title, 30 for the company, 5 for being there.
      expect(personOf(bench)).toMatchObject({ predictedScore: 75, predictedGrade: 'B' })
      expect(bench.twenty.rows('tasks')).toEqual([])

      const before = bench.snapshot()
      // What was done is known to the next process, too.
      await bench.restart()
      await bench.redeliver('person.updated')
      expect(bench.snapshot()).toEqual(before)
      expect(asked(api).length).toBe(1)
      expect(await bench.deadLetters()).toEqual([])
    })

    it('does not score again because of a score that was written back (P6)', async () => {
      const [bench, api] = await start(engine)
      await edit(bench, { jobTitle: 'Director' })
      expect(asked(api).length).toBe(1)
      // One update by a person, and one write of each flow, of which each flow sees the other's.
      expect(bench.writes().length).toBe(2)
      const { 'lead-score': own, 'predicted-score': predicted } = await bench.counts()
      for (const flow of [own, predicted])
        expect(flow).toMatchObject({ done: 1, skipped: { 'own write': 1, 'filtered: what-counts-has-changed': 1 } })
    })

    it('does not score for a change that does not count', async () => {
      const [bench, api] = await start(engine)
      await edit(bench, { avatarUrl: 'https://example.com/grace.png' })
      expect([asked(api).length, bench.writes().length]).toEqual([0, 0])
    })

    it('says once that a lead became hot, and again only after it had cooled down', async () => {
      const [bench] = await start(engine)
      // At 80 it is hot no more, and has not cooled down either.
      for (const websiteVisits of [2, 15, 0, 12]) await edit(bench, { jobTitle: 'Director', websiteVisits })
      expect(subjects(bench).length).toBe(1)
      await edit(bench, { jobTitle: 'Clerk' })
      expect(personOf(bench)).toMatchObject({ leadScore: 70, leadBand: 'warm' })
      await edit(bench, { websiteVisits: 1 })
      await edit(bench, { jobTitle: 'Director', websiteVisits: 15 })
      expect(subjects(bench).length).toBe(2)
    })

    it('makes a task when the service thinks highly of somebody, once', async () => {
      const [bench, api] = await start(engine)
      api.stores.scores.set('grace@northwind.example', 92)
      await edit(bench, { websiteVisits: 11 })
      await edit(bench, { websiteVisits: 12 })
      expect(personOf(bench)).toMatchObject({ predictedScore: 92, predictedGrade: 'A' })
      expect(bench.twenty.rows('tasks')).toMatchObject([{ title: 'Call grace@northwind.example' }])
      expect(bench.twenty.rows('taskTargets')).toMatchObject([{ targetPersonId: GRACE }])
    })

    it('scores somebody without company, title and visits', async () => {
      const [bench] = await start(engine)
      const { id } = bench.user.create('people', { emails: { primaryEmail: 'nobody@nowhere.example' } })
      await bench.settled()
      const row = bench.twenty.rows('people').find(each => each.id === id)
      expect(row).toMatchObject({ leadScore: 0, leadBand: 'cold', predictedScore: 5, predictedGrade: 'C' })
      expect(await bench.deadLetters()).toEqual([])
    })

    it('asks the service again when it is busy, slow or its answer is lost', async () => {
      const [bench, api] = await start(engine, { systems: { scoring: { timeout: '1s' } } })
      Object.assign(api.faults, { failNext: 1, failStatus: 429, retryAfterSeconds: 3, loseAnswerNext: 1, holdNext: 1 })
      await edit(bench, { jobTitle: 'Director' })
      expect(asked(api).map(({ status }) => status)).toEqual([429, 0, 0, 200])
      expect(personOf(bench)).toMatchObject({ predictedScore: 75 })
      expect(await bench.deadLetters()).toEqual([])
    })
  })
}
