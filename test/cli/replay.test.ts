import { describe, expect, it } from 'vitest'
import { SyncError } from '../../src/errors.ts'
import type { Operations } from '../../src/runtime/operations.ts'
import type { PlannedWrite, ReplayProgress } from '../../src/runtime/replay.ts'
import { settle } from '../support/virtual-clock.ts'
import { cli, FakeShell } from './fake-shell.ts'

function progress(over: Partial<ReplayProgress>): ReplayProgress {
  return {
    id: 'r1',
    resumed: false,
    total: 1000,
    read: 0,
    found: 0,
    matched: 0,
    done: 0,
    skipped: 0,
    dead: 0,
    perSecond: 100,
    finished: false,
    plans: [],
    ...over,
  }
}

const HALF = progress({ read: 500, found: 500, matched: 500, done: 490, skipped: 9, dead: 1 })
const END = progress({ read: 1000, found: 1000, matched: 1000, done: 986, skipped: 14, finished: true })
const DEAD = { ...END, done: 984, dead: 2 }
const LIST = 'twenty-sync dead-letters list --flow web-form-leads'

function replaying(...steps: ReplayProgress[]): { asked: unknown[]; operations: Partial<Operations> } {
  const asked: unknown[] = []
  return {
    asked,
    operations: {
      async *replay(query) {
        asked.push(query)
        yield* steps
      },
    },
  }
}

const ARGS = ['replay', 'web-form-leads', '--from', 'earliest']

describe('replay', () => {
  it('hands over the range, the expression, the effects and the rate', async () => {
    const { asked, operations } = replaying(END)
    await cli([...ARGS, '--to', '0:1500', '--where', 'true', '--effects', 'all', '--rate', '0'], { operations })
    await cli([...ARGS, '--dry-run'], { operations })
    expect(asked).toEqual([
      {
        flow: 'web-form-leads',
        from: 'earliest',
        to: { offsets: { 0: 1500 } },
        where: 'true',
        effects: 'all',
        perSecond: 0,
      },
      { flow: 'web-form-leads', from: 'earliest', effects: 'safe', dryRun: true },
    ])
  })

  it('shows a bar with rate and time left on a terminal, and the outcome on stdout', async () => {
    const { stdout, stderr, code } = await cli(ARGS, { ...replaying(HALF, END), tty: true })
    expect(stderr.text).toBe(
      '\r\u001b[K[##########          ] 500 of 1,000 events (50%), 100/s, 5s left; 490 done, 9 skipped, 1 dead\r\u001b[K',
    )
    expect(stdout.text).toBe('replayed 1,000 of 1,000 events: 986 done, 14 skipped, 0 dead\n')
    expect(code).toBe(0)
  })

  it('writes a line every few seconds where there is no terminal', async () => {
    const shell = new FakeShell({
      operations: {
        async *replay() {
          for (let read = 0; read < 10; read++) {
            yield { ...HALF, read: read * 100 }
            await shell.clock.advance(1000)
          }
          yield END
        },
      },
    })
    await shell.run(...ARGS)
    expect(shell.stderr.text.trimEnd().split('\n')).toEqual([
      '0 of 1,000 events (0%), 100/s, 10s left; 490 done, 9 skipped, 1 dead',
      '500 of 1,000 events (50%), 100/s, 5s left; 490 done, 9 skipped, 1 dead',
    ])
  })

  it('gives each report as a JSON line', async () => {
    const { lines, stderr } = await cli([...ARGS, '--json'], replaying(HALF, END))
    expect(lines).toEqual([HALF, END])
    expect(stderr.text).toBe('')
  })

  it('says how many became dead letters, and how to see them', async () => {
    const { stdout, code } = await cli(ARGS, replaying(HALF, DEAD))
    expect(stdout.text).toBe(
      `replayed 1,000 of 1,000 events: 984 done, 14 skipped, 2 dead\n2 events became dead letters: ${LIST}\n`,
    )
    expect(code).toBe(0)
    const { lines } = await cli([...ARGS, '--json'], replaying(HALF, DEAD))
    expect(lines).toEqual([HALF, { ...DEAD, deadLetters: { count: 2, list: LIST } }])
  })

  it('says so also when it was stopped by them', async () => {
    const operations: Partial<Operations> = {
      async *replay() {
        yield { ...HALF, dead: 21 }
        throw new SyncError('fatal', 'TOO_MANY_DEAD_LETTERS', 'too many')
      },
    }
    const { stderr, code } = await cli(ARGS, { operations })
    expect(stderr.text).toContain(`21 events became dead letters: ${LIST}\nerror: too many (TOO_MANY_DEAD_LETTERS)\n`)
    expect(code).toBe(1)
  })

  it('counts the events that there are, not the offsets that retention left empty', async () => {
    const { stdout } = await cli(ARGS, replaying({ ...END, resumed: true, found: 3, matched: 3, done: 3, skipped: 0 }))
    expect(stdout.text).toBe('replayed 3 of 3 events since it went on: 3 done, 0 skipped, 0 dead\n')
  })

  it('says where it goes on', async () => {
    const { stderr } = await cli(ARGS, replaying({ ...HALF, resumed: true }, { ...END, resumed: true }))
    expect(stderr.text).toContain('goes on at event 500 of 1,000\n')
  })

  it('stops on a signal with 130 and the command that goes on, with the range as it was', async () => {
    const shell = new FakeShell({
      operations: {
        async *replay(_query, signal) {
          yield HALF
          await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve()))
          yield HALF
        },
      },
    })
    const done = shell.run(
      'replay',
      'web-form-leads',
      '--from',
      '2h',
      '--where',
      "data.city == 'Paris'",
      '--rate',
      '50',
    )
    await settle(20)
    shell.send('SIGINT')
    expect(await done).toBe(130)
    expect(shell.stderr.text).toContain(
      `to go on: twenty-sync replay web-form-leads --from 2026-11-24T08:00:00.000Z --where 'data.city == '\\''Paris'\\''' --rate 50\n`,
    )
  })
})

describe('replay --dry-run', () => {
  const WRITES: PlannedWrite[] = [
    {
      event: 'e1',
      subject: 'received/e1',
      step: 'upsert-person',
      operation: 'update',
      target: 'person/4444',
      before: { city: 'Berlin', name: { firstName: 'A', lastName: 'L' }, tags: ['a'], phone: null },
      after: { city: 'Paris', name: { firstName: 'Ada', lastName: 'L' }, tags: ['a', 'b'], phone: '+33 1' },
    },
    { event: 'e1', subject: 'received/e1', step: 'upsert-company', operation: 'none', target: 'company/1' },
    {
      event: 'e2',
      subject: 'received/e2',
      step: 'create-task',
      operation: 'create',
      target: 'task/9',
      after: { title: 'Call Ada' },
    },
    {
      event: 'e2',
      subject: 'received/e2',
      step: 'delete-note',
      operation: 'delete',
      target: 'note/3',
      before: { title: 'x' },
    },
  ]
  const steps = [
    progress({ total: 2, read: 1, found: 1, matched: 1, plans: WRITES }),
    progress({ total: 2, read: 2, found: 2, matched: 2, finished: true }),
  ]

  it('shows what would be written, field by field', async () => {
    const { stdout } = await cli([...ARGS, '--dry-run'], replaying(...steps))
    expect(stdout.text).toMatchInlineSnapshot(`
      "update person/4444  upsert-person, for received/e1
        ~ city            "Berlin" -> "Paris"
        ~ name.firstName  "A" -> "Ada"
        ~ tags            ["a"] -> ["a","b"]
        ~ phone           null -> "+33 1"

      create task/9  create-task, for received/e2
        + title  "Call Ada"

      delete note/3  delete-note, for received/e2
        - title  "x"

      dry run of 2 of 2 events: would write 1 x update person, 1 x create task, 1 x delete note; 1 already as wanted
      "
    `)
  })

  it('says how many would fail, and why', async () => {
    const lastError = { code: 'MISSING_FIELD', message: 'data.email is absent' }
    const failing = progress({ total: 9, read: 9, found: 9, matched: 9, dead: 2, lastError, finished: true })
    const { stdout } = await cli([...ARGS, '--dry-run'], replaying(failing))
    expect(stdout.text).toBe(
      'dry run of 9 of 9 events: would write nothing\n2 events would fail, the last with MISSING_FIELD: data.email is absent\n',
    )
  })

  it('only counts beyond --diffs', async () => {
    const { stdout } = await cli([...ARGS, '--dry-run', '--diffs', '0'], replaying(...steps))
    expect(stdout.text).toMatchInlineSnapshot(`
      "3 more not shown (--diffs)
      dry run of 2 of 2 events: would write 1 x update person, 1 x create task, 1 x delete note; 1 already as wanted
      "
    `)
  })
})
