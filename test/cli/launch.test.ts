import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { launchEnded } from '../../src/cli/launch.ts'
import { Session } from '../../src/cli/session.ts'
import type { LaunchReport } from '../../src/runtime/launch-report.ts'
import type { Operations } from '../../src/runtime/operations.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { cli, FakeShell } from './fake-shell.ts'

const RUN = '20261124T100000Z-1a2b3c4d'
const TOPIC = 'twenty-sync.import.received'
const REPORT: LaunchReport = {
  run: RUN,
  topic: TOPIC,
  events: 3,
  flows: [
    { flow: 'import-people', done: 2, skipped: 0, failed: 1, parked: 0, open: 0 },
    { flow: 'welcome', done: 1, skipped: 2, failed: 0, parked: 0, open: 0 },
  ],
}

function recording(report: LaunchReport = REPORT) {
  const asked: { records: unknown[] }[] = []
  const triggerList: Operations['triggerList'] = async query => {
    asked.push(query as never)
    return { run: RUN, topic: TOPIC, events: query.records?.length ?? 1 }
  }
  return { asked, operations: { triggerList, triggerReport: async () => report } }
}

describe('trigger --list', () => {
  it('appends the records that are meant, and says where to look', async () => {
    const { asked, operations } = recording()
    const stdin = '{"id":"a","country":"DE"}\n\n{"id":"b"}\n{"id":"c","country":"DE"}\n'
    const args = [
      'trigger',
      'import.received',
      '--list',
      '-',
      '--where',
      "data.country == 'DE'",
      '--data',
      '{"campaign":"spring"}',
    ]
    const { stdout, code } = await cli(args, { operations, stdin })
    expect(code).toBe(0)
    expect(asked).toEqual([
      {
        connector: 'import',
        object: 'received',
        from: 0,
        parameters: { campaign: 'spring' },
        records: [
          { id: 'a', country: 'DE' },
          { id: 'c', country: 'DE' },
        ],
      },
    ])
    expect(stdout.text).toBe(
      `run ${RUN}: 2 events in ${TOPIC}; no daemon runs: flows that ran before take them when one does\n` +
        `see \`twenty-sync trigger import.received --report ${RUN}\`\n`,
    )
    expect((await cli([...args, '--json'], { operations, stdin })).json).toEqual({ run: RUN, topic: TOPIC, events: 2 })
  })

  it('sends a long list in parts of one run', async () => {
    const { asked, operations } = recording()
    const folder = tempFolder()
    const lines = Array.from({ length: 1201 }, (_, n) => JSON.stringify({ n }))
    writeFileSync(join(folder, 'people.jsonl'), lines.join('\n'))
    await cli(['trigger', 'import', '--list', 'people.jsonl'], { operations, folder })
    expect(asked.map(({ records, ...query }) => ({ ...query, records: records.length }))).toEqual([
      { connector: 'import', from: 0, records: 500 },
      { connector: 'import', run: RUN, from: 500, records: 500 },
      { connector: 'import', run: RUN, from: 1000, records: 201 },
    ])
  })

  it.each([
    ['{"a":1}\n[2]\nnonsense\n', 'line 2: it is no JSON object; line 3: '],
    ['', 'has no record that is meant'],
  ])('appends nothing where a line is bad, or none is left: %j', async (stdin, message) => {
    const { asked, operations } = recording()
    const { code, stderr } = await cli(['trigger', 'import', '--list', '-'], { operations, stdin })
    expect([code, asked]).toEqual([2, []])
    expect(stderr.text).toContain(message)
  })

  it('waits for one event with the data that it was given, and leaves to the connector whether it needs any', async () => {
    const { asked, operations } = recording()
    await cli(['trigger', 'import', '--wait', '--data', '{"a":1}'], { operations })
    await cli(['trigger', 'import', '--wait'], { operations })
    expect(asked).toEqual([{ connector: 'import', parameters: { a: 1 } }, { connector: 'import' }])
  })

  it.each([
    ['--id', 'x', '--list', '-'],
    ['--where', 'true'],
    ['--wait', '--id', 'x'],
    ['--report', RUN, '--data', '{}'],
    ['--list', '-', '--data', '-'],
    ['--list', 'missing.jsonl'],
  ])('refuses %s %s %s %s with 2', async (...args) => {
    expect((await cli(['trigger', 'import', ...args.filter(Boolean)], recording())).code).toBe(2)
  })
})

describe('trigger --report', () => {
  it('shows what became of the run, and ends with 1 where events failed', async () => {
    const { stdout, code } = await cli(['trigger', 'import', '--report', RUN], recording())
    expect(code).toBe(1)
    expect(stdout.text).toMatchInlineSnapshot(`
      "run 20261124T100000Z-1a2b3c4d: 3 events in twenty-sync.import.received

        FLOW           DONE  SKIPPED  FAILED  PARKED  OPEN
        import-people     2        0       1       0     0
        welcome           1        2       0       0     0
      "
    `)
    const items = { done: 49_990, skipped: 7, failed: 3, total: 50_000 }
    const long = { ...REPORT, flows: [{ ...REPORT.flows[1]!, items }] }
    const { stdout: shown, code: bad } = await cli(['trigger', 'import', '--report', RUN], recording(long))
    expect([bad, shown.text]).toEqual([1, expect.stringContaining('49,990 of 50,000 done, 7 skipped, 3 failed')])
    const fine = { ...REPORT, flows: REPORT.flows.slice(1) }
    expect((await cli(['trigger', 'import', '--report', RUN, '--json'], recording(fine))).code).toBe(0)
    const { stdout: none } = await cli(['trigger', 'import', '--report', RUN], recording({ ...REPORT, flows: [] }))
    expect(none.text).toContain('no flow reads them')
  })
})

describe('trigger', () => {
  it('makes one event a run that can be waited for', async () => {
    const { operations, asked } = recording()
    const { code } = await cli(['trigger', 'newsletter', '--data', '{"view":"VIPs"}', '--wait'], { operations })
    expect([code, asked]).toEqual([0, [{ connector: 'newsletter', parameters: { view: 'VIPs' } }]])
  })

  it('shows how far a run is that it waits for', async () => {
    const flow = REPORT.flows[1]!
    const reports = [0, 12_000, 30_000, 50_000].map(done => ({
      ...REPORT,
      flows: [
        { ...flow, open: done < 50_000 ? 1 : 0, items: { done, skipped: 0, failed: done / 10_000, total: 50_000 } },
      ],
    }))
    const shell = new FakeShell()
    const operations = { triggerReport: async () => reports.shift()! } as Partial<Operations> as Operations
    const ended = launchEnded(new Session(shell, {}), operations, { connector: 'newsletter', run: RUN })
    await shell.clock.advance(10_000)
    expect((await ended).flows[0]?.items?.done).toBe(50_000)
    expect(shell.stderr.text).toContain('0 of 50,000 items of welcome (0%)')
  })

  it('launches a connector that takes nothing', async () => {
    const asked: unknown[] = []
    const trigger = async (query: unknown) => {
      asked.push(query)
      return { id: 'e', type: 'newsletter.received', subject: 'received/e', topic: TOPIC } as never
    }
    expect((await cli(['trigger', 'newsletter'], { operations: { trigger } })).code).toBe(0)
    expect(asked).toEqual([{ connector: 'newsletter' }])
  })
})
