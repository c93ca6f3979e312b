import { describe, expect, it } from 'vitest'
import type { LogConfig } from '../../src/config/config.ts'
import { SyncError } from '../../src/errors.ts'
import type { EventStory, EventSummary, Operations } from '../../src/runtime/operations.ts'
import { settle } from '../support/virtual-clock.ts'
import { CANARY, cli, FakeShell } from './fake-shell.ts'

const CREATED: EventSummary = {
  topic: 'twenty-sync.twenty.person',
  partition: 3,
  offset: 1523,
  appendedAt: '2026-11-24T09:58:00.120Z',
  id: '3f2a9c1e-4b21-5d0e-8a11-0c9d8e7f6a5b',
  type: 'person.created',
  subject: 'person/4444aaaa-0000-4000-8000-000000000001',
  time: '2026-11-24T09:58:00.000Z',
}
const UPDATED: EventSummary = {
  ...CREATED,
  id: '3f2a9c1e-ffff-5d0e-8a11-0c9d8e7f6a5b',
  offset: 1524,
  type: 'person.updated',
  appendedAt: '2026-11-24T09:59:48.000Z',
  changed: ['name', 'city'],
}
const HOSTILE: EventSummary = { ...UPDATED, id: 'evt_1', subject: 'form/\u001b[2J\nforged line', changed: undefined }

describe('events list', () => {
  it('lists the newest, with ids as short as they can be', async () => {
    const { stdout, code } = await cli(['events', 'list'], {
      operations: { listEvents: async () => [CREATED, UPDATED] },
      tty: true,
    })
    expect(stdout.text).toMatchInlineSnapshot(`
      "ID          CAME IN  TYPE            SUBJECT                   CHANGED     PLACE
      3f2a9c1e-4  1m ago   person.created  person/4444aaaa-0000-40…              twenty-sync.twenty.perso…
      3f2a9c1e-f  12s ago  person.updated  person/4444aaaa-0000-40…  name, city  twenty-sync.twenty.perso…
      "
    `)
    expect(code).toBe(0)
  })

  it('hands over topic, limit, position and expression', async () => {
    const asked: unknown[] = []
    const listEvents: Operations['listEvents'] = async query => {
      asked.push(query)
      return []
    }
    const run = (...args: string[]) => cli(['events', 'list', '--json', ...args], { operations: { listEvents } })
    await run('--topic', 'twenty.person', '--limit', '5', '--where', "data.city == 'Paris'", '--from', '2h')
    await run('--from', '0:1500,3:7')
    await run('--from', '2026-11-01T00:00:00Z')
    expect(asked).toEqual([
      {
        topic: 'twenty.person',
        limit: 5,
        where: "data.city == 'Paris'",
        from: { time: Date.parse('2026-11-24T08:00:00.000Z') },
      },
      { limit: 20, from: { offsets: { 0: 1500, 3: 7 } } },
      { limit: 20, from: { time: Date.parse('2026-11-01T00:00:00.000Z') } },
    ])
  })

  it('refuses a position that is none', async () => {
    const { code, stderr } = await cli(['events', 'list', '--from', '5'], { operations: {} })
    expect(code).toBe(2)
    expect(stderr.text).toContain('--from "5" is no position')
  })

  it('keeps what comes from outside from steering the terminal', async () => {
    const operations = { listEvents: async () => [HOSTILE] }
    const { stdout } = await cli(['events', 'list'], { operations, tty: true })
    expect(stdout.text).not.toContain('\u001b')
    expect(stdout.text.trimEnd().split('\n')).toHaveLength(2)
  })

  it('shows no part of a secret either, where a cell is cut (P9)', async () => {
    const subject = `form/${'x'.repeat(8)}${CANARY}${'x'.repeat(60)}`
    const { stdout } = await cli(['events', 'list'], {
      operations: { listEvents: async () => [{ ...CREATED, subject }] },
      tty: true,
      columns: 80,
    })
    expect(stdout.text).toContain('…')
    expect(stdout.text).not.toMatch(/canary/)
  })
})

const STORY: EventStory = {
  ...UPDATED,
  data: { id: '4444', name: { firstName: 'Ada' }, city: 'Paris', note: CANARY },
  extensions: { causeflow: 'web-form-leads' },
  flows: [
    {
      flow: 'enrichment',
      outcome: 'done',
      at: '2026-11-24T09:59:50.000Z',
      steps: [
        { step: 'find-company' },
        { step: 'update-person', wrote: 'person/4444aaaa-0000-4000-8000-000000000001' },
        { step: 'create-task', skipped: '`when` was false' },
      ],
    },
    { flow: 'welcome-note', outcome: 'not taken', reason: 'reads only created', steps: [] },
    {
      flow: 'scoring',
      outcome: 'parked',
      at: '2026-11-24T10:04:00.000Z',
      reason: 'RATE_LIMITED scoring refused the call for its rate',
      steps: [{ step: 'request-score', open: true }],
    },
    {
      flow: 'invoices',
      outcome: 'dead letter',
      at: '2026-11-24T09:59:51.000Z',
      reason: 'MISSING_FIELD at transform: data.amount is absent',
      deadLetter: '9c41d2aa-0000-5000-8000-000000000001',
      steps: [],
    },
    { flow: 'audit', outcome: 'waiting', steps: [] },
  ],
}

describe('events show', () => {
  it('tells the whole way of one event', async () => {
    const operations = { showEvent: async () => STORY }
    const { stdout } = await cli(['events', 'show', '3f2a9c1e-f'], { operations, tty: true })
    expect(stdout.text).toMatchInlineSnapshot(`
      "person.updated  person/4444aaaa-0000-4000-8000-000000000001
        id         3f2a9c1e-ffff-5d0e-8a11-0c9d8e7f6a5b
        happened   2026-11-24T09:58:00.000Z, 2m ago
        came in    2026-11-24T09:59:48.000Z, 12s ago
        lies at    twenty-sync.twenty.person/3/1524
        changed    name, city
        causeflow  web-form-leads

      Data
        {
          "id": "4444",
          "name": {
            "firstName": "Ada"
          },
          "city": "Paris",
          "note": "[redacted]"
        }

      What became of it
        enrichment  done 10s ago
            find-company  done
            update-person  wrote person/4444aaaa-0000-4000-8000-000000000001
            create-task  skipped: \`when\` was false
        welcome-note  not taken: reads only created
        scoring  parked, tried again in 4m: RATE_LIMITED scoring refused the call for its rate
            request-score  begun, its outcome is not known yet
        invoices  given up 9s ago: MISSING_FIELD at transform: data.amount is absent
            dead letter 9c41d2aa-0000-5000-8000-000000000001
        audit  waits for its turn
      "
    `)
  })

  it('gives the story as it is with --json, without secrets (P9)', async () => {
    const { stdout, json } = await cli(['events', 'show', 'x', '--json'], {
      operations: { showEvent: async () => STORY },
    })
    expect(json).toMatchObject({ id: UPDATED.id, flows: STORY.flows })
    expect(stdout.text).not.toContain(CANARY)
  })

  it('ends with 1 when there is no such event, and says what to do', async () => {
    const showEvent = () => Promise.reject(new SyncError('rejected', 'NO_SUCH_EVENT', 'no event "x" in the topics'))
    const human = await cli(['events', 'show', 'x'], { operations: { showEvent } })
    expect([human.code, human.stdout.text]).toEqual([1, ''])
    expect(human.stderr.text).toBe('error: no event "x" in the topics (NO_SUCH_EVENT)\n')
    const machine = await cli(['events', 'show', 'x', '--json'], { operations: { showEvent } })
    expect(machine.code).toBe(1)
    expect(machine.json).toEqual({
      error: { code: 'NO_SUCH_EVENT', kind: 'rejected', message: 'no event "x" in the topics' },
    })
  })
})

/** Where others append too. */
const KAFKA = { log: { type: 'kafka', brokers: ['b:1'], prefix: 'p' } as unknown as LogConfig }

describe('events tail', () => {
  async function* two(_query: unknown, signal: AbortSignal) {
    yield CREATED
    yield UPDATED
    await new Promise(resolve => signal.addEventListener('abort', resolve))
  }

  it('does not hold a data folder in which nothing can come in', async () => {
    const { code, stderr } = await cli(['events', 'tail'], { operations: { tailEvents: two } })
    expect([code, stderr.text]).toEqual([3, 'error: no daemon runs on this config: nothing comes in (NOT_RUNNING)\n'])
  })

  it('shows one line per event until Ctrl-C, which is its ordinary end', async () => {
    const shell = new FakeShell({ operations: { tailEvents: two }, tty: true, config: KAFKA })
    const done = shell.run('events', 'tail')
    await settle()
    shell.send('SIGINT')
    expect(await done).toBe(0)
    expect(shell.stdout.text).toMatchInlineSnapshot(`
      "09:58:00.120  3f2a9c1e  person.created        person/4444aaaa-0000-4000-8000-000000000001
      09:59:48.000  3f2a9c1e  person.updated        person/4444aaaa-0000-4000-8000-000000000001  name, ci…
      "
    `)
  })

  it('gives JSON lines with --json', async () => {
    const shell = new FakeShell({ operations: { tailEvents: two }, config: KAFKA })
    const done = shell.run('events', 'tail', '--json')
    await settle()
    shell.send('SIGTERM')
    expect(await done).toBe(0)
    expect(shell.lines).toEqual([CREATED, UPDATED])
  })

  it('ends at once on a second signal', async () => {
    const deaf = async function* () {
      yield CREATED
      await new Promise(() => {})
    }
    const shell = new FakeShell({ operations: { tailEvents: deaf }, config: KAFKA })
    void shell.run('events', 'tail')
    await settle()
    shell.send('SIGINT')
    expect(shell.exits).toEqual([])
    shell.send('SIGTERM')
    expect(shell.exits).toEqual([143])
  })
})
