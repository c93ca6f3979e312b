import { describe, expect, it, onTestFinished } from 'vitest'
import { type SandboxNewsletter, type Subscriber, startSandboxNewsletter } from '../../sandbox/newsletter/server.ts'
import type { SandboxTwenty } from '../../sandbox/twenty/server.ts'
import { type UseCaseBench, type UseCaseOptions, useCaseBench } from '../support/use-case-bench.ts'
import type { UseCaseEngine } from '../support/use-case-engine.ts'

const ASK = { view: 'Newsletter', campaign: 'Spring 2027' }
const RUN = '20261124T100000Z-1a2b3c4d'
const LATER = '20261125T100000Z-1a2b3c4d'
const BATCH = '/v1/audiences/newsletter/subscribers/batch'

async function start(
  engine: UseCaseEngine,
  options: Partial<UseCaseOptions> = {},
): Promise<[UseCaseBench, SandboxNewsletter]> {
  const api = await startSandboxNewsletter({ random: () => 0.5 })
  onTestFinished(() => api.stop())
  const bench = await useCaseBench({
    engine,
    config: 'config/newsletter-audience.yaml',
    env: { NEWSLETTER_URL: api.url, NEWSLETTER_KEY: api.key },
    seed: twenty => seed(twenty, 12),
    // What is waited for is not the pace of the API.
    systems: { platform: { limits: {} } },
    ...options,
  })
  api.reset()
  return [bench, api]
}

const nameOf = (n: number) => `Person ${String(n).padStart(5, '0')}`
const emailOf = (n: number) => `person.${n}@example.com`

/** People, and a view of all who want the newsletter: those whose title is `Reader`. */
function seed(twenty: SandboxTwenty, count: number): void {
  const people = Array.from({ length: count }, (_, n) => ({
    name: { firstName: nameOf(n), lastName: 'Doe' },
    emails: { primaryEmail: emailOf(n) },
    jobTitle: 'Reader',
  }))
  twenty.seed('people', people)
  twenty.seed('people', [
    { name: { firstName: 'Other' }, emails: { primaryEmail: 'other@example.com' }, jobTitle: 'Cook' },
  ])
  twenty.addView({
    object: 'people',
    name: 'Newsletter',
    filters: [{ field: 'jobTitle', operand: 'CONTAINS', value: 'Reader' }],
  })
}

/** Launched by hand, as `trigger` does; the same run again is the same event. */
async function begin(bench: UseCaseBench, data: object = ASK, run = RUN): Promise<void> {
  const launch = { connector: 'newsletter', run, parameters: { ...data }, records: [{}] }
  await bench.during(bench.operations.triggerList(launch))
}

async function launch(bench: UseCaseBench, data: object = ASK, run?: string): Promise<void> {
  await begin(bench, data, run)
  await bench.settled()
}

const batches = (api: SandboxNewsletter) =>
  api.calls
    .filter(({ path, status }) => path === BATCH && status === 200)
    .map(({ body }) => JSON.parse(body).subscribers as { email: string }[])
const subscribers = (api: SandboxNewsletter): Subscriber[] => [...api.stores.subscribers.values()]
const campaigns = ({ twenty }: UseCaseBench) => twenty.rows('campaigns')
const mails = ({ mail }: UseCaseBench) => mail.mails.map(({ to, parsed }) => [to, parsed.subject, parsed.text?.trim()])

export function describeNewsletterAudience(engine: UseCaseEngine): void {
  describe(`newsletter audience on ${engine.name}`, () => {
    it('is subscribed, recorded in Twenty and mailed about, once (P3)', async () => {
      const [bench, api] = await start(engine)
      await launch(bench)
      expect(
        subscribers(api)
          .map(({ email }) => email)
          .sort(),
      ).toEqual(Array.from({ length: 12 }, (_, n) => emailOf(n)).sort())
      expect(api.stores.subscribers.get(`newsletter/${emailOf(3)}`)).toMatchObject({
        fields: { firstName: nameOf(3), lastName: 'Doe', jobTitle: 'Reader' },
        tags: ['Spring 2027'],
      })
      const [campaign] = [...api.stores.campaigns.values()]
      expect(campaigns(bench)).toMatchObject([
        { name: 'Spring 2027', externalId: campaign!.id, audience: 'newsletter', people: 12, subscribed: 12 },
      ])
      expect(mails(bench)).toEqual([
        [
          ['marketing@example.com'],
          'Spring 2027: 12 of 12 are subscribed',
          'View: Newsletter\nSubscribed: 12\nLeft out (no address, or unsubscribed): 0\nNot taken by the platform: 0',
        ],
      ])
      expect(await bench.deadLetters()).toEqual([])

      const before = [bench.snapshot(), campaigns(bench), structuredClone(subscribers(api))]
      await launch(bench)
      expect([bench.snapshot(), campaigns(bench), subscribers(api)]).toEqual(before)
      expect([batches(api).length, api.stores.campaigns.size]).toEqual([1, 1])
    })

    it('goes on where a restart cut it off', async () => {
      const [bench, api] = await start(engine, { seed: twenty => seed(twenty, 3000) })
      await begin(bench)
      await bench.until('the first are there, and the platform is away', () => {
        const { size } = api.stores.subscribers
        if (size > 0) Object.assign(api.faults, { errorRate: 1, failStatus: 503 })
        return size > 0
      })
      await bench.stop()
      const early = api.stores.subscribers.size
      api.faults.errorRate = 0
      await bench.start()
      expect(early).toBeLessThan(3000)
      expect(api.stores.subscribers.size).toBe(3000)
      expect(campaigns(bench)).toMatchObject([{ people: 3000, subscribed: 3000 }])
      expect([api.stores.campaigns.size, bench.mail.mails.length]).toEqual([1, 1])
    })

    it('is whoever the view shows at that time', async () => {
      const [bench, api] = await start(engine)
      await launch(bench)
      bench.user.create('people', { emails: { primaryEmail: 'new@example.com' }, jobTitle: 'Reader' })
      await launch(bench, { ...ASK, campaign: 'Summer 2027', audience: 'second' }, LATER)
      expect(api.stores.subscribers.get('second/new@example.com')).toMatchObject({ tags: ['Summer 2027'] })
      expect(campaigns(bench).map(({ name, people, audience }) => [name, people, audience])).toEqual([
        ['Spring 2027', 12, 'newsletter'],
        ['Summer 2027', 13, 'second'],
      ])
    })

    it('never has somebody back who has unsubscribed, and does not call that a failure', async () => {
      const [bench, api] = await start(engine)
      const gone = {
        id: 'x',
        audience: 'newsletter',
        email: emailOf(3),
        status: 'unsubscribed',
        fields: {},
        tags: [],
      } as const
      api.stores.subscribers.set(`newsletter/${emailOf(3)}`, gone)
      await launch(bench)
      await launch(bench, { ...ASK, campaign: 'Summer 2027' }, LATER)
      expect(api.stores.subscribers.get(`newsletter/${emailOf(3)}`)).toEqual(gone)
      expect(batches(api).map(({ length }) => length)).toEqual([12, 12])
      expect(await bench.deadLetters()).toEqual([])
      expect(campaigns(bench)).toMatchObject([
        { people: 12, subscribed: 11 },
        { people: 12, subscribed: 11 },
      ])
      expect(mails(bench)[0]![2]).toContain('Left out (no address, or unsubscribed): 1')
    })

    it('tries again alone whom the platform did not take this time', async () => {
      const [bench, api] = await start(engine)
      api.faults.failItemsNext = 3
      await launch(bench)
      const [all, again, ...more] = batches(api)
      expect([all!.length, more]).toEqual([12, []])
      expect(again).toEqual(all!.slice(0, 3))
      expect(subscribers(api)).toHaveLength(12)
      expect(campaigns(bench)).toMatchObject([{ people: 12, subscribed: 12 }])
    })

    it('leaves out whoever has no address, and keeps for a person whose address the platform refuses', async () => {
      const [bench, api] = await start(engine)
      bench.twenty.seed('people', [
        { name: { firstName: 'Nobody' }, jobTitle: 'Reader' },
        { name: { firstName: 'Odd' }, emails: { primaryEmail: 'odd@dead.example' }, jobTitle: 'Reader' },
      ])
      api.faults.deadDomain = 'dead.example'
      await launch(bench)
      expect(subscribers(api)).toHaveLength(12)
      expect(campaigns(bench)).toMatchObject([{ people: 14, subscribed: 12 }])
      expect(mails(bench)[0]![2]).toMatch(/Left out .*: 1\nNot taken by the platform: 1/)
      const [letter, ...others] = await bench.deadLetters()
      expect(others).toEqual([])
      expect(letter).toMatchObject({ code: 'ITEM_REFUSED', details: expect.stringContaining('odd@dead.example') })

      // Redriven, the item goes alone.
      await bench.during(bench.operations.redriveDeadLetters({ ids: [letter!.id] }))
      await bench.settled()
      expect(batches(api).map(({ length }) => length)).toEqual([13, 1])
      expect([campaigns(bench).length, bench.mail.mails.length]).toEqual([1, 1])
    })

    it.each([
      ['a rate limit', { failNext: 2, failStatus: 429, retryAfterSeconds: 3 }],
      ['a platform that fails', { failNext: 2, failStatus: 503 }],
      ['an answer that is lost', { loseAnswerNext: 1 }],
    ])('gets over %s', async (_, faults) => {
      const [bench, api] = await start(engine)
      Object.assign(api.faults, faults)
      await launch(bench)
      expect(subscribers(api)).toHaveLength(12)
      expect(campaigns(bench)).toMatchObject([{ people: 12, subscribed: 12 }])
      expect([api.stores.campaigns.size, bench.mail.mails.length]).toEqual([1, 1])
      expect(await bench.deadLetters()).toEqual([])
    })

    it('is not begun without a view, and says so where there is no such view', async () => {
      const [bench, api] = await start(engine)
      await expect(launch(bench, { campaign: 'x' })).rejects.toMatchObject({ code: 'BAD_PARAMETERS' })
      await launch(bench, { ...ASK, view: 'Nwsletter' })
      expect(await bench.deadLetters()).toMatchObject([{ message: expect.stringContaining('Nwsletter') }])
      expect([batches(api), campaigns(bench), bench.mail.mails]).toEqual([[], [], []])
    })

    it('of 5,000 leaves in full batches (P8), and what is stored of the run stays small', async () => {
      const [bench, api] = await start(engine, { seed: twenty => seed(twenty, 5000) })
      await begin(bench)
      const peak = { seen: 0, keys: 0, bytes: 0 }
      await bench.until('all are there', async () => {
        const { size } = api.stores.subscribers
        if (size > peak.seen) {
          const stored = [...(await bench.stored()).values()]
          const bytes = stored.reduce((sum, each) => sum + each, 0)
          Object.assign(peak, {
            seen: size,
            keys: Math.max(peak.keys, stored.length),
            bytes: Math.max(peak.bytes, bytes),
          })
        }
        return size === 5000
      })
      await bench.settled()
      // The pages of those under way, and the run: not what went before.
      expect(peak.keys).toBeLessThanOrEqual(12)
      expect(peak.bytes).toBeLessThan(JSON.stringify(bench.twenty.rows('people')).length / 2)
      const sizes = batches(api).map(({ length }) => length)
      expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(5000)
      expect(sizes.length).toBeLessThanOrEqual(20)
      expect(
        new Set(
          batches(api)
            .flat()
            .map(({ email }) => email),
        ).size,
      ).toBe(5000)
      expect(campaigns(bench)).toMatchObject([{ people: 5000, subscribed: 5000 }])
    })
  })
}
