import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ConfigError, type Problem } from '../../src/config/config.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { cli, FakeShell } from './fake-shell.ts'

const YAML = `flows:
  leads:
    steps:
      - upsert: { in: twenty, obejct: person }
systems:
  twenty: { type: twenty, apiKey: literally-a-secret, urll: x }
`

function withProblems() {
  const folder = tempFolder()
  const file = join(folder, 'twenty-sync.yaml')
  writeFileSync(file, YAML)
  const problems: Problem[] = [
    {
      file,
      line: 4,
      column: 31,
      path: 'flows.leads.steps[0].upsert.obejct',
      rule: 'unknown-key',
      message: 'there is no key `obejct` here',
      suggestion: 'did you mean `object`?',
    },
    {
      file,
      line: 6,
      column: 35,
      path: 'systems.twenty.apiKey',
      rule: 'literal-secret',
      message: 'a secret must not stand in the config',
      suggestion: '"${TWENTY_API_KEY}"',
    },
    {
      file,
      line: 6,
      column: 55,
      path: 'systems.twenty.urll',
      rule: 'unknown-key',
      message: 'there is no key `urll` here',
    },
  ]
  return { folder, problems, backend: { loadConfig: () => Promise.reject(new ConfigError(problems)) } }
}

describe('validate', () => {
  it('shows each problem with its line and a caret, never a line that holds a secret (P9), and ends with 2', async () => {
    const { folder, backend } = withProblems()
    const { stderr, stdout, code } = await cli(['validate'], { folder, backend })
    expect([code, stdout.text]).toEqual([2, ''])
    expect(stderr.text).toMatchInlineSnapshot(`
      "twenty-sync.yaml:4:31  flows.leads.steps[0].upsert.obejct
        there is no key \`obejct\` here
        4 |       - upsert: { in: twenty, obejct: person }
          |                               ^
        try: did you mean \`object\`?

      twenty-sync.yaml:6:35  systems.twenty.apiKey
        a secret must not stand in the config
        try: "\${TWENTY_API_KEY}"

      twenty-sync.yaml:6:55  systems.twenty.urll
        there is no key \`urll\` here

      3 problems in the config
      "
    `)
    expect(stderr.text).not.toContain('literally-a-secret')
  })

  it('gives the problems as JSON', async () => {
    const { folder, backend, problems } = withProblems()
    const { code, json } = await cli(['validate', '--json'], { folder, backend })
    expect(code).toBe(2)
    expect(json).toEqual({ error: { code: 'CONFIG', message: 'the config is wrong', problems } })
  })

  it('says what there is when all is right, and what is risky', async () => {
    const config = { warnings: ['systems.mail: `insecure: true`, mail goes out without TLS'] }
    const { stdout, code } = await cli(['validate'], { config })
    expect(code).toBe(0)
    expect(stdout.text).toMatchInlineSnapshot(`
      "warning: systems.mail: \`insecure: true\`, mail goes out without TLS
      1 file, 0 systems, 0 connectors, 1 flow: all right
      "
    `)
  })

  it('reports what the live systems say against it', async () => {
    const { problems } = withProblems()
    const backend = { verifyLive: async () => ({ problems: problems.slice(0, 1), unreachable: [] }) }
    const { code, stderr } = await cli(['validate'], { backend })
    expect(code).toBe(2)
    expect(stderr.text).toContain('flows.leads.steps[0].upsert.obejct')
  })

  it('says so when there is no flow, and names a system once', async () => {
    const backend = {
      verifyLive: async () => ({
        problems: [],
        unreachable: [{ system: 'twenty', message: 'twenty: the key is refused' }],
      }),
    }
    const { stdout } = await cli(['validate'], { backend, config: { flows: new Map() } })
    expect(stdout.text).toContain('warning: there is no flow, so nothing would be done with what comes in\n')
    expect(stdout.text).toContain('not checked: twenty: the key is refused\n')
  })

  it('ends with 3 when a system could not be asked', async () => {
    const backend = {
      verifyLive: async () => ({ problems: [], unreachable: [{ system: 'twenty', message: 'no answer within 10 s' }] }),
    }
    const { code, stdout, json } = await cli(['validate', '--json'], { backend })
    expect(code).toBe(3)
    expect(json).toMatchObject({ ok: false, unreachable: [{ system: 'twenty' }] })
    expect(stdout.text).toContain('no answer')
    expect((await cli(['validate'], { backend })).stdout.text).toContain('not checked: twenty: no answer within 10 s\n')
  })

  it('asks nobody with --offline', async () => {
    const backend = { verifyLive: () => Promise.reject(new Error('must not be asked')) }
    const { code, stdout } = await cli(['validate', '--offline'], { backend })
    expect(code).toBe(0)
    expect(stdout.text).toContain('all right; the systems were not asked')
  })
})

describe('which config is meant', () => {
  async function pathsOf(
    args: string[],
    variables: Record<string, string>,
    prepare: (folder: string) => void = () => {},
  ) {
    const folder = tempFolder()
    prepare(folder)
    let asked: readonly string[] = []
    const shell = new FakeShell({
      folder,
      variables: { TWENTY_SYNC_CONFIG: '', ...variables },
      backend: {
        loadConfig(paths) {
          asked = paths
          return Promise.reject(new ConfigError([]))
        },
      },
    })
    const code = await shell.run('validate', ...args)
    return { asked: asked.map(path => path.replace(folder, '.')), code, stderr: shell.stderr.text }
  }

  it('takes what is named, then the variable, then what lies in the folder', async () => {
    const both = (folder: string) => {
      mkdirSync(join(folder, 'config'))
      writeFileSync(join(folder, 'twenty-sync.yaml'), '')
    }
    const variables = { TWENTY_SYNC_CONFIG: 'c.yaml:d' }
    expect((await pathsOf(['--config', 'a.yaml', '--config', 'b'], variables, both)).asked).toEqual(['./a.yaml', './b'])
    expect((await pathsOf(['a.yaml'], variables, both)).asked).toEqual(['./a.yaml'])
    expect((await pathsOf([], variables, both)).asked).toEqual(['./c.yaml', './d'])
    expect((await pathsOf([], {}, both)).asked).toEqual(['./twenty-sync.yaml'])
    expect((await pathsOf([], {}, folder => mkdirSync(join(folder, 'config')))).asked).toEqual(['./config'])
  })

  it('ends with 2 and the way out when there is none', async () => {
    const { code, stderr } = await pathsOf([], {})
    expect(code).toBe(2)
    expect(stderr).toContain('`twenty-sync init`')
  })

  it('reads variables from .env, behind those of the environment', async () => {
    const folder = tempFolder()
    writeFileSync(join(folder, '.env'), 'TWENTY_SYNC_CONFIG=from-env-file.yaml\nONLY_HERE="a b"\n')
    let seen: Record<string, string | undefined> = {}
    const shell = new FakeShell({
      folder,
      variables: { TWENTY_SYNC_CONFIG: 'own.yaml' },
      backend: {
        loadConfig(_paths, variables) {
          seen = { ...variables }
          return Promise.reject(new ConfigError([]))
        },
      },
    })
    await shell.run('validate')
    expect(seen).toMatchObject({ TWENTY_SYNC_CONFIG: 'own.yaml', ONLY_HERE: 'a b' })
  })
})
