import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../src/environment/clock.ts'
import type { DaemonOperations } from '../../src/runtime/operations.ts'
import type {
  LinkReport,
  ListedConflict,
  ListedLink,
  ReconcileProgress,
  SyncReport,
  WhyNotReport,
  WhyReport,
} from '../../src/runtime/sync-reports.ts'
import { startControl } from '../../src/server/control.ts'
import type { ReconcileReport } from '../../src/sync/reconcile-report.ts'
import { cli, FakeShell, fakeOperations } from './fake-shell.ts'

const LEFT = { system: 'twenty', object: 'person' }
const RIGHT = { system: 'billing', object: 'customer' }
const ID = '9c41d2aa-7500-5768-b2b3-7a0c2f8cf8f4'

const CONTESTED: LinkReport = {
  sync: 'people',
  id: ID,
  state: 'waits for a person',
  leftName: LEFT,
  rightName: RIGHT,
  left: {
    ...LEFT,
    id: 'p1',
    version: '2026-11-24T09:00:00.000Z',
    confirmedAt: '2026-11-24T09:59:00.000Z',
    takesPart: true,
    native: {},
  },
  right: {
    ...RIGHT,
    id: 'c1',
    version: '2026-11-24T09:00:01.000Z',
    confirmedAt: '2026-11-24T09:58:00.000Z',
    takesPart: true,
    native: {},
  },
  fields: [
    {
      name: 'jobTitle',
      left: { path: 'jobTitle', shown: 'CTO' },
      right: { path: 'title', shown: 'Chief\u001b[2J' },
      direction: 'both',
      policy: 'ask',
      agreed: { value: 'Developer', at: '2026-11-20T10:00:00.000Z', from: 'left' },
      held: {
        kind: 'ask',
        since: '2026-11-24T09:00:02.000Z',
        left: { value: 'CTO', at: '2026-11-24T09:00:00.000Z', by: 'Jane Doe' },
        right: { value: 'Chief\u001b[2J', at: '2026-11-24T09:00:01.000Z' },
        before: { value: 'Developer', at: '2026-11-20T10:00:00.000Z' },
      },
      why: {
        rule: 'latest',
        from: 'left',
        at: '2026-11-20T10:00:00.000Z',
        decidedAt: '2026-11-20T10:00:01.000Z',
        event: 'e-17',
        place: 'twenty-sync.twenty.person/3/17',
        lost: { side: 'right', value: null, at: '2026-11-20T09:00:00.000Z' },
      },
    },
  ],
  conflict: {
    link: ID,
    kind: 'ask',
    left: 'p1',
    right: 'c1',
    fields: ['jobTitle'],
    since: Date.parse('2026-11-24T09:00:02.000Z'),
    task: 't1',
  },
  taskUrl: 'https://crm.example.com/object/task/t1',
  suggestions: [{ command: 'twenty-sync conflicts resolve 9c41d2aa --take twenty', does: 'twenty stands in jobTitle' }],
}

const SYNC: SyncReport = {
  name: 'people',
  left: LEFT,
  right: RIGHT,
  state: 'running',
  matched: true,
  walk: { left: { seen: 10, done: true }, right: { seen: 12, done: true } },
  pairs: 10_000,
  due: 42,
  failing: 1,
  guarded: { creates: 12 },
  questions: 3,
  conflicts: { ask: 3, ambiguous: 7 },
  lag: 4,
  lastError: { code: 'RATE_LIMITED', message: 'billing refused the call for its rate', at: '2026-11-24T09:59:00.000Z' },
}

const status = (sync: Partial<SyncReport>) => ({
  status: async () => ({
    running: true,
    engine: 'e',
    systems: [],
    connectors: [],
    flows: [],
    syncs: [{ ...SYNC, ...sync }],
  }),
})

/** Runs a command line beside a daemon that answers so. */
async function onDaemon(args: readonly string[], operations: Partial<DaemonOperations>) {
  const shell = Object.assign(new FakeShell(), { clock: systemClock })
  const control = await startControl({
    operations: () => fakeOperations(operations),
    folder: join(shell.folder, 'data'),
    pid: 1,
    env: shell.environment(undefined as never),
  })
  onTestFinished(() => control.close())
  const code = await shell.run(...args)
  return Object.assign(shell, { code })
}

describe('status of a sync', () => {
  it('says how many pairs there are, what waits for whom, and the commands for it', async () => {
    const { stdout } = await cli(['status'], { operations: status({}), tty: true })
    expect(stdout.text.slice(stdout.text.indexOf('SYNCS'))).toMatchInlineSnapshot(`
      "SYNCS
        NAME    STATE    LEFT           RIGHT              PAIRS  LAG  DUE  CONFLICTS
        people  running  twenty person  billing customer  10,000    4   42         10
            waits for a person: 3 contested, 7 ambiguous; to see them:
            twenty-sync conflicts list --sync people
            asked in Twenty: 3 tasks
            12 creates over the limit of the hour; to let pass what waits:
            twenty-sync pass people --creates 12
            1 pair to try again
            last error 1m ago: RATE_LIMITED: billing refused the call for its rate
      "
    `)
  })

  it('says how far the first walk is, and why it does not go on', async () => {
    const walk = { left: { seen: 1200, total: 10_000, done: false }, right: { seen: 300, done: true } }
    const reason = { code: 'TWENTY_AUTH', message: 'waits for twenty: the API key is refused' }
    const operations = status({
      matched: false,
      walk,
      state: 'waiting',
      reason,
      nextTryAt: '2026-11-24T10:05:00.000Z',
      guarded: {},
      conflicts: {},
      failing: 0,
      questions: 0,
    })
    const { stdout } = await cli(['status'], { operations, tty: true })
    expect(stdout.text.slice(stdout.text.indexOf('SYNCS'))).toMatchInlineSnapshot(`
      "SYNCS
        NAME    STATE    LEFT           RIGHT              PAIRS  LAG  DUE  CONFLICTS
        people  waiting  twenty person  billing customer  10,000    4   42          0
            TWENTY_AUTH: waits for twenty: the API key is refused; next try in 5m
            first walk: left 1,200 of 10,000; right done, 300
      "
    `)
  })

  it('says what the last comparison found, and what it left', async () => {
    const { heldBack, ...report } = { ...REPORT, heldBack: { kind: 'creates', count: 600, limit: 500 } as const }
    const reconciled = { at: '2026-11-24T08:00:00.000Z', report: { ...report, heldBack } }
    const operations = status({
      reconciled,
      reconcileDueAt: '2026-11-25T08:00:00.000Z',
      guarded: {},
      conflicts: {},
      failing: 0,
      questions: 0,
    })
    const { stdout } = await cli(['status'], { operations, tty: true })
    expect(stdout.text.slice(stdout.text.indexOf('SYNCS'))).toMatchInlineSnapshot(`
      "SYNCS
        NAME    STATE    LEFT           RIGHT              PAIRS  LAG  DUE  CONFLICTS
        people  running  twenty person  billing customer  10,000    4   42          0
            compared 2h ago: 9,990 equal, 6 writes; held back: 600 creates where 500 may be; next in 22h
            twenty-sync reconcile people --dry-run
      "
    `)
  })
})

describe('conflicts', () => {
  it('lists what waits, and says when nothing does', async () => {
    const listed: ListedConflict = { ...CONTESTED.conflict!, sync: 'people', leftName: LEFT, rightName: RIGHT }
    const asked: unknown[] = []
    const listConflicts = async (query: object) => {
      asked.push(query)
      return [listed]
    }
    const { stdout } = await cli(['conflicts', 'list', '--sync', 'people', '--kind', 'ask'], {
      operations: { listConflicts },
      tty: true,
    })
    expect(asked).toEqual([{ sync: 'people', kind: 'ask' }])
    expect(stdout.text).toMatchInlineSnapshot(`
      "ID        SYNC    KIND  SINCE    LEFT  RIGHT  ABOUT
      9c41d2aa  people  ask   59m ago  p1    c1     jobTitle
      "
    `)
    const none = await cli(['conflicts', 'list'], { operations: { listConflicts: async () => [] } })
    expect(none.stdout.text).toBe('nothing waits for a person\n')
  })

  it('shows one with both values, who and when, the task and the commands; nothing steers the terminal', async () => {
    const { stdout } = await cli(['conflicts', 'show', '9c41'], {
      operations: { showLink: async () => CONTESTED },
      tty: true,
    })
    expect(stdout.text).toMatchInlineSnapshot(`
      "people  9c41d2aa-7500-5768-b2b3-7a0c2f8cf8f4  contested since 59m ago
        task https://crm.example.com/object/task/t1
        left  twenty person p1  version 2026-11-24T09:00:00.000Z, seen 1m ago
        right billing customer c1  version 2026-11-24T09:00:01.000Z, seen 2m ago

        jobTitle
          twenty   "CTO", by Jane Doe 1h ago
          billing  "Chief\\u001b[2J", 59m ago
          before   "Developer", 4d ago

        twenty-sync conflicts resolve 9c41d2aa --take twenty
            twenty stands in jobTitle
      "
    `)
  })

  it('shows what was before where that is known, and since when', async () => {
    const shown = async (before?: { value: unknown }) => {
      const fields = CONTESTED.fields.map(({ held: { before: _, ...held } = {} as never, ...field }) => {
        return { ...field, held: { ...held, ...(before && { before }) } }
      })
      const operations = { showLink: async () => ({ ...CONTESTED, fields }) }
      return (await cli(['conflicts', 'show', '9c41'], { operations })).stdout.text
    }
    expect(await shown({ value: 'Intern' })).toContain('before   "Intern"\n')
    expect(await shown({ value: null })).toContain('before   nothing\n')
    expect(await shown()).not.toContain('before')
  })

  it('hands a decision on, with who made it, and says how to take it back', async () => {
    const asked: unknown[] = []
    const resolveConflict = async (query: object) => {
      asked.push(query)
      return {
        link: ID,
        sync: 'people',
        acting: false,
        does: 'jobTitle: twenty stands',
        undo: '--take billing --field jobTitle',
      }
    }
    const args = ['conflicts', 'resolve', '9c41', '--take', 'twenty', '--field', 'jobTitle', '--field', 'city']
    const { stdout } = await cli(args, { operations: { resolveConflict }, variables: { USER: 'jane' } })
    expect(asked).toEqual([
      {
        id: '9c41',
        by: 'jane at the command line',
        decision: { kind: 'take', side: 'twenty', fields: ['jobTitle', 'city'] },
      },
    ])
    expect(stdout.text).toBe(
      'jobTitle: twenty stands; no daemon runs: it is done when one does\nto take it back: twenty-sync conflicts resolve 9c41d2aa --take billing --field jobTitle\n',
    )
  })

  it.each([
    [['--take', 'left', '--unlink'], 'name one decision'],
    [[], 'name one decision'],
    [['--unlink', '--field', 'a'], '--field goes with --take'],
    [['--delete'], 'say --yes'],
  ])('refuses %j', async (args, says) => {
    const { code, stderr } = await cli(['conflicts', 'resolve', '9c41', ...args])
    expect([code, stderr.text]).toEqual([2, expect.stringContaining(says)])
  })

  it('asks before it deletes, naming what', async () => {
    const asked: unknown[] = []
    const operations = {
      showLink: async () => CONTESTED,
      resolveConflict: async (query: object) => {
        asked.push(query)
        return { link: ID, sync: 'people', acting: true, does: 'it is deleted too' }
      },
    }
    const no = await cli(['conflicts', 'resolve', '9c41', '--delete'], { operations, tty: true, answers: ['n'] })
    expect([no.questions, no.stdout.text, asked]).toEqual([
      ['twenty person p1 will be deleted. Go on? [y/N] '],
      'nothing was changed\n',
      [],
    ])
    await cli(['conflicts', 'resolve', '9c41', '--delete'], { operations, tty: true, answers: ['y'] })
    expect(asked).toHaveLength(1)
  })
})

describe('links list', () => {
  const LISTED: ListedLink[] = [
    { sync: 'people', id: ID, state: 'in step', left: { ...LEFT, id: 'p1' }, right: { ...RIGHT, id: 'c\u001b[2J1' } },
    { sync: 'people', id: `a${ID}`, state: 'alone', left: { ...LEFT, id: 'p2' }, right: RIGHT },
  ]

  it('says who is linked with whom, one a line, as text and for programs', async () => {
    const asked: unknown[] = []
    const operations = {
      async *listLinks(query: object) {
        asked.push(query)
        yield* LISTED
      },
    }
    const { stdout } = await cli(['links', 'list'], { operations })
    expect(stdout.text).toMatchInlineSnapshot(`
      "9c41d2aa  in step             people  twenty person p1  billing customer c [2J1
      a9c41d2a  alone               people  twenty person p2  billing customer -
      "
    `)
    const filters = ['--sync', 'people', '--record', 'p', '--state', 'to be written', '--limit', '7', '--all']
    const json = await cli(['links', 'list', ...filters, '--json'], { operations })
    expect(json.lines).toEqual(LISTED)
    expect(asked).toEqual([{}, { sync: 'people', record: 'p', state: 'to be written', limit: 7, all: true }])
  })

  it('says when there is none; a list that was cut off is no answer', async () => {
    const none = await cli(['links', 'list'], { operations: { async *listLinks() {} } })
    expect(none.stdout.text).toBe('no pairs\n')
    const shell = new FakeShell({
      operations: {
        async *listLinks(_, signal) {
          yield LISTED[0]!
          shell.send('SIGINT')
          if (!signal.aborted) yield LISTED[1]!
        },
      },
    })
    expect(await shell.run('links', 'list')).toBe(130)
  })
})

describe('links show', () => {
  it('shows both sides and each field', async () => {
    const asked: unknown[] = []
    const showLink = async (query: object) => {
      asked.push(query)
      return CONTESTED
    }
    const { stdout } = await cli(['links', 'show', 'twenty', 'person', 'p1'], { operations: { showLink }, tty: true })
    expect(asked).toEqual([{ system: 'twenty', object: 'person', id: 'p1' }])
    expect(stdout.text).toMatchInlineSnapshot(`
      "people  9c41d2aa-7500-5768-b2b3-7a0c2f8cf8f4  waits for a person
        left  twenty person p1  version 2026-11-24T09:00:00.000Z, seen 1m ago
        right billing customer c1  version 2026-11-24T09:00:01.000Z, seen 2m ago

        FIELD     AGREED       FROM    AT                        LEFT   RIGHT             STATE
        jobTitle  "Developer"  twenty  2026-11-20T10:00:00.000Z  "CTO"  "Chief\\u001b[2J"  contested

        twenty-sync conflicts resolve 9c41d2aa --take twenty
            twenty stands in jobTitle
      "
    `)
    expect((await cli(['links', 'show', 'a', 'b'], { operations: { showLink } })).code).toBe(2)
  })
})

const REPORT: ReconcileReport = {
  left: 10_000,
  right: 10_002,
  equal: 9_990,
  differs: { left: 3, right: 0, both: 1, neither: 0 },
  missing: { left: 2, right: 0 },
  deleted: { left: 0, right: 1 },
  held: 4,
  excluded: 0,
  writes: { creates: 2, updates: 4, deletes: 0 },
  samples: [
    {
      left: 'p1',
      right: 'c1',
      what: 'update right',
      fields: { jobTitle: { left: 'CTO', right: 'Developer', agreed: 'CTO' } },
    },
    { right: 'c7', what: 'create left', fields: { jobTitle: { left: null, right: 'CEO', agreed: 'CEO' } } },
  ],
  repairing: 6,
}

describe('reconcile', () => {
  const reading: ReconcileProgress = { side: 'left', name: LEFT, seen: 200, total: 10_000 }
  const compared = (report: Partial<ReconcileReport>): Partial<DaemonOperations> => ({
    async *reconcile() {
      yield reading
      yield { report: { ...REPORT, ...report }, leftName: LEFT, rightName: RIGHT }
    },
  })
  const run = (report: Partial<ReconcileReport>, args: string[] = [], { tty = false } = {}) =>
    cli(['reconcile', 'people', ...args], { operations: compared(report), tty })

  it('shows a bar while it reads, and then what it found', async () => {
    const { stdout, stderr, code } = await run({}, ['--dry-run'], { tty: true })
    expect(stderr.text).toContain('[                    ] reading twenty person: 200 of 10,000 (2%)')
    expect(code).toBe(1)
    expect(stdout.text).toMatchInlineSnapshot(`
      "compared 10,000 of twenty person with 10,002 of billing customer
        PAIRS                         COUNT
        equal                         9,990
        only in billing customer          2
        differs, twenty person moved      3
        differs, both moved               1
        deleted in billing customer       1
        waits for a person                4

      to be written, 2 of 6 shown
        update billing  p1 = c1
          jobTitle  "Developer" -> "CTO"
        create twenty  c7
          jobTitle  nothing -> "CEO"

      would write 2 creates, 4 updates: twenty-sync reconcile people
      "
    `)
  })

  it('ends with 0 when both sides are in step, and is one document a line for programs', async () => {
    const equal = { writes: { creates: 0, updates: 0, deletes: 0 }, samples: [] }
    expect((await run(equal)).code).toBe(0)
    const { lines, code } = await run(equal, ['--json'])
    expect([code, lines]).toEqual([0, [reading, { report: { ...REPORT, ...equal }, leftName: LEFT, rightName: RIGHT }]])
  })

  it('says that nothing is repaired without a daemon', async () => {
    const { stdout, code } = await run({})
    expect(code).toBe(1)
    expect(stdout.text).toContain('would write 2 creates, 4 updates; no daemon runs, so nothing was repaired')
  })

  it('says what is being repaired, or why nothing is and how to have it done', async () => {
    const repaired = await onDaemon(['reconcile', 'people'], compared({}))
    expect(repaired.code).toBe(0)
    expect(repaired.stdout.text).toContain('6 pairs are being repaired: 2 creates, 4 updates;')
    const heldBack = { kind: 'deletes', count: 1200, limit: 10 } as const
    const held = await onDaemon(['reconcile', 'people'], compared({ heldBack, repairing: 0 }))
    expect(held.code).toBe(1)
    expect(held.stdout.text).toContain(
      'held back: 1,200 deletes, and `guard` of people lets 10 pass. Nothing was repaired; to repair all of it: twenty-sync reconcile people --apply',
    )
  })

  it('does not take --apply with --dry-run', async () => {
    expect((await run({}, ['--apply', '--dry-run'])).code).toBe(2)
  })
})

describe('pass', () => {
  it('lets so many pass, and asks before deletes', async () => {
    const asked: unknown[] = []
    const passGuard = async (query: { creates?: number; deletes?: number }) => {
      asked.push(query)
      return { creates: query.creates ?? 0, updates: 0, deletes: query.deletes ?? 0 }
    }
    const { stdout } = await cli(['pass', 'people', '--creates', '120'], { operations: { passGuard } })
    expect(stdout.text).toBe('people: 120 creates more may pass\n')
    expect((await cli(['pass', 'people', '--deletes', '3'], { operations: { passGuard } })).code).toBe(2)
    const no = await cli(['pass', 'people', '--deletes', '3'], { operations: { passGuard }, tty: true, answers: [''] })
    expect(no.stdout.text).toBe('nothing was changed\n')
    expect(asked).toEqual([{ sync: 'people', creates: 120 }])
    expect((await cli(['pass', 'people'], { operations: { passGuard } })).stderr.text).toContain('say how many')
  })

  it('without a number lets all pass that waits in the daemon, and says when nothing does', async () => {
    const asked: unknown[] = []
    const waiting = (guarded: SyncReport['guarded']): Partial<DaemonOperations> => ({
      ...status({ guarded }),
      async passGuard(query) {
        asked.push(query)
        return { creates: 0, updates: 0, deletes: 0, ...guarded }
      },
    })
    const some = await onDaemon(['pass', 'people'], waiting({ creates: 12, updates: 3 }))
    expect(some.stdout.text).toBe('people: 12 creates, 3 updates more may pass\n')
    expect((await onDaemon(['pass', 'people'], waiting({ deletes: 2 }))).code).toBe(2)
    const deletes = await onDaemon(['pass', 'people', '--yes'], waiting({ deletes: 2 }))
    expect(deletes.stdout.text).toBe('people: 2 deletes more may pass\n')
    expect((await onDaemon(['pass', 'people'], waiting({}))).stdout.text).toBe('people: nothing waits at the limit\n')
    expect(asked).toEqual([
      { sync: 'people', creates: 12, updates: 3 },
      { sync: 'people', deletes: 2 },
      { sync: 'people' },
    ])
  })
})

describe('why and why-not', () => {
  const why: WhyReport = {
    ...LEFT,
    id: 'p1',
    writesKept: true,
    syncs: [CONTESTED],
    flows: [
      { flow: 'scoring', operation: 'update', event: 'e-9', place: 'twenty-sync.twenty.person/3/9', fields: ['score'] },
    ],
    effects: [],
  }

  it('says where each value came from, what lost, and which flows wrote', async () => {
    const { stdout } = await cli(['why', 'twenty', 'person', 'p1'], { operations: { why: async () => why }, tty: true })
    expect(stdout.text).toMatchInlineSnapshot(`
      "sync people  9c41d2aa-7500-5768-b2b3-7a0c2f8cf8f4  waits for a person
        jobTitle  "Developer"  from twenty, 2026-11-20T10:00:00.000Z
          latest, decided 3d ago; event e-17 at twenty-sync.twenty.person/3/17
          lost: billing nothing, 4d ago
          contested: twenty "CTO", by Jane Doe 1h ago; billing "Chief\\u001b[2J", 59m ago

      written by flows, newest last
        scoring  update score  for event e-9 at twenty-sync.twenty.person/3/9
      "
    `)
  })

  it('says what was done in other systems because of a record, and because of which record something was', async () => {
    const of = {
      event: 'e-9',
      place: 'twenty-sync.twenty.opportunity/3/9',
      at: '2026-11-24T09:00:00.000Z',
    }
    const step = { ...of, flow: 'invoices', type: 'opportunity.updated', operation: 'invoice' }
    const report: WhyReport = {
      ...why,
      syncs: [],
      flows: [{ flow: 'invoices', step: 'invoice', operation: 'invoice', ...of, about: 'opportunity/o1', fields: [] }],
      effects: [
        { ...step, step: 'invoice', system: 'billing', wrote: { object: 'invoice', id: 'in_1' } },
        {
          ...step,
          step: 'customer',
          system: 'billing',
          wrote: { object: 'customer', id: 'cus_1' },
          skipped: 'done before',
        },
        { ...step, step: 'tell', system: 'sales-channel' },
        { ...step, step: 'call', system: 'erp', open: true },
      ],
    }
    const { stdout } = await cli(['why', 'twenty', 'opportunity', 'o1'], { operations: { why: async () => report } })
    expect(stdout.text).toMatchInlineSnapshot(`
      "written by flows, newest last
        invoices  invoice  for event e-9 of opportunity/o1 at twenty-sync.twenty.opportunity/3/9  1h ago

      done by flows because of it, newest last
        for opportunity.updated e-9 at twenty-sync.twenty.opportunity/3/9
          invoices  invoice  wrote billing invoice in_1  1h ago
          invoices  customer  skipped: done before (billing customer cus_1)  1h ago
          invoices  tell  done in sales-channel  1h ago
          invoices  call  begun in erp, its outcome is not known  1h ago
      "
    `)
  })

  it('does not say that nothing wrote where nobody keeps that', async () => {
    const said = async (writesKept: boolean) => {
      const operations = { why: async () => ({ ...LEFT, id: 'p1', writesKept, syncs: [], flows: [], effects: [] }) }
      return (await cli(['why', 'twenty', 'person', 'p1'], { operations })).stdout.text
    }
    expect(await said(true)).toContain('nothing here wrote twenty person p1')
    expect(await said(false)).toContain('no flow remembers that it wrote twenty person p1')
  })

  it('answers for one field, by its name or its path on a side', async () => {
    const operations = { why: async () => why }
    expect((await cli(['why', 'twenty', 'person', 'p1', 'title'], { operations })).stdout.text).toContain('jobTitle')
    const { code, stderr } = await cli(['why', 'twenty', 'person', 'p1', 'job'], { operations })
    expect([code, stderr.text]).toEqual([2, expect.stringContaining('there are: jobTitle')])
  })

  it('says why not, and what to do next', async () => {
    const report: WhyNotReport = {
      ...LEFT,
      id: 'p1',
      events: 2,
      lastEvent: {
        id: 'e-17',
        type: 'person.updated',
        time: '2026-11-24T09:00:00.000Z',
        place: 'twenty-sync.twenty.person/3/17',
      },
      findings: [
        {
          flow: 'scoring',
          verdict: 'filtered',
          says: 'without effect: filtered',
          next: 'twenty-sync replay scoring --from 3:17 --to 3:18 --dry-run',
        },
        { sync: 'people', verdict: 'in step', says: 'both sides have what was agreed' },
      ],
    }
    const { stdout } = await cli(['why-not', 'twenty', 'person', 'p1'], {
      operations: { whyNot: async () => report },
      tty: true,
    })
    expect(stdout.text).toMatchInlineSnapshot(`
      "twenty person p1  2 events in the log; the newest is person.updated of 2026-11-24T09:00:00.000Z, 1h ago, at twenty-sync.twenty.person/3/17
        flow scoring  filtered: without effect: filtered
            next: twenty-sync replay scoring --from 3:17 --to 3:18 --dry-run
        sync people  in step: both sides have what was agreed
      "
    `)
  })
})
