import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { expect, it, onTestFinished } from 'vitest'
import { startSandboxTwenty } from '../../sandbox/twenty/server.ts'
import { loadConfig } from '../../src/config/load.ts'
import { createEnvironment } from '../../src/environment/system.ts'
import { verifyLive } from '../../src/runtime/verify-systems.ts'

const STEPS = `steps: [{ create: { object: note, values: { title: "'Hi'" } } }]`

/** What validate says of a config with these flows, in front of a real stand-in for Twenty. */
async function problemsOf(flows: string) {
  const twenty = await startSandboxTwenty({})
  const folder = mkdtempSync(join(tmpdir(), 'verify-live-'))
  onTestFinished(async () => {
    rmSync(folder, { recursive: true })
    await twenty.stop()
  })
  const file = join(folder, 'twenty-sync.yaml')
  const system = `twenty: { type: twenty, url: "${twenty.url}", apiKey: "\${KEY}" }`
  writeFileSync(file, `systems:\n  ${system}\nflows:\n${flows}`)
  const config = await loadConfig([file], { env: { KEY: twenty.apiKey } })
  const env = createEnvironment({ logger: pino({ level: 'silent' }) })
  const { problems } = await verifyLive(config, env, new AbortController().signal)
  return problems.map(({ line, path, message, suggestion }) => ({ line, path, message, suggestion }))
}

it('says of a flow that it reads what Twenty has not, or what never happens there', async () => {
  const flows = `
  plural:
    from: twenty.persons.created
    ${STEPS}
  unknown:
    from: [twenty.company, twenty.spaceship]
    ${STEPS}
  misspelt:
    from: twenty.person.create
    ${STEPS}
`
  expect(await problemsOf(flows)).toEqual([
    {
      line: 6,
      path: 'flows.plural.from',
      message: 'Twenty has no object "persons"',
      suggestion: 'twenty.person.created',
    },
    { line: 9, path: 'flows.unknown.from[1]', message: 'Twenty has no object "spaceship"', suggestion: undefined },
    {
      line: 12,
      path: 'flows.misspelt.from',
      message: 'records of Twenty are created, updated, deleted, restored, destroyed, and never "create"',
      suggestion: 'twenty.person.created',
    },
  ])
})

it('finds nothing wrong with what Twenty has', async () => {
  const actions = ['created', 'updated', 'deleted', 'restored', 'destroyed'].map(action => `twenty.person.${action}`)
  expect(await problemsOf(`  all:\n    from: [${[...actions, 'twenty.company'].join(', ')}]\n    ${STEPS}\n`)).toEqual(
    [],
  )
})
