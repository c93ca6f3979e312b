import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type SandboxTwenty, startSandboxTwenty } from '../../sandbox/twenty/server.ts'
import { nodeBackend } from '../../src/cli/node-shell.ts'
import { systemClock } from '../../src/environment/clock.ts'
import { systemHttp } from '../../src/environment/http-transport.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { FakeShell } from './fake-shell.ts'

const MAIN = [
  '--import',
  fileURLToPath(import.meta.resolve('tsx')),
  resolve(import.meta.dirname, '../../src/cli/main.ts'),
]
const FORM_KEY = 'form-key-canary'
const API_KEY = 'api-key-canary'

const CONFIG = `
systems:
  twenty: { type: twenty, url: "\${TWENTY_URL}", apiKey: "\${TWENTY_API_KEY}" }
connectors:
  lead-form:
    type: webhook
    path: /hooks/lead-form
    accept: [form]
    verify: { header: x-form-key, equals: "\${FORM_KEY}" }
flows:
  leads:
    from: lead-form
    steps:
      - upsert:
          in: twenty
          object: person
          match: emails.primaryEmail
          values: { emails: { primaryEmail: data.email }, jobTitle: data.?jobTitle }
server: { port: 0 }
`

/** Like `until`, with pauses: a loop that spins would take from the processes that it waits for. */
async function until(condition: () => boolean, what = condition.toString()): Promise<void> {
  for (let left = 60_000; !condition(); left -= 20) {
    if (left <= 0) throw new Error(`not within a minute: ${what}`)
    await pause(20)
  }
}

/** The real thing in a folder of its own: processes, signals, the embedded engine, a stand-in for Twenty. */
class Installation {
  readonly folder = tempFolder()
  readonly #variables: Record<string, string>

  constructor(twenty: SandboxTwenty) {
    this.#variables = { TWENTY_URL: twenty.url, TWENTY_API_KEY: API_KEY, FORM_KEY }
    this.write(CONFIG)
  }

  write(yaml: string): void {
    writeFileSync(join(this.folder, 'twenty-sync.yaml'), yaml)
  }

  /** One command to its end, in this process: what it talks to is another one all the same. */
  async cli(...args: string[]): Promise<FakeShell & { code: number }> {
    const variables = { TWENTY_SYNC_CONFIG: '', ...this.#variables }
    const shell = new FakeShell({ folder: this.folder, variables, backend: nodeBackend, http: systemHttp })
    Object.assign(shell, { clock: systemClock })
    const code = await shell.run(...args)
    return Object.assign(shell, { code })
  }

  /** One command as a process, from a shell that has none of the variables. */
  async cliWithoutSecrets(...args: string[]): Promise<Child> {
    const child = new Child(spawn(process.execPath, [...MAIN, ...args], { cwd: this.folder }))
    await child.end()
    return child
  }

  async start(): Promise<Child> {
    const options = { cwd: this.folder, env: { ...process.env, ...this.#variables, NO_COLOR: '1' } }
    const daemon = new Child(spawn(process.execPath, [...MAIN, 'run', '--json'], options))
    await until(() => daemon.stdout.includes('\n') || daemon.ended !== undefined, 'the daemon starts')
    if (!daemon.stdout.includes('"intake"'))
      throw new Error(`the daemon did not start: ${daemon.stdout}${daemon.stderr}`)
    return daemon
  }
}

/** A process, and what it said. */
class Child {
  stdout = ''
  stderr = ''
  ended: number | string | undefined
  readonly #child: ChildProcess

  constructor(child: ChildProcess) {
    this.#child = child
    child.stdout!.setEncoding('utf8').on('data', text => {
      this.stdout += text
    })
    child.stderr!.setEncoding('utf8').on('data', text => {
      this.stderr += text
    })
    child.on('close', (code, signal) => {
      this.ended = code ?? signal ?? 'gone'
    })
    onTestFinished(() => void child.kill('SIGKILL'))
  }

  get url(): string {
    return (JSON.parse(this.stdout) as { intake: string }).intake
  }

  send(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  async end(): Promise<number | string> {
    await until(() => this.ended !== undefined, `the daemon ends; ${this.stderr}`)
    return this.ended!
  }

  async postForm(fields: Record<string, string>): Promise<number> {
    const options = { method: 'POST', headers: { 'x-form-key': FORM_KEY }, body: new URLSearchParams(fields) }
    return (await fetch(`${this.url}/hooks/lead-form`, options)).status
  }
}

async function installation(): Promise<{ twenty: SandboxTwenty; here: Installation }> {
  const twenty = await startSandboxTwenty({ apiKey: API_KEY })
  onTestFinished(() => twenty.stop())
  return { twenty, here: new Installation(twenty) }
}

describe('the command line as processes', { timeout: 120_000 }, () => {
  it('runs, is asked, is reloaded, drains on SIGTERM, and is asked again when it is gone', async () => {
    const { twenty, here } = await installation()
    const daemon = await here.start()
    expect(await daemon.postForm({ email: 'ada@example.com' })).toBe(202)
    await until(() => twenty.rows('people').length === 1, 'the person is in Twenty')

    const status = await here.cliWithoutSecrets('status', '--json')
    expect(JSON.parse(status.stdout)).toMatchObject({ running: true, flows: [{ name: 'leads', state: 'running' }] })
    const locked = await here.cli('run', '--json')
    expect(locked.code).toBe(3)
    expect(locked.json).toMatchObject({ error: { code: 'FOLDER_LOCKED' } })
    const [event] = (await here.cli('events', 'list', '--json')).json as { id: string }[]
    const story = await here.cli('events', 'show', event!.id)
    expect(story.stdout.text).toMatch(/leads {2}done .*\n {6}upsert-person {2}wrote person\//)

    // Compiled by the daemon, shown here with the place.
    const wrong = await here.cli('events', 'list', '--where', "data.email = 'ä' && dta.x")
    expect([wrong.code, wrong.stderr.text]).toEqual([
      1,
      [
        'error: `=` sets a value, and an expression only reads; equality is `==` (EXPRESSION_INVALID)',
        "    data.email = 'ä' && dta.x",
        '               ^',
        "  try: data.email == 'ä' && dta.x",
        '',
      ].join('\n'),
    ])
    expect((await here.cli('events', 'list', '--where', 'dta.x == 1')).stderr.text).toContain('there is no "dta" here')

    here.write(CONFIG.replace('path: /hooks', 'pth: /hooks'))
    daemon.send('SIGHUP')
    await until(() => daemon.stderr.includes('there is no key `pth` here'))
    const refused = await here.cli('reload')
    expect([refused.code, refused.stderr.text]).toEqual([2, expect.stringContaining('twenty-sync.yaml:7:5')])
    expect(refused.stderr.text).toContain('the daemon goes on with the one before')
    expect(await daemon.postForm({ email: 'grace@example.com' })).toBe(202)
    here.write(CONFIG.replace('/hooks/lead-form', '/hooks/leads'))
    daemon.send('SIGHUP')
    await until(() => daemon.stderr.includes('config taken') && twenty.rows('people').length === 2)
    expect(await daemon.postForm({ email: 'nobody@example.com' })).toBe(404)
    here.write(
      CONFIG.replace('/hooks/lead-form', '/hooks/lead').replace('jobTitle: data.?jobTitle', 'city: data.?city'),
    )
    const unknownField = await here.cli('reload', '--json')
    expect(unknownField.code).toBe(2)
    expect(unknownField.json).toMatchObject({ error: { code: 'CONFIG', problems: [{ rule: 'unknown-field' }] } })
    here.write(CONFIG.replace('/hooks/lead-form', '/hooks/lead'))
    const taken = await here.cli('reload', '--json')
    expect(taken.json).toMatchObject({
      ok: true,
      changes: [{ what: 'connector', name: 'lead-form', change: 'changed' }],
    })
    // What was counted before a reload still counts.
    expect((await here.cli('status', '--json')).json).toMatchObject({ flows: [{ name: 'leads', done: 2 }] })

    daemon.send('SIGTERM')
    expect(await daemon.end()).toBe(0)
    expect(existsSync(join(here.folder, 'data', 'control.json'))).toBe(false)
    expect((await here.cli('reload')).code).toBe(3)
    const stored = await here.cli('status', '--json')
    expect(stored.json).toMatchObject({ running: false, flows: [{ name: 'leads', lag: 0 }] })
    for (const text of [daemon.stdout, daemon.stderr, status.stdout, story.stdout.text, stored.stdout.text]) {
      expect(text).not.toMatch(/canary/)
    }
  })

  it('ends at once on a second signal, and leaves nothing that a command would take for a daemon', async () => {
    const { twenty, here } = await installation()
    const daemon = await here.start()
    await daemon.postForm({ email: 'first@example.com' })
    await until(() => twenty.rows('people').length === 1)
    // Answers to writes so late that draining would take until long after this test; what only reads is not waited for.
    Object.assign(twenty.faults.http, { delayMs: 60_000, scope: 'writes' })
    const before = twenty.calls.length
    await daemon.postForm({ email: 'ada@example.com' })
    await until(() => twenty.calls.slice(before).some(({ method }) => method !== 'GET'))
    daemon.send('SIGINT')
    await until(() => daemon.stderr.includes('stopping: SIGINT'))
    daemon.send('SIGINT')
    expect(await daemon.end()).toBe(130)
    expect((await here.cli('status', '--json')).json).toMatchObject({ running: false })
  })

  it('takes events while it is down, and does what they ask for once it is up', async () => {
    const { twenty, here } = await installation()
    const data = JSON.stringify({ email: 'ada@example.com', jobTitle: 'Countess' })
    const triggered = await here.cli('trigger', 'lead-form', '--data', data)
    expect(triggered.stdout.text).toContain('no daemon runs: flows that ran before take it when one does')
    const daemon = await here.start()
    const replayed = await here.cli('replay', 'leads', '--from', 'earliest', '--dry-run')
    expect(replayed.stdout.text).toContain('create person/')
    const done = await here.cli('replay', 'leads', '--from', 'earliest', '--json')
    expect(done.lines.at(-1)).toMatchObject({ finished: true, done: 1 })
    expect(twenty.rows('people')).toMatchObject([{ jobTitle: 'Countess' }])
    daemon.send('SIGTERM')
    expect(await daemon.end()).toBe(0)
  })

  it('begins with init on a stand-in that is a process too', async () => {
    const { here } = await installation()
    rmSync(join(here.folder, 'twenty-sync.yaml'))
    const sandbox = new Child(
      spawn(process.execPath, [...MAIN, 'sandbox', '--port', '0', '--api-key', API_KEY, '--json'], {
        cwd: here.folder,
      }),
    )
    await until(() => sandbox.stdout.includes('\n'))
    const { url } = JSON.parse(sandbox.stdout) as { url: string }
    expect((await here.cli('init', '--yes', '--url', url)).code).toBe(0)
    expect(readFileSync(join(here.folder, 'twenty-sync.yaml'), 'utf8')).toContain('lead-form')
    expect((await here.cli('validate')).stdout.text).toContain('all right')
    sandbox.send('SIGTERM')
    expect(await sandbox.end()).toBe(0)
  })
})
