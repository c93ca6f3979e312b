import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pino from 'pino'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startSandboxTwenty } from '../../sandbox/twenty/server.ts'
import { nodeBackend } from '../../src/cli/node-shell.ts'
import { loadConfig } from '../../src/config/load.ts'
import { systemHttp } from '../../src/environment/http-transport.ts'
import { FakeShell, type FakeShellOptions } from './fake-shell.ts'

const KEY = 'key-of-the-sandbox'

/** In an empty folder, with a real loader and a real stand-in for Twenty. */
async function initShell(options: FakeShellOptions = {}) {
  const twenty = await startSandboxTwenty({ apiKey: KEY })
  onTestFinished(() => twenty.stop())
  const shell = new FakeShell({
    ...options,
    http: systemHttp,
    backend: { loadConfig: (paths, env) => loadConfig(paths, { env }), ...options.backend },
  })
  const read = (name: string) => readFileSync(join(shell.folder, name), 'utf8')
  return { shell, twenty, read }
}

describe('init', () => {
  it('asks for URL and key, checks them, lists the objects, and writes a config that is right', async () => {
    const { shell, twenty, read } = await initShell({ tty: true })
    const answers = [twenty.url, KEY]
    const hidden: boolean[] = []
    shell.stdin.ask = async (_question, options) => {
      hidden.push(options?.hidden ?? false)
      return answers.shift()!
    }
    expect(await shell.run('init')).toBe(0)
    expect(hidden).toEqual([false, true])
    expect(shell.stderr.text).toContain('Twenty answers, and the key is good.')
    expect(shell.stderr.text).toMatch(/company \(\d+\)/)
    expect(shell.stdout.text).toMatchInlineSnapshot(`
      "Written
        twenty-sync.yaml         systems, connectors and flows, each part explained where it stands
        .env                     the values of its variables, readable by you alone
        .env.example             their names, for whoever comes next
        twenty-sync.schema.json  tells editors what the config can say: completion, and mistakes while you type
        .gitignore               keeps .env and the data folder out of version control

      Next
        twenty-sync validate     checks the config against Twenty
        twenty-sync run          runs it; the rest in another shell, in this folder
        . ./.env                 for FORM_KEY, which the form must send
        curl -H "x-form-key: $FORM_KEY" -d 'firstName=Ada&lastName=Lovelace&email=ada@example.com' \\
             http://127.0.0.1:8080/hooks/lead-form
        twenty-sync events list  shows what came in
        twenty-sync status       shows what became of it
      "
    `)
    expect(read('.env')).toBe(
      `TWENTY_URL="${twenty.url}"\nTWENTY_API_KEY="${KEY}"\nFORM_KEY="00000000000040008000000000000001"\n`,
    )
    expect(statSync(join(shell.folder, '.env')).mode & 0o777).toBe(0o600)
    expect(read('.env.example')).toContain('TWENTY_API_KEY=\n')
  })

  it('writes no secret anywhere but to .env, and none that the environment has (P9)', async () => {
    const { shell, twenty, read } = await initShell({ variables: { MY_KEY: KEY } })
    expect(await shell.run('init', '--url', twenty.url, '--key-env', 'MY_KEY', '--yes', '--json')).toBe(0)
    expect(shell.json).toMatchObject({
      url: `${twenty.url}/`,
      objects: expect.arrayContaining([expect.objectContaining({ name: 'person', plural: 'people' })]),
      files: ['.env.example', '.env', '.gitignore', 'twenty-sync.schema.json', 'twenty-sync.yaml'],
    })
    for (const name of ['.env', '.env.example', 'twenty-sync.yaml']) expect(read(name)).not.toContain(KEY)
    expect(shell.stdout.text + shell.stderr.text).not.toContain(KEY)
    expect(read('twenty-sync.yaml')).toContain('apiKey: "${MY_KEY}"')
  })

  it('writes what people try next, to be uncommented, and all of it is right', async () => {
    const { shell, twenty, read } = await initShell({ variables: { TWENTY_API_KEY: KEY } })
    expect(await shell.run('init', '--url', twenty.url, '--yes')).toBe(0)
    const written = read('twenty-sync.yaml')
    const variables = { TWENTY_URL: twenty.url, TWENTY_API_KEY: KEY, FORM_KEY: 'form-key' }
    const problemsOf = async (yaml: string) => {
      writeFileSync(join(shell.folder, 'twenty-sync.yaml'), yaml)
      const config = await loadConfig([join(shell.folder, 'twenty-sync.yaml')], { env: variables })
      const { signal } = new AbortController()
      const found = await nodeBackend.verifyLive(config, shell.environment(pino({ level: 'silent' })), signal)
      return { steps: [...config.flows].map(([name, { steps }]) => [name, ...steps.map(({ id }) => id)]), ...found }
    }
    const leads = ['web-form-leads', 'validate', 'transform', 'dedupe', 'upsert-person']
    expect(await problemsOf(written)).toEqual({ steps: [leads], problems: [], unreachable: [] })
    // Lines of YAML behind a `#`; what is said to people has a capital letter or a full stop.
    const all = written.replaceAll(/^( *)# (?!yaml-)(?=[- ]*[a-z][\w-]*:(?! .*\.$))/gm, '$1')
    expect(await problemsOf(all)).toEqual({
      steps: [
        [...leads, 'create-task'],
        ['welcome-note', 'create-note'],
      ],
      problems: [],
      unreachable: [],
    })
    expect(all).toMatch(/^server: .*[\s\S]*^log: /m)
  })

  it('tells editors what the config can say, and keeps secrets out of git', async () => {
    const { shell, twenty, read } = await initShell({ variables: { TWENTY_API_KEY: KEY } })
    await shell.run('init', '--url', twenty.url, '--yes')
    const [, schema] = /^# yaml-language-server: \$schema=\.\/(\S+)\n/.exec(read('twenty-sync.yaml'))!
    expect(JSON.parse(read(schema!))).toMatchObject({ properties: { flows: {} } })
    expect(read('.gitignore').split('\n')).toContain('.env')
  })

  it('says so where it may not write', async () => {
    const { shell, twenty } = await initShell({ variables: { TWENTY_API_KEY: KEY } })
    Object.assign(shell, { folder: join(shell.folder, 'gone') })
    expect(await shell.run('init', '--url', twenty.url, '--yes')).toBe(2)
    expect(shell.stderr.text).toMatch(/error: \.env\.example cannot be written in \S+gone: /)
  })

  it('overwrites nothing', async () => {
    const { shell, twenty, read } = await initShell({ variables: { TWENTY_API_KEY: KEY } })
    writeFileSync(join(shell.folder, '.env'), 'FORM_KEY=mine-and-only-mine\n')
    expect(await shell.run('init', '--url', twenty.url, '--yes')).toBe(0)
    expect(shell.stdout.text).toContain('Still to do: .env was here already; add TWENTY_URL to it')
    expect(read('.env')).toBe('FORM_KEY=mine-and-only-mine\n')
    const again = new FakeShell({ folder: shell.folder })
    expect(await again.run('init', '--yes')).toBe(2)
    expect(again.stderr.text).toContain('twenty-sync.yaml is here already')
  })

  it.each([
    [['--yes'], 2, 'set --url'],
    [['--yes', '--url', 'twenty.example.com'], 2, 'is none; it looks like'],
    [['--yes', '--url', 'http://twenty.example.com'], 2, 'is not encrypted'],
    [['--yes', '--url', 'https://user:pass@twenty.example.com'], 2, 'leave out credentials'],
  ])('refuses %j with %d', async (args, code, says) => {
    const { shell } = await initShell({ variables: { TWENTY_API_KEY: KEY } })
    expect(await shell.run('init', ...args)).toBe(code)
    expect(shell.stderr.text).toContain(says)
    expect(existsSync(join(shell.folder, 'twenty-sync.yaml'))).toBe(false)
  })

  it('writes nothing when the key is refused, or Twenty is not there', async () => {
    const { shell, twenty } = await initShell({ variables: { TWENTY_API_KEY: 'wrong' } })
    expect(await shell.run('init', '--url', twenty.url, '--yes')).toBe(1)
    expect(shell.stderr.text).toContain('TWENTY_AUTH')
    await twenty.stop()
    expect(await shell.run('init', '--url', twenty.url, '--yes')).toBe(3)
    expect(existsSync(join(shell.folder, 'twenty-sync.yaml'))).toBe(false)
  })
})
