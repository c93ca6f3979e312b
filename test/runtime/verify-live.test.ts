import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pino from 'pino'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startSandboxTwenty } from '../../sandbox/twenty/server.ts'
import { addFields } from '../../sandbox/workspace.ts'
import { loadConfig } from '../../src/config/load.ts'
import { createEnvironment } from '../../src/environment/system.ts'
import { startDaemon } from '../../src/runtime/daemon.ts'
import { verifyLive } from '../../src/runtime/verify-systems.ts'
import { tempFolder } from '../support/temp-folder.ts'
import { until } from '../support/until.ts'

const STEPS = `steps: [{ create: { object: note, values: { title: "'Hi'" } } }]`

/** What validate says of a config with these flows, in front of a real stand-in for Twenty. */
async function problemsOf(flows: string) {
  const twenty = await startSandboxTwenty({})
  onTestFinished(() => twenty.stop())
  const file = join(tempFolder(), 'twenty-sync.yaml')
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

describe('what somebody adds in Twenty, of which nobody tells', () => {
  /** A daemon that writes one field, and then one that was not there when it read the field list. */
  async function daemons() {
    const twenty = await startSandboxTwenty({})
    onTestFinished(() => twenty.stop())
    const folder = tempFolder()
    const file = join(folder, 'twenty-sync.yaml')
    const configure = (from: string, field: string) => {
      const update = `update: { in: twenty, object: person, recordId: data.id, values: { ${field}: data.id } }`
      writeFileSync(
        file,
        `log: { type: embedded, folder: "${folder}/data" }
server: { port: 0 }
systems: { twenty: { type: twenty, url: "${twenty.url}", apiKey: "\${KEY}" } }
flows: { f: { from: ${from}, steps: [{ ${update} }] } }
`,
      )
    }
    const load = () => loadConfig([file], { env: { KEY: twenty.apiKey } })
    const start = async () => {
      const env = createEnvironment({ logger: pino({ level: 'silent' }) })
      const daemon = await startDaemon({ config: await load(), load, env })
      onTestFinished(() => daemon.stop('the test is over'))
      await until(async () => (await daemon.operations.status()).systems.every(({ ready }) => ready))
      return daemon
    }
    configure('twenty.person', 'jobTitle')
    const daemon = await start()
    const add = () => {
      addFields(twenty, { person: [{ name: 'badge', type: 'TEXT' }] })
      configure('twenty.campaign', 'badge')
    }
    return { daemon, add, start }
  }

  it('while the daemon is down does not keep it from starting', async () => {
    const { daemon, add, start } = await daemons()
    await daemon.stop('for a while')
    add()
    await start()
  })

  it('while it runs is there for a reload', async () => {
    const { daemon, add } = await daemons()
    add()
    expect(await daemon.reload()).toMatchObject({ ok: true })
  })
})
