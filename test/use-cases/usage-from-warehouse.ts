import { describe, expect, it, onTestFinished } from 'vitest'
import { type SandboxWarehouse, startSandboxWarehouse, type Usage } from '../../sandbox/warehouse/server.ts'
import { type UseCaseBench, type UseCaseOptions, useCaseBench } from '../support/use-case-bench.ts'
import type { UseCaseEngine } from '../support/use-case-engine.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

/** Ten seconds before six in Berlin. */
const EARLY = Date.parse('2026-11-24T04:59:50Z')
/** Mornings that come every minute, where many are needed. */
const OFTEN = { systems: { warehouse: { schedule: '* * * * *' } } }
const OFTEN_MS = 60_000
const COMPANIES = ['northwind', 'corner-shop', 'mill', 'forge']

async function start(
  engine: UseCaseEngine,
  options: Partial<UseCaseOptions> = {},
): Promise<[UseCaseBench, SandboxWarehouse]> {
  const clock = new VirtualClock(EARLY)
  const api = await startSandboxWarehouse({ now: () => clock.now() })
  onTestFinished(() => api.stop())
  const bench = await useCaseBench({
    engine,
    config: 'config/usage-from-warehouse.yaml',
    clock,
    env: {
      WAREHOUSE_URL: api.url,
      WAREHOUSE_CLIENT_ID: api.clientId,
      WAREHOUSE_CLIENT_SECRET: api.clientSecret,
    },
    seed: twenty => {
      twenty.seed(
        'companies',
        COMPANIES.map(name => ({ name, domainName: { primaryLinkUrl: `${name}.example` } })),
      )
    },
    ...options,
  })
  return [bench, api]
}

function usage(api: SandboxWarehouse, account: string, domain: string | null, users: number, at: string): void {
  const row: Usage = {
    account_id: account,
    domain,
    month: '2026-11',
    active_users: users,
    events: users * 10,
    revenue: '10.50',
    currency: 'EUR',
    updated_at: at,
  }
  api.stores.usage.set(account, row)
}

/** The run of a morning, and all that comes of it. */
const firstMorning = (bench: UseCaseBench) => bench.advance(60_000)
const nextMorning = (bench: UseCaseBench) => bench.advance(OFTEN_MS)
const company = ({ twenty }: UseCaseBench, name: string) => twenty.rows('companies').find(row => row.name === name)!
const tasks = ({ twenty }: UseCaseBench) => twenty.rows('tasks').map(({ title }) => title)
const pages = (api: SandboxWarehouse) =>
  api.calls
    .filter(({ path }) => path === '/v1/usage')
    .map(({ query, status }) => [new URLSearchParams(query), status] as const)

export function describeUsageFromWarehouse(engine: UseCaseEngine): void {
  describe(`usage from the warehouse on ${engine.name}`, () => {
    it('updates the companies in the morning, and makes a task of a fall, once (P3)', async () => {
      const [bench, api] = await start(engine, OFTEN)
      await firstMorning(bench)
      expect(company(bench, 'northwind')).toMatchObject({
        activeUsers: 240,
        usageRevenue: { amountMicros: 12_400_500_000, currencyCode: 'EUR' },
        usageMonth: '2026-11',
        usageUpdatedAt: '2026-11-20T02:00:00.000Z',
      })
      expect(company(bench, 'corner-shop')).toMatchObject({ activeUsers: 3 })
      expect(tasks(bench)).toEqual(['Usage fell: corner-shop.example'])
      expect(bench.twenty.rows('taskTargets')).toMatchObject([{ targetCompanyId: company(bench, 'corner-shop').id }])

      // The same rows again, as the overlap of the next run gives them.
      const before = bench.snapshot()
      await nextMorning(bench)
      expect(pages(api).map(([query]) => query.get('updated_since'))).toEqual([null, '2026-11-21T01:00:00.000Z'])
      expect(bench.snapshot()).toEqual(before)
      expect(await bench.deadLetters()).toEqual([])
    })

    it('comes at six by the clock of the office', async () => {
      const [bench, api] = await start(engine)
      await bench.advance(5000)
      expect(pages(api)).toEqual([])
      await bench.advance(10_000)
      expect(pages(api)).toHaveLength(1)
    })

    it('makes one task per fall: none while it stays low or hovers at the line, another when it falls again', async () => {
      const [bench, api] = await start(engine, OFTEN)
      await firstMorning(bench)
      for (const [day, users] of [12, 19, 21, 18, 30, 5].entries()) {
        usage(api, 'acc-1', 'northwind.example', users, `2026-11-${24 + day}T02:00:00Z`)
        await nextMorning(bench)
      }
      expect(company(bench, 'northwind')).toMatchObject({ activeUsers: 5 })
      expect(tasks(bench).filter(title => title === 'Usage fell: northwind.example')).toHaveLength(2)
    })

    it('goes on at the page that failed, and takes no row twice', async () => {
      const [bench, api] = await start(engine)
      Object.assign(api.faults, { pageLimit: 1, failPageAfter: 1, failStatus: 500 })
      usage(api, 'acc-3', 'mill.example', 50, '2026-11-22T02:00:00Z')
      await firstMorning(bench)
      expect(pages(api).map(([query, status]) => [query.get('cursor'), status])).toEqual([
        [null, 200],
        ['1', 500],
        ['1', 200],
        ['2', 200],
      ])
      expect(['northwind', 'corner-shop', 'mill'].map(name => company(bench, name).activeUsers)).toEqual([240, 3, 50])
      expect((await bench.counts())['usage-from-warehouse']).toMatchObject({ done: 3 })
    })

    it('keeps an account whose company is not there, with the reason, until it is', async () => {
      const [bench, api] = await start(engine)
      usage(api, 'acc-3', 'newcomer.example', 50, '2026-11-22T02:00:00Z')
      await firstMorning(bench)
      const [letter, ...others] = await bench.deadLetters()
      expect(others).toEqual([])
      expect(letter).toMatchObject({ code: 'MATCH_NOT_FOUND', event: { data: { account_id: 'acc-3' } } })
      expect(company(bench, 'northwind')).toMatchObject({ activeUsers: 240 })

      bench.user.create('companies', { name: 'newcomer', domainName: { primaryLinkUrl: 'newcomer.example' } })
      await bench.during(bench.operations.redriveDeadLetters({ ids: [letter!.id] }))
      await bench.settled()
      expect(company(bench, 'newcomer')).toMatchObject({ activeUsers: 50 })
      expect(await bench.deadLetters()).toEqual([])
    })

    it('goes on with the others however many accounts have no company', async () => {
      const [bench, api] = await start(engine)
      for (let n = 0; n < 30; n++) usage(api, `free-${n}`, `free-${n}.example`, 1, '2026-11-22T02:00:00Z')
      usage(api, 'last', 'mill.example', 50, '2026-11-22T02:00:00Z')
      await bench.advance(20_000)
      expect(company(bench, 'mill')).toMatchObject({ activeUsers: 50 })
      expect(new Set((await bench.deadLetters()).map(({ code }) => code))).toEqual(new Set(['MATCH_NOT_FOUND']))
      expect(await bench.deadLetters()).toHaveLength(30)
      expect(bench.warnings).toEqual([])
    })

    it('guesses nothing where two companies match', async () => {
      const [bench] = await start(engine, {
        // Servers of before kept domains as URLs, and took two of one host.
        seed: twenty => {
          twenty.faults.versions.domainAs = 'url'
          const urls = ['https://northwind.example', 'http://northwind.example', 'https://corner-shop.example']
          twenty.seed(
            'companies',
            urls.map(url => ({ name: url, domainName: { primaryLinkUrl: url } })),
          )
        },
      })
      await firstMorning(bench)
      expect(await bench.deadLetters()).toMatchObject([
        { code: 'AMBIGUOUS_MATCH', event: { data: { account_id: 'acc-1' } } },
      ])
      expect(bench.twenty.rows('companies').map(({ activeUsers }) => activeUsers)).toEqual([null, null, 3])
    })

    it('reads numbers that are text, and keeps what is no number with its reason', async () => {
      const [bench, api] = await start(engine)
      api.faults.numbersAsText = true
      usage(api, 'acc-3', 'mill.example', 'many' as never, '2026-11-22T02:00:00Z')
      usage(api, 'acc-4', null, 7, '2026-11-22T02:00:00Z')
      await firstMorning(bench)
      expect(company(bench, 'northwind')).toMatchObject({
        activeUsers: 240,
        usageRevenue: { amountMicros: 12_400_500_000 },
      })
      expect(tasks(bench)).toEqual(['Usage fell: corner-shop.example'])
      const letters = await bench.deadLetters()
      const reasons = letters.map(({ code, message, event }) => [event.data.account_id, code, message])
      expect(reasons.sort()).toEqual([
        ['acc-3', 'VALIDATION_FAILED', expect.stringContaining('active_users')],
        ['acc-4', 'VALIDATION_FAILED', expect.stringContaining('domain')],
      ])
      expect(company(bench, 'mill')).toMatchObject({ activeUsers: null })
    })

    it('leaves a run out that is due while the one before is still going', async () => {
      const [bench, api] = await start(engine, OFTEN)
      Object.assign(api.faults, { errorRate: 1, failStatus: 503 })
      await nextMorning(bench)
      await nextMorning(bench)
      api.faults.errorRate = 0
      const runs = async () =>
        (await bench.operations.status()).connectors.find(({ name }) => name === 'warehouse')?.poll?.runs
      await bench.until('the run has ended', async () => (await runs())?.last !== undefined)
      expect((await runs())!.last!.skipped).toBeGreaterThan(0)
      await bench.settled()
      expect(['northwind', 'corner-shop'].map(name => company(bench, name).activeUsers)).toEqual([240, 3])
      expect(tasks(bench)).toHaveLength(1)
    })

    it('fetches a new token when the old one is refused', async () => {
      const [bench, api] = await start(engine, OFTEN)
      await firstMorning(bench)
      api.stores.tokens.clear()
      usage(api, 'acc-1', 'northwind.example', 250, '2026-11-24T08:00:00Z')
      await nextMorning(bench)
      expect(company(bench, 'northwind')).toMatchObject({ activeUsers: 250 })
    })
  })
}
