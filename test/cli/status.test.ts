import { describe, expect, it } from 'vitest'
import { SyncError } from '../../src/errors.ts'
import type { StatusReport } from '../../src/runtime/operations.ts'
import { settle } from '../support/virtual-clock.ts'
import { CANARY, cli, FakeShell, fakeOperations } from './fake-shell.ts'

const REPORT: StatusReport = {
  running: true,
  startedAt: '2026-11-24T06:40:00.000Z',
  engine: 'embedded, one file in ./data',
  intake: 'http://127.0.0.1:8080',
  usage: { bytes: 12_900_000, limit: 1_073_741_824 },
  systems: [
    {
      name: 'twenty',
      type: 'twenty',
      url: 'https://api.twenty.com',
      ready: true,
      limiter: { available: 88, waiting: 12, blockedMs: 0 },
    },
    {
      name: 'billing',
      type: 'http',
      url: 'https://billing.example.com',
      ready: true,
      limiter: { available: 0, waiting: 3, blockedMs: 42_000 },
      breaker: 'open',
    },
    {
      name: 'mail',
      type: 'email',
      ready: false,
      reason: { code: 'CONNECTION_FAILED', message: 'cannot connect to mail.example.com:587 (ECONNREFUSED)' },
      nextTryAt: '2026-11-24T10:00:12.000Z',
    },
  ],
  connectors: [
    {
      name: 'lead-form',
      type: 'webhook',
      path: '/hooks/lead-form',
      objects: ['received'],
      received: 1204,
      dropped: { honeypot: 3 },
      refused: 17,
    },
    {
      name: 'twenty',
      type: 'twenty',
      path: '/hooks/twenty',
      objects: ['person', 'company'],
      received: 88,
      dropped: {},
      refused: 0,
      poll: { state: 'waiting', events: 2, lastEndedAt: Date.parse('2026-11-24T09:59:30.000Z') },
    },
  ],
  flows: [
    {
      name: 'web-form-leads',
      state: 'running',
      lag: 4,
      done: 1200,
      skipped: { duplicate: 30, filtered: 2 },
      deadLetters: 2,
      parked: 1,
      parkedNext: {
        at: '2026-11-24T10:04:00.000Z',
        code: 'RATE_LIMITED',
        message: 'twenty refused the call for its rate',
      },
      retried: 9,
      unclassified: 0,
      perSecond: 12.4,
      oldestUnfinishedAt: '2026-11-24T09:59:57.000Z',
    },
    {
      name: 'scoring',
      state: 'stopped',
      reason: { code: 'TWENTY_AUTH', message: `twenty: the API key ${CANARY} is refused` },
      nextTryAt: '2026-11-24T10:05:00.000Z',
      lag: 120_000,
      done: 0,
      skipped: {},
      deadLetters: 0,
      parked: 0,
      retried: 0,
      unclassified: 0,
      perSecond: 0,
    },
  ],
  syncs: [],
}

const operations = { status: async () => REPORT }

describe('status', () => {
  it('shows each system, connector and flow, and why something stands still', async () => {
    const { stdout, code } = await cli(['status'], { operations, tty: true })
    expect(stdout.text).toMatchInlineSnapshot(`
      "twenty-sync running for 3h 20m
      engine embedded, one file in ./data, 12.3 MiB of 1.0 GiB
      intake http://127.0.0.1:8080

      SYSTEMS
        NAME     TYPE    STATE         LIMITER                    ADDRESS
        twenty   twenty  ready         88 calls free, 12 waiting  https://api.twenty.com
        billing  http    breaker open  rests for 42s, 3 waiting   https://billing.example.com
        mail     email   not ready
            CONNECTION_FAILED: cannot connect to mail.example.com:587 (ECONNREFUSED); next try in 12s

      CONNECTORS
        NAME       TYPE     PATH              OBJECTS          RECEIVED  DROPPED  REFUSED  POLL
        lead-form  webhook  /hooks/lead-form  received            1,204        3       17
            dropped: 3 honeypot
        twenty     twenty   /hooks/twenty     person, company        88        0        0  30s ago

      FLOWS
        NAME            STATE    RATE      LAG  OLDEST  PARKED   DONE  SKIPPED  RETRIED  DEAD
        web-form-leads  running  12/s        4  3s           1  1,200       32        9     2
            parked: next try in 4m, after RATE_LIMITED: twenty refused the call for its rate
            skipped: 30 duplicate, 2 filtered
        scoring         stopped   0/s  120,000               0      0        0        0     0
            TWENTY_AUTH: twenty: the API key [redacted] is refused; next try in 5m
      "
    `)
    expect(code).toBe(0)
    expect(Math.max(...stdout.text.split('\n').map(line => line.length))).toBeLessThanOrEqual(100)
  })

  it('shows the runs of a poll that has a schedule', async () => {
    const at = (time: string) => Date.parse(`2026-11-24T${time}Z`)
    const run = { dueAt: at('06:00:00'), startedAt: at('09:00:00'), pages: 3, items: 1250, events: 12 }
    const polled = (name: string, poll: StatusReport['connectors'][number]['poll']) => ({
      name,
      type: 'http-poll',
      objects: ['usage'],
      received: 0,
      dropped: {},
      refused: 0,
      ...(poll && { poll }),
    })
    const connectors = [
      polled('done', {
        state: 'waiting',
        events: 12,
        nextAt: at('13:00:00'),
        runs: { last: { ...run, endedAt: at('09:00:04'), missed: 2 } },
      }),
      polled('slow', {
        state: 'failing',
        events: 0,
        nextAt: at('10:01:00'),
        error: { code: 'SERVER_ERROR', message: 'slow: GET https://slow.example.com answered 503' },
        runs: { current: { ...run, skipped: 1 } },
      }),
      polled('new', { state: 'waiting', events: 0, nextAt: at('11:00:00'), runs: {} }),
    ]
    const report = { ...REPORT, connectors, systems: [], flows: [] }
    const { stdout } = await cli(['status'], { operations: { status: async () => report } })
    expect(stdout.text.slice(stdout.text.indexOf('CONNECTORS'))).toMatchInlineSnapshot(`
      "CONNECTORS
        NAME  TYPE       OBJECTS  RECEIVED  DROPPED  REFUSED  POLL
        done  http-poll  usage           0        0        0  59m ago, next in 3h
            last run, in 4s: 3 pages, 1,250 items, 12 events
            it stands for 2 more that were due while nothing was running
        slow  http-poll  usage           0        0        0  failing
            run so far: 3 pages, 1,250 items, 12 events
            1 that were due while it went on were left out
            poll: SERVER_ERROR: slow: GET https://slow.example.com answered 503; next try in 1m
        new   http-poll  usage           0        0        0  next in 1h
      "
    `)
  })

  it('gives the report as it is with --json, without secrets (P9)', async () => {
    const { stdout, json } = await cli(['status', '--json'], { operations })
    expect(json).toMatchObject({ running: true, flows: [{ name: 'web-form-leads' }, { name: 'scoring' }] })
    expect(stdout.text).not.toContain(CANARY)
  })

  it('says so when nothing runs', async () => {
    const stored = { ...REPORT, running: false, startedAt: undefined, intake: undefined, connectors: [], systems: [] }
    const flows = REPORT.flows.map(flow => ({ ...flow, state: 'not running' as const, reason: undefined, skipped: {} }))
    const { stdout } = await cli(['status'], { operations: { status: async () => ({ ...stored, flows }) } })
    expect(stdout.text).toMatchInlineSnapshot(`
      "twenty-sync not running; this is what is stored
      engine embedded, one file in ./data, 12.3 MiB of 1.0 GiB

      FLOWS
        NAME            STATE            LAG  OLDEST  PARKED  DEAD
        web-form-leads  not running        4  3s           1     2
            parked: next try in 4m, after RATE_LIMITED: twenty refused the call for its rate
        scoring         not running  120,000               0     0
      "
    `)
  })

  it('shows a fresh picture again and again with --watch, until a signal', async () => {
    const shell = new FakeShell({ operations })
    const done = shell.run('status', '--watch', '5', '--json')
    await settle(20)
    await shell.clock.advance(5000)
    await settle(20)
    await shell.clock.advance(5000)
    await settle(20)
    expect(shell.lines).toHaveLength(3)
    shell.send('SIGINT')
    expect(await done).toBe(0)
  })

  it('goes on watching while a daemon comes and goes', async () => {
    let asked = 0
    const shell = new FakeShell({
      backend: {
        async openOffline() {
          if (++asked === 2) throw new SyncError('fatal', 'FOLDER_LOCKED', 'a daemon is starting')
          return { operations: fakeOperations(operations), close: async () => {} }
        },
      },
    })
    const done = shell.run('status', '--watch', '--json')
    await settle(20)
    await shell.clock.advance(4000)
    await settle(20)
    shell.send('SIGINT')
    expect(await done).toBe(0)
    expect(shell.lines).toMatchObject([{ running: true }, { error: { code: 'FOLDER_LOCKED' } }, { running: true }])
  })

  it('uses colours on a terminal unless NO_COLOR is set', async () => {
    const variables = { NO_COLOR: '' }
    expect((await cli(['status'], { operations, tty: true, variables })).stdout.text).toContain('\u001b[32m')
    expect((await cli(['status'], { operations, variables })).stdout.text).not.toContain('\u001b')
    expect((await cli(['status'], { operations, tty: true })).stdout.text).not.toContain('\u001b')
  })
})
