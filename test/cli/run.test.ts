import { describe, expect, it } from 'vitest'
import { connectControl } from '../../src/cli/control-client.ts'
import { type Config, ConfigError } from '../../src/config/config.ts'
import { systemClock } from '../../src/environment/clock.ts'
import { SyncError } from '../../src/errors.ts'
import type { Daemon, DaemonOptions } from '../../src/runtime/daemon.ts'
import type { StatusReport } from '../../src/runtime/operations.ts'
import { until } from '../support/until.ts'
import { CANARY, FakeShell, type FakeShellOptions, fakeConfig, fakeOperations } from './fake-shell.ts'

const STATUS: StatusReport = {
  running: true,
  startedAt: '2026-11-24T10:00:00.000Z',
  engine: 'embedded, one file in ./data',
  intake: 'http://127.0.0.1:8080',
  systems: [{ name: 'twenty', type: 'twenty', url: 'https://api.twenty.com', ready: false }],
  connectors: [
    {
      name: 'lead-form',
      type: 'webhook',
      path: '/hooks/lead-form',
      objects: ['received'],
      received: 0,
      dropped: {},
      refused: 0,
    },
  ],
  flows: [],
  syncs: [],
}

class FakeDaemon implements Daemon {
  config: Config
  readonly url = 'http://127.0.0.1:8080'
  readonly operations = fakeOperations({ status: async () => STATUS })
  readonly options: DaemonOptions
  readonly stops: string[] = []
  outcome: Awaited<ReturnType<Daemon['reload']>> = { ok: true, summary: '1 flow', changes: [] }
  drained: Promise<void> = Promise.resolve()

  constructor(options: DaemonOptions) {
    this.options = options
    this.config = options.config
  }

  inject(): Promise<never> {
    return Promise.reject(new Error('this daemon takes no requests'))
  }

  async reload(): ReturnType<Daemon['reload']> {
    return this.outcome
  }

  pollNow(): never {
    throw new Error('this daemon polls nothing')
  }

  async stop(reason: string): Promise<void> {
    this.stops.push(reason)
    await this.drained
  }
}

/** A shell whose daemons are fakes. */
function shellWith(options: FakeShellOptions = {}) {
  const daemons: FakeDaemon[] = []
  const shell = new FakeShell({
    ...options,
    backend: {
      async startDaemon(given) {
        const daemon = new FakeDaemon(given)
        daemons.push(daemon)
        return daemon
      },
      ...options.backend,
    },
  })
  return { shell, daemons }
}

async function started(options: FakeShellOptions = {}, ...args: string[]) {
  const { shell, daemons } = shellWith(options)
  const done = shell.run('run', ...args)
  await until(() => shell.stdout.text !== '')
  return { shell, daemon: daemons[0]!, done }
}

describe('run', () => {
  it('says what will run and where, drains on SIGTERM and ends with 0', async () => {
    const { shell, daemon, done } = await started({ tty: true, config: { warnings: ['systems.mail: no TLS'] } })
    expect(shell.stdout.text).toMatchInlineSnapshot(`
      "twenty-sync 0.1.0  process 4711
        config      twenty-sync.yaml
        engine      embedded, one file in ./data
        intake      http://127.0.0.1:8080  (/livez /readyz /metrics)
        systems     twenty  twenty  https://api.twenty.com
        connectors  lead-form  webhook  http://127.0.0.1:8080/hooks/lead-form  received
        flows       web-form-leads
                      lead-form.received -> validate, dedupe, transform, upsert-company, upsert-person,
                      create-task
        warning     systems.mail: no TLS
      "
    `)
    shell.send('SIGTERM')
    expect(await done).toBe(0)
    expect(daemon.stops).toEqual(['SIGTERM'])
  })

  it('says it in one JSON document with --json, and logs JSON lines to stderr', async () => {
    const { shell, done } = await started({ config: { warnings: ['systems.mail: no TLS'] } }, '--json')
    expect(shell.json).toMatchObject({
      intake: 'http://127.0.0.1:8080',
      pid: 4711,
      flows: [{ name: 'web-form-leads', from: ['lead-form.received'], steps: expect.arrayContaining(['dedupe']) }],
    })
    shell.send('SIGINT')
    await done
    const logged = shell.stderr.text
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line) as Record<string, unknown>)
    expect(logged.map(({ level, msg }) => `${level} ${msg}`)).toEqual([
      'warn systems.mail: no TLS',
      'info stopped; everything that was begun is finished or kept',
    ])
  })

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('ends at once on a second signal, %s with %d', async (signal, code) => {
    const { shell, daemon } = await started()
    daemon.drained = new Promise(() => {})
    shell.send('SIGTERM')
    await until(() => daemon.stops.length === 1)
    expect(shell.exits).toEqual([])
    shell.send(signal)
    expect(shell.exits).toEqual([code])
  })

  it('takes the address of the command line at the start and at each reload', async () => {
    const given = ['--port', '9000', '--host', '0.0.0.0', '--public-url', 'https://sync.example.com/']
    const server = { host: '0.0.0.0', port: 9000, publicUrl: 'https://sync.example.com' }
    const { shell, daemon, done } = await started({}, ...given)
    expect(daemon.config.server).toEqual(server)
    expect((await daemon.options.load()).server).toEqual(server)
    expect((await daemon.options.load()).problemAt(['a'], 'r', 'm')).toMatchObject({ path: 'a' })
    shell.send('SIGTERM')
    await done
  })

  it('can be asked over its control port while it runs, and answers without secrets (P9)', async () => {
    const { shell, daemon, done } = await started()
    daemon.operations.status = async () => ({ ...STATUS, engine: `at ${CANARY}` })
    const client = await connectControl(
      fakeConfig(shell.folder).log.type === 'embedded' ? `${shell.folder}/data` : '',
      systemClock,
    )
    expect(await client!.status()).toMatchObject({ engine: 'at [redacted]' })
    shell.send('SIGTERM')
    await done
    expect(await connectControl(`${shell.folder}/data`, systemClock)).toBeUndefined()
  })

  it('ends with 2 when the config is wrong, and starts nothing', async () => {
    const { shell, daemons } = shellWith({ backend: { loadConfig: () => Promise.reject(new ConfigError([])) } })
    expect(await shell.run('run')).toBe(2)
    expect(daemons).toEqual([])
  })

  it.each([
    ['FOLDER_LOCKED', 3],
    ['FOLDER_UNUSABLE', 3],
    ['CANNOT_LISTEN', 3],
    ['LOG_UNAVAILABLE', 3],
    ['LOG_DAMAGED', 1],
  ])('ends for %s with %d', async (code, exit) => {
    const startDaemon = () => Promise.reject(new SyncError('fatal', code, 'no'))
    expect(await shellWith({ backend: { startDaemon } }).shell.run('run')).toBe(exit)
  })

  it('logs what nobody caught, without secrets, and ends with 1', async () => {
    const { shell, done } = await started()
    shell.send('crash', new Error(`cannot use ${CANARY}`))
    expect(shell.exits).toEqual([1])
    expect(shell.stderr.text).toContain('"level":"fatal"')
    expect(shell.stderr.text).toContain('cannot use [redacted]')
    expect(shell.stderr.text).not.toContain(CANARY)
    shell.send('SIGTERM')
    await done
  })
})

describe('SIGHUP', () => {
  it('says what was taken, and redacts the new secrets from then on', async () => {
    const { shell, daemon, done } = await started()
    daemon.config = { ...daemon.config, secrets: ['rotated-secret-value'] }
    shell.send('SIGHUP')
    await until(() => shell.stderr.text.includes('config taken: 1 flow'))
    shell.send('crash', new Error('rotated-secret-value'))
    expect(shell.stderr.text).not.toContain('rotated-secret-value')
    shell.send('SIGTERM')
    await done
  })

  it('names the problems of a bad config and goes on', async () => {
    const { shell, daemon, done } = await started()
    const problem = { file: 'a.yaml', line: 3, column: 1, path: 'flows', rule: 'type', message: 'must be a map' }
    daemon.outcome = { ok: false, problems: [problem] }
    shell.send('SIGHUP')
    await until(() => shell.stderr.text.includes('must be a map'))
    const lines = shell.stderr.text
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line) as Record<string, unknown>)
    expect(lines).toMatchObject([
      { level: 'error', msg: 'the config was not taken and the one before goes on: 1 problem' },
      { level: 'error', msg: 'must be a map', problem },
    ])
    expect(daemon.stops).toEqual([])
    shell.send('SIGTERM')
    expect(await done).toBe(0)
  })

  it('gives the reason when the change takes a restart', async () => {
    const { shell, daemon, done } = await started({ tty: true })
    daemon.outcome = { ok: false, problems: [], message: '`log` changed: that takes a restart' }
    shell.send('SIGHUP')
    await until(() => shell.stderr.text.includes('that takes a restart'))
    shell.send('SIGTERM')
    await done
  })
})
