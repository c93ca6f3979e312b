import { afterEach, describe, expect, it } from 'vitest'
import type { SandboxTwentyOptions } from '../../../sandbox/twenty/server.ts'
import { createTwentyClient, type TwentyClient } from '../../../src/clients/twenty/client.ts'
import { withDeleted } from '../../../src/clients/twenty/filter.ts'
import type { TwentyObject } from '../../../src/clients/twenty/schema.ts'
import type { HttpRequest } from '../../../src/environment.ts'
import type { SyncError } from '../../../src/errors.ts'
import { localCoordinator } from '../../../src/state/local-coordinator.ts'
import { memoryState } from '../../../src/state/memory.ts'
import { type TwentyBench, twentyBench } from '../../support/twenty-bench.ts'
import { settle, VirtualClock } from '../../support/virtual-clock.ts'

let open: TwentyBench | undefined
afterEach(async () => {
  await open?.stop()
  open = undefined
})

async function start(sandbox?: SandboxTwentyOptions): Promise<TwentyBench> {
  open = await twentyBench({ ...(sandbox && { sandbox: { faults: { rateLimit: { enabled: false } }, ...sandbox } }) })
  return open
}

async function person(bench: TwentyBench): Promise<TwentyObject> {
  return (await bench.client.schemas.get()).object('person')
}

describe('field list', () => {
  it.each(['legacy', 'direct'] as const)('is read from the %s metadata answer', async metadataFormat => {
    const bench = await start({ faults: { rateLimit: { enabled: false }, versions: { metadataFormat } } })
    const schema = await bench.client.schemas.get()
    expect(schema.object('company')).toMatchObject({ plural: 'companies' })
    expect(schema.object('company').resolve('domainName')).toMatchObject({ path: 'domainName.primaryLinkUrl' })
    expect(schema.object('company').columns.get('accountOwnerId')).toMatchObject({ type: 'RELATION' })
    expect(schema.object('person').uniquePaths.map(at => at.path)).toEqual(['emails.primaryEmail'])
    expect(schema.object('opportunity').fields.get('stage')!.options).toContain('NEW')
    expect(schema.object('noteTarget').columns.has('targetPersonId')).toBe(true)
    expect(schema.object('person').columns.has('noteTargets')).toBe(false)
  })

  it('is shared through the state, so that a start without Twenty works', async () => {
    const bench = await start()
    await bench.client.schemas.get()
    bench.twenty.faults.http.failNext = 1000
    const another = createTwentyClient(bench.config, bench.context)
    expect((await another.schemas.get()).object('person').plural).toBe('people')
    const nowhere = createTwentyClient(bench.config, {
      ...bench.context,
      state: memoryState({ clock: bench.env.clock }),
    })
    await expect(nowhere.schemas.get()).rejects.toMatchObject({ kind: 'retryable' })
    expect(await nowhere.schemas.cached()).toBeUndefined()
  })

  it('is fetched once by all who ask at a time, and on demand at most once a minute', async () => {
    const bench = await start()
    await Promise.all([bench.client.schemas.get(), bench.client.schemas.get(), bench.client.schemas.refresh()])
    await bench.client.schemas.refreshOnDemand()
    expect(bench.twenty.calls).toHaveLength(1)
  })

  it('says which right is missing', async () => {
    const bench = await start()
    bench.twenty.faults.http.metadataForbidden = true
    await expect(bench.client.schemas.get()).rejects.toMatchObject({
      kind: 'fatal',
      code: 'TWENTY_AUTH',
      message: expect.stringContaining('Settings > Roles'),
    })
  })
})

describe('records', () => {
  it('pages through all rows, deleted ones where asked for', async () => {
    const bench = await start()
    const object = await person(bench)
    const rows = bench.twenty.seed(
      'people',
      Array.from({ length: 250 }, (_, at) => ({ jobTitle: String(at) })),
    )
    await bench.client.remove(object, [String(rows[0]!.id)])
    const first = await bench.client.find(object, {})
    const second = await bench.client.find(object, { after: first.next })
    expect([first.rows.length, second.rows.length, second.next]).toEqual([200, 49, undefined])
    expect(first.servedAt).toBeGreaterThan(Date.now() - 5000)
    const { rows: found } = await bench.client.find(object, { filter: withDeleted(`id[eq]:${rows[0]!.id}`) })
    expect(found).toHaveLength(1)
  })

  it.each(['delete', 'destroy'] as const)('reads the answer to a destroy under either key (%s)', async destroyKey => {
    const bench = await start()
    bench.twenty.faults.versions.destroyKey = destroyKey
    const [ada] = bench.twenty.seed('people', [{ jobTitle: 'x' }])
    expect(await bench.client.remove(await person(bench), [String(ada!.id)], { destroy: true })).toEqual([ada!.id])
  })

  it("learns the server's clock", async () => {
    const bench = await start()
    bench.twenty.faults.clock.skewMs = 60_000
    await bench.client.schemas.get()
    const { offsetMs, errorMs } = bench.client.clockOffset!
    expect(Math.abs(offsetMs - 60_000)).toBeLessThanOrEqual(errorMs)
  })

  it('an answer that is not of Twenty is said to be none', async () => {
    const bench = await start()
    const object = await person(bench)
    const elsewhere = createTwentyClient(bench.config, {
      ...bench.context,
      env: { ...bench.env, http: async () => ({ status: 200, headers: {}, body: Buffer.from('<html>') }) },
    })
    await expect(elsewhere.find(object, {})).rejects.toMatchObject({ code: 'INVALID_ANSWER', outcomeUnknown: false })
    await expect(elsewhere.create(object, [])).rejects.toMatchObject({ code: 'INVALID_ANSWER', outcomeUnknown: true })
  })
})

describe('errors', () => {
  it.each([
    [401, { messages: ['Token invalid'] }, 'fatal', 'TWENTY_AUTH'],
    [403, { messages: ['no'] }, 'fatal', 'TWENTY_AUTH'],
    [400, { code: 'PERMISSION_DENIED', messages: ['no'] }, 'fatal', 'TWENTY_AUTH'],
    [400, { messages: ['Entity performing the request does not have permission'] }, 'fatal', 'TWENTY_AUTH'],
    [402, { messages: ['quota'] }, 'fatal', 'TWENTY_QUOTA'],
    [404, { messages: ['Record not found'] }, 'rejected', 'TWENTY_NOT_FOUND'],
    [
      400,
      { messages: ['duplicate key value violates unique constraint "IDX_UNIQUE_1"'] },
      'rejected',
      'TWENTY_DUPLICATE',
    ],
    [400, { messages: ['A duplicate entry was detected'] }, 'rejected', 'TWENTY_DUPLICATE'],
    [400, { messages: ['limit "x" is invalid'] }, 'rejected', 'TWENTY_REFUSED'],
    [500, { messages: ['oops'] }, 'retryable', 'SERVER_ERROR'],
    [502, '<html>bad gateway</html>', 'retryable', 'SERVER_ERROR'],
  ])('%i %j is %s %s', async (status, body, kind, code) => {
    const { client } = scripted([{ status, body }])
    const error = await client.find(PERSON, {}).catch((thrown: SyncError) => thrown)
    expect(error).toMatchObject({ kind, code, status })
    // P9
    expect(JSON.stringify(error) + (error as SyncError).message).not.toContain('hidden-key')
  })
})

const PERSON = { name: 'person', plural: 'people', columns: new Map() } as unknown as TwentyObject

/** A client in virtual time whose answers are given one after the other; then all is well. */
function scripted(answers: { status: number; body?: unknown; headers?: Record<string, string> }[]) {
  const clock = new VirtualClock()
  const sent: HttpRequest[] = []
  const client: TwentyClient = createTwentyClient(
    { url: 'https://crm.example.com', apiKey: 'hidden-key' },
    {
      name: 'twenty',
      state: memoryState({ clock }),
      coordinator: localCoordinator({ clock }),
      env: {
        clock,
        random: () => 1,
        uuid: () => '',
        logger: undefined as never,
        http: async request => {
          sent.push(request)
          const { status, body, headers = {} } = answers.shift() ?? { status: 200, body: { data: { people: [] } } }
          return { status, headers, body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)) }
        },
      },
    },
  )
  return { clock, client, sent }
}

describe('P8: refusals for the rate', () => {
  const limited = { statusCode: 429, error: 'RATE_LIMITED', messages: ['slow'], limit: 50, windowSeconds: 60 }

  it.each([
    ['with Retry-After', { status: 429, body: limited, headers: { 'retry-after': '9' } }, 9000],
    ['with seconds in the body', { status: 429, body: { ...limited, retryAfterSeconds: 4 } }, 4000],
    [
      'with the time of the reset',
      {
        status: 429,
        body: {},
        headers: { 'x-ratelimit-reset': '1795514410', date: 'Tue, 24 Nov 2026 10:00:00 GMT' },
      },
      10_000,
    ],
    ['as a text', { status: 429, body: 'Limit reached (100 tokens per 60000 ms)' }, 2000],
    ['as a 400 with the text', { status: 400, body: { messages: ['Limit reached (100 tokens per 60000 ms)'] } }, 2000],
  ])('%s: waits, and sends the same call again', async (_, answer, waitMs) => {
    const { clock, client, sent } = scripted([answer])
    const found = client.find(PERSON, {})
    await clock.advance(waitMs - 1)
    expect(sent).toHaveLength(1)
    await clock.advance(1)
    expect(await found).toMatchObject({ rows: [] })
    expect(sent).toHaveLength(2)
  })

  it('hands a long wait to the runtime, and keeps everybody quiet until then', async () => {
    const { clock, client, sent } = scripted([{ status: 429, body: {}, headers: { 'retry-after': '3600' } }])
    await expect(client.find(PERSON, {})).rejects.toMatchObject({ code: 'RATE_LIMITED', retryAfterMs: 3_600_000 })
    await expect(client.find(PERSON, {})).rejects.toMatchObject({ code: 'RATE_LIMITED', kind: 'retryable' })
    expect(sent).toHaveLength(1)
    await clock.advance(3_600_000)
    expect(await client.find(PERSON, {})).toMatchObject({ rows: [] })
  })

  it('gives up after some tries', async () => {
    const { clock, client, sent } = scripted(Array(20).fill({ status: 429, body: '' }))
    const found = client.find(PERSON, {}).catch((error: SyncError) => error)
    await clock.advance(300_000)
    expect(await found).toMatchObject({ code: 'RATE_LIMITED' })
    expect(sent).toHaveLength(5)
  })

  it('passes no limit of the stand-in with its own defaults', async () => {
    const clock = new VirtualClock()
    open = await twentyBench({
      sandbox: { clock: { now: () => clock.now(), after: (ms: number, f: () => void) => clock.after(ms, f) } as never },
    })
    const { twenty } = open
    const client = createTwentyClient(
      { url: twenty.url, apiKey: twenty.apiKey },
      {
        ...open.context,
        coordinator: localCoordinator({ clock }),
        env: {
          ...open.env,
          clock,
          http: async ({ method, url, headers, body }) => {
            const path = new URL(url)
            const answer = twenty.handle({
              method,
              url: path.pathname + path.search,
              headers: headers ?? {},
              body: typeof body === 'string' ? body : '',
            })
            return { status: answer.status, headers: {}, body: Buffer.from(JSON.stringify(answer.body)) }
          },
        },
      },
    )
    twenty.faults.rateLimit.enabled = true
    const object = (await client.schemas.get()).object('person')
    const done = Promise.all(Array.from({ length: 400 }, () => client.find(object, { limit: 1 })))
    await clock.advance(300_000)
    await settle()
    await done
    expect(twenty.calls.filter(call => call.status !== 200)).toEqual([])
  })
})

it('stops asking a server that is down, and is back soon after it', async () => {
  const { clock, client, sent } = scripted(Array(6).fill({ status: 500, body: '' }))
  for (let at = 0; at < 5; at++) await client.find(PERSON, {}).catch(() => {})
  expect(client.breakerState).toBe('open')
  await expect(client.find(PERSON, {})).rejects.toMatchObject({ code: 'SYSTEM_UNAVAILABLE' })
  expect(sent).toHaveLength(5)
  await clock.advance(1000)
  await client.find(PERSON, {}).catch(() => {})
  await clock.advance(2000)
  expect(await client.find(PERSON, {})).toMatchObject({ rows: [] })
  expect(client.breakerState).toBe('closed')
})
