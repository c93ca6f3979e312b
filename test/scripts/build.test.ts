import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bundle } from '../../scripts/build.ts'

const root = resolve(import.meta.dirname, '../..')
const run = promisify(execFile)
let folder: string
const cli = (...args: string[]) => run(process.execPath, [join(folder, 'dist/src/cli/main.js'), ...args])

/** As it is installed: package.json and packages beside `dist`. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'twenty-sync-build-'))
  for (const name of ['package.json', 'node_modules']) await symlink(join(root, name), join(folder, name))
  await mkdir(join(folder, 'dist/old'), { recursive: true })
  await writeFile(join(folder, 'dist/old/file.js'), '')
  await bundle(join(folder, 'dist'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('the built command line', () => {
  it('finds its version', async () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    expect((await cli('--version')).stdout.trim()).toBe(version)
  })

  it('has the component of every type, and the packages that stay packages', async () => {
    await writeFile(
      join(folder, 'code.ts'),
      "import { defineCode } from 'twenty-sync'\nexport default defineCode(({ data }) => ({ score: Number(data.a) }))",
    )
    const config = join(folder, 'config.yaml')
    await writeFile(
      config,
      `log: { folder: "${join(folder, 'data')}" }
systems: { nowhere: { type: "null" } }
connectors: { form: { type: webhook, path: /form, verify: none } }
flows:
  leads:
    from: form
    steps:
      - code: { file: ./code.ts, adds: [score] }
      - discard: { in: nowhere }
`,
    )
    await cli('trigger', 'form', '--config', config, '--data', '{"a":1}', '--json')
    const { stdout } = await cli('replay', 'leads', '--from', 'earliest', '--config', config, '--json')
    const last = JSON.parse(stdout.trim().split('\n').at(-1)!)
    expect(last).toMatchObject({ finished: true, done: 1, dead: 0 })
  })

  it('sends mails: what that takes is loaded when it is needed', async () => {
    const config = join(folder, 'mail.yaml')
    await writeFile(
      config,
      `systems: { mail: { type: email, url: "smtp://127.0.0.1:1", from: a@example.com } }
connectors: { form: { type: webhook, path: /form, verify: none } }
flows:
  mails: { from: form, steps: [{ send: { to: data.email, subject: Hello, text: "{{ data.name }}" } }] }
`,
    )
    expect((await cli('validate', '--offline', config)).stdout).toContain('all right')
    await expect(cli('validate', config)).rejects.toMatchObject({
      code: 3,
      stdout: expect.stringContaining('no connection to the mail server'),
    })
  })

  it('is a package whose types fit what authors of code files write', async () => {
    const user = await mkdtemp(join(tmpdir(), 'twenty-sync-user-'))
    try {
      await mkdir(join(user, 'node_modules'))
      await symlink(folder, join(user, 'node_modules/twenty-sync'))
      const check = async (result: string) => {
        const text = `import { defineCode } from 'twenty-sync'
export default defineCode(async ({ data, event }) => ${result})\n`
        await writeFile(join(user, 'score.mts'), text)
        const tsc = join(root, 'node_modules/typescript/bin/tsc')
        const options = ['--ignoreConfig', '--noEmit', '--strict', '--module', 'nodenext', 'score.mts']
        return run(process.execPath, [tsc, ...options], { cwd: user }).then(
          () => '',
          (error: { stdout: string }) => error.stdout,
        )
      }
      expect(await check('({ score: event.changed.length, name: data.name })')).toBe('')
      expect(await check('event.nothing')).toContain("Property 'nothing' does not exist")
      await writeFile(
        join(user, 'use.mjs'),
        "import { defineCode } from 'twenty-sync'\nconsole.log(typeof defineCode)\n",
      )
      expect((await run(process.execPath, ['use.mjs'], { cwd: user })).stdout).toBe('function\n')
    } finally {
      await rm(user, { recursive: true, force: true })
    }
  })

  it('starts the sandbox', async () => {
    const url = await new Promise<string>((found, failed) => {
      const child = execFile(process.execPath, [join(folder, 'dist/src/cli/main.js'), 'sandbox', '--port', '0'])
      child.stdout!.on('data', (text: string) => {
        const match = /http:\/\/\S+\d/.exec(text)
        if (match) {
          child.kill('SIGKILL')
          found(match[0])
        }
      })
      child.once('exit', code => failed(new Error(`ended with ${code}`)))
    })
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
  })

  it('loads Kafka and Redis where a config names them', async () => {
    const config = join(folder, 'kafka.yaml')
    await writeFile(
      config,
      `log: { type: kafka, brokers: ["127.0.0.1:1"], registry: { url: "http://127.0.0.1:1" } }
state: { type: redis, url: "redis://127.0.0.1:1" }
connectors: { form: { type: webhook, path: /form, verify: none } }
`,
    )
    const outcome = cli('topics', '--config', config, '--json')
    await expect(outcome).rejects.toMatchObject({ code: 3, stdout: expect.stringContaining('_UNAVAILABLE') })
  })

  it('leaves nothing of an earlier build, and brings the licences of what went in', () => {
    expect(existsSync(join(folder, 'dist/old/file.js'))).toBe(false)
    const licences = readFileSync(join(folder, 'dist/THIRD-PARTY-LICENSES.txt'), 'utf8')
    for (const name of ['fastify', 'undici', 'ajv', '@sinclair/typebox']) expect(licences).toContain(`${name} `)
  })
})
