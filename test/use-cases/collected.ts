import { describe, expect, it, onTestFinished } from 'vitest'
import { startSandboxNewsletter } from '../../sandbox/newsletter/server.ts'
import { useCaseBench } from '../support/use-case-bench.ts'
import type { UseCaseEngine } from '../support/use-case-engine.ts'

const WINDOW_MS = 900_000
const PEOPLE = { connector: 'twenty', object: 'person', action: 'updated' }
const RUN = '20261124T100000Z-1a2b3c4d'
const idOf = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`
const emailOf = (n: number) => `person.${n}@example.com`

export function describeCollected(engine: UseCaseEngine): void {
  describe(`a flow that collects on ${engine.name}`, () => {
    it('makes one batch of 50 of 1,000 edits of 50 people, over a restart, however often they are told (P2, P3, P8)', async () => {
      const api = await startSandboxNewsletter()
      onTestFinished(() => api.stop())
      const bench = await useCaseBench({
        engine,
        config: 'test/use-cases/config/collected.yaml',
        env: { NEWSLETTER_URL: api.url, NEWSLETTER_KEY: api.key },
      })
      const edits = async (from: number) => {
        const records = Array.from({ length: 500 }, (_, n) => ({
          id: idOf(n % 50),
          emails: { primaryEmail: emailOf(n % 50) },
          jobTitle: `Title ${from + n}`,
        }))
        await bench.during(bench.operations.triggerList({ ...PEOPLE, run: RUN, from, records }))
        await bench.settled()
      }
      await edits(0)
      await bench.restart()
      for (const from of [500, 500]) await edits(from)
      expect(api.calls).toEqual([])
      await bench.advance(WINDOW_MS + 5000)
      const batches = () =>
        api.calls.map(({ body }) => JSON.parse(body).subscribers as { email: string; fields: object }[])
      expect(batches().map(({ length }) => length)).toEqual([50])
      const titles = batches()[0]!.map(({ email, fields }) => [email, fields])
      expect(titles.sort()).toEqual(
        Array.from({ length: 50 }, (_, n) => [emailOf(n), { jobTitle: `Title ${950 + n}` }]).sort(),
      )
      expect(await bench.deadLetters()).toEqual([])
    })
  })
}
