import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { locateLog } from '../../src/cli/locate-log.ts'
import { systemClock } from '../../src/environment/clock.ts'
import { SyncError } from '../../src/errors.ts'
import { startControl } from '../../src/server/control.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { cli, FakeShell, fakeOperations } from './fake-shell.ts'

describe('where commands work', () => {
  it('goes through the daemon that runs on the config, without loading it', async () => {
    const shell = new FakeShell({
      backend: { loadConfig: () => Promise.reject(new Error('needs secrets that are not here')) },
    })
    const operations = fakeOperations({ resumeFlow: async () => {} })
    const control = await startControl({
      operations: () => operations,
      folder: join(shell.folder, 'data'),
      pid: 1,
      env: shell.environment(undefined as never),
    })
    onTestFinished(() => control.close())
    Object.assign(shell, { clock: systemClock })
    expect(await shell.run('resume', 'leads')).toBe(0)
  })

  it('ends with 3 where nothing runs and the log was in memory', async () => {
    const config = { log: { type: 'memory' as const, prefix: 'p', retentionMs: 1 } }
    const { code, stderr } = await cli(['status'], { config })
    expect(code).toBe(3)
    expect(stderr.text).toContain('`twenty-sync run`')
  })

  it('ends with 3 where another process has the folder and does not answer', async () => {
    const locked = new SyncError('fatal', 'FOLDER_LOCKED', 'the data folder is in use by process 7')
    const { code, json } = await cli(['topics', '--json'], { backend: { openOffline: () => Promise.reject(locked) } })
    expect(code).toBe(3)
    expect(json).toMatchObject({ error: { code: 'FOLDER_LOCKED' } })
  })

  it('lets go of the log after the work, also when that fails', async () => {
    let closed = 0
    const openOffline = async () => ({ operations: fakeOperations(), close: async () => void closed++ })
    expect((await cli(['status'], { backend: { openOffline } })).code).toBe(1)
    expect(closed).toBe(1)
  })
})

describe('locateLog', () => {
  function located(yaml: string, variables: Record<string, string> = {}) {
    const folder = tempFolder()
    const file = join(folder, 'twenty-sync.yaml')
    writeFileSync(file, yaml)
    return { folder, file, found: locateLog([file], variables) }
  }

  it('finds the log of a config whose secrets are not here, and that is wrong elsewhere', () => {
    const yaml =
      'systems: { twenty: { type: twenty, apiKey: "${NOT_SET}" } }\nlog: { folder: ./here }\nflows: { a: 7 }\n'
    const { folder, file, found } = located(yaml)
    expect(found).toMatchObject({ files: [file], log: { type: 'embedded', folder: join(folder, 'here') } })
  })

  it('knows the default', () => {
    const { folder, found } = located('flows: {}\n')
    expect(found).toMatchObject({ log: { type: 'embedded', folder: join(folder, 'data') } })
  })

  it.each(['log: { folder: "${NOT_SET}" }\n', 'log: { type: nope }\n', 'a: [\n', ''])('gives up on %j', yaml => {
    const { found } = located(yaml)
    // An empty file says nothing against the default.
    if (yaml === '') expect(found?.log.type ?? 'embedded').toBe('embedded')
    else expect(found).toBeUndefined()
  })

  it('takes folders, as the loader does', () => {
    const folder = tempFolder()
    mkdirSync(join(folder, 'config'))
    writeFileSync(join(folder, 'config', 'a.yaml'), 'flows: {}\n')
    writeFileSync(join(folder, 'config', 'b.yaml'), 'log: { type: kafka, brokers: "localhost:9092", prefix: p }\n')
    expect(locateLog([join(folder, 'config')], {})).toMatchObject({
      files: [join(folder, 'config', 'a.yaml'), join(folder, 'config', 'b.yaml')],
      log: { type: 'kafka', prefix: 'p' },
    })
  })
})
