import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../src/environment/clock.ts'
import { startControl } from '../../src/server/control.ts'
import { FakeShell, fakeOperations } from './fake-shell.ts'

describe('poll', () => {
  it('asks the running daemon', async () => {
    const asked: unknown[] = []
    const shell = new FakeShell({})
    Object.assign(shell, { clock: systemClock })
    const control = await startControl({
      operations: () => fakeOperations({ pollNow: async query => void asked.push(query) }),
      folder: join(shell.folder, 'data'),
      pid: 1,
      env: shell.environment(undefined as never),
    })
    onTestFinished(() => control.close())
    expect([await shell.run('poll', 'warehouse', '--json'), asked]).toEqual([0, [{ connector: 'warehouse' }]])
    expect(JSON.parse(shell.stdout.text)).toEqual({ connector: 'warehouse', polling: true })
  })

  it('ends with 3 when no daemon runs', async () => {
    const shell = new FakeShell({})
    Object.assign(shell, { clock: systemClock })
    expect([await shell.run('poll', 'warehouse'), shell.stderr.text]).toEqual([
      3,
      expect.stringContaining('start one with `twenty-sync run`'),
    ])
  })
})
