import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Problem } from '../../src/config/config.ts'
import { ConfigError } from '../../src/config/config.ts'
import { systemClock } from '../../src/environment/clock.ts'
import type { ReloadOutcome } from '../../src/runtime/operations.ts'
import { startControl } from '../../src/server/control.ts'
import { FakeShell, type FakeShellOptions, fakeOperations } from './fake-shell.ts'

const PROBLEM: Problem = {
  file: 'gone.yaml',
  line: 3,
  column: 1,
  path: 'flows',
  rule: 'type',
  message: 'this must be a map',
}

/** `reload`, of a daemon that answers this. */
async function reloaded(outcome: ReloadOutcome | undefined, args: string[] = [], options: FakeShellOptions = {}) {
  const shell = new FakeShell(options)
  Object.assign(shell, { clock: systemClock })
  if (outcome) {
    const control = await startControl({
      operations: () => fakeOperations({ reload: async () => outcome }),
      folder: join(shell.folder, 'data'),
      pid: 1,
      env: shell.environment(undefined as never),
    })
    onTestFinished(() => control.close())
  }
  const code = await shell.run('reload', ...args)
  return Object.assign(shell, { code })
}

describe('reload', () => {
  it('says what changed, and what runs now', async () => {
    const { code, stdout } = await reloaded({
      ok: true,
      summary: '2 flows, 1 connector, 1 system',
      changes: [
        { what: 'flow', name: 'welcome', change: 'added' },
        { what: 'connector', name: 'lead-form', change: 'changed' },
        { what: 'file', name: 'a schema or template that a flow names', change: 'changed' },
      ],
    })
    expect([code, stdout.text]).toMatchInlineSnapshot(`
      [
        0,
        "config taken: 3 changes
        added    flow welcome
        changed  connector lead-form
        changed  a schema or template that a flow names
      runs now: 2 flows, 1 connector, 1 system
      ",
      ]
    `)
  })

  it('says so when nothing changed', async () => {
    const { stdout } = await reloaded({ ok: true, summary: '1 flow', changes: [] })
    expect(stdout.text).toBe('config taken; nothing in it changed\nruns now: 1 flow\n')
  })

  it('shows the problems of a wrong config, and ends with 2', async () => {
    const { code, stdout, stderr } = await reloaded({ ok: false, problems: [PROBLEM] })
    expect([code, stdout.text]).toEqual([2, ''])
    expect(stderr.text).toContain('gone.yaml:3:1  flows\n  this must be a map')
    expect(stderr.text).toContain('1 problem: the config was not taken, and the daemon goes on with the one before')
    const { json } = await reloaded({ ok: false, problems: [PROBLEM] }, ['--json'])
    expect(json).toEqual({ error: { code: 'CONFIG', message: 'the config is wrong', problems: [PROBLEM] } })
  })

  it.each([
    ['RESTART_NEEDED', 2],
    ['LOG_UNAVAILABLE', 3],
    ['UNCLASSIFIED', 1],
  ])('ends as %s does', async (reason, expected) => {
    const { code, stderr } = await reloaded({ ok: false, problems: [], message: 'it cannot be', code: reason })
    expect([code, stderr.text]).toEqual([
      expected,
      `error: the config was not taken, and the one before goes on: it cannot be (${reason})\n`,
    ])
  })

  it('ends with 3 when no daemon runs', async () => {
    const { code, stderr } = await reloaded(undefined)
    expect([code, stderr.text]).toEqual([3, expect.stringContaining('start one with `twenty-sync run`')])
  })

  it('ends with 2 when the config is too wrong to say where its daemon is', async () => {
    const loadConfig = () => Promise.reject(new ConfigError([PROBLEM]))
    const { code, stderr } = await reloaded(undefined, [], {
      backend: { locateLog: async () => undefined, loadConfig },
    })
    expect([code, stderr.text]).toEqual([2, expect.stringContaining('this must be a map')])
  })
})
