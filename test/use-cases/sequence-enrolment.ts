import { describe, expect, it, onTestFinished } from 'vitest'
import { type SandboxSequences, startSandboxSequences } from '../../sandbox/sequences/server.ts'
import { type UseCaseBench, type UseCaseOptions, useCaseBench } from '../support/use-case-bench.ts'
import type { UseCaseEngine } from '../support/use-case-engine.ts'

async function start(
  engine: UseCaseEngine,
  options: Partial<UseCaseOptions> = {},
): Promise<[UseCaseBench, SandboxSequences]> {
  const api = await startSandboxSequences()
  onTestFinished(() => api.stop())
  const env = { SEQUENCES_URL: api.url, SEQUENCES_KEY: api.key }
  const bench = await useCaseBench({ engine, config: 'config/sequence-enrolment.yaml', env, ...options })
  return [bench, api]
}

const grace = {
  name: { firstName: 'Grace', lastName: 'Hopper' },
  jobTitle: 'Director of Research',
  emails: { primaryEmail: 'grace@navy.example' },
}
const personOf = ({ twenty }: UseCaseBench) => twenty.rows('people')[0]!
const asked = (api: SandboxSequences) => api.calls.filter(({ method }) => method === 'POST')
const enrolments = (api: SandboxSequences) => [...api.stores.enrolments.values()]

export function describeSequenceEnrolment(engine: UseCaseEngine): void {
  describe(`sequence enrolment on ${engine.name}`, () => {
    it('enrols a new person in the sequence that fits, writes it back and makes a task, once (P3)', async () => {
      const [bench, api] = await start(engine)
      bench.user.create('people', grace)
      await bench.settled()
      const [enrolment] = enrolments(api)
      expect(enrolment).toMatchObject({ sequence: 'executives', email: 'grace@navy.example' })
      expect(enrolment?.fields).toEqual({ firstName: 'Grace', lastName: 'Hopper', crmId: personOf(bench).id })
      expect(personOf(bench)).toMatchObject({ emailSequence: 'executives', emailSequenceStatus: 'active' })
      expect(Date.parse(String(personOf(bench).emailSequenceStartedAt))).toBe(Date.parse(enrolment!.enrolledAt))
      expect(bench.twenty.rows('tasks')).toMatchObject([{ title: 'Watch the answers of grace@navy.example' }])
      expect(bench.twenty.rows('taskTargets')).toMatchObject([{ targetPersonId: personOf(bench).id }])

      const before = bench.snapshot()
      // What was done is known to the next process, too.
      await bench.restart()
      await bench.redeliver('person.created')
      expect(bench.snapshot()).toEqual(before)
      expect(asked(api).length).toBe(1)
      expect(await bench.deadLetters()).toEqual([])
    })

    it.each([
      ['Engineer', 'practitioners'],
      ['VP Sales', 'executives'],
      [undefined, 'newcomers'],
    ])('chooses by the job: %s', async (jobTitle, sequence) => {
      const [bench, api] = await start(engine)
      bench.user.create('people', { ...grace, jobTitle })
      await bench.settled()
      expect(enrolments(api)).toMatchObject([{ sequence }])
    })

    it('writes down where somebody is enrolled already, and makes no task', async () => {
      const [bench, api] = await start(engine)
      const known = { id: 'e1', sequence: 'newcomers', email: 'grace@navy.example', status: 'active' as const }
      api.stores.enrolments.set('e1', { ...known, enrolledAt: '2026-10-01T08:00:00.000Z', fields: {} })
      bench.user.create('people', grace)
      await bench.settled()
      expect(personOf(bench)).toMatchObject({ emailSequence: 'newcomers', emailSequenceStatus: 'active' })
      expect([enrolments(api).length, bench.twenty.rows('tasks').length]).toEqual([1, 0])
      expect(await bench.deadLetters()).toEqual([])
    })

    it('passes over people without an address, and those with a mailbox that anybody can have', async () => {
      const [bench, api] = await start(engine)
      bench.user.create('people', { name: grace.name, jobTitle: 'Director' })
      bench.user.create('people', { ...grace, emails: { primaryEmail: 'grace@gmail.com' } })
      await bench.settled()
      expect([asked(api).length, bench.writes().length]).toEqual([0, 0])
      const skipped = { 'filtered: has-email': 1, 'filtered: has-business-address': 1 }
      expect((await bench.counts())['enrol-person']?.skipped).toEqual(skipped)
      expect(await bench.deadLetters()).toEqual([])
    })

    it('keeps what the platform does not take for an address, with the reason (P2)', async () => {
      const [bench] = await start(engine)
      bench.user.create('people', { ...grace, emails: { primaryEmail: 'gr/ace@navy.example' } })
      await bench.settled()
      const [letter] = await bench.deadLetters()
      expect(letter).toMatchObject({ flow: 'enrol-person', step: 'enrol', code: 'REQUEST_REFUSED' })
      expect(bench.writes()).toEqual([])
    })

    it.each([
      ['a rate limit', { failNext: 1, failStatus: 429, retryAfterSeconds: 3 }],
      ['an answer that is lost', { loseAnswerNext: 1 }],
      ['a connection that drops', { resetNext: 1 }],
      ['an answer that takes too long', { holdNext: 1 }],
    ])('enrols once over %s, and takes it for new (P3)', async (_, faults) => {
      const [bench, api] = await start(
        engine,
        'holdNext' in faults ? { systems: { sequences: { timeout: '1s' } } } : {},
      )
      Object.assign(api.faults, faults)
      bench.user.create('people', grace)
      await bench.settled()
      expect([asked(api).length, enrolments(api).length]).toEqual([2, 1])
      expect(new Set(asked(api).map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1)
      expect(bench.twenty.rows('tasks').length).toBe(1)
    })
  })
}
