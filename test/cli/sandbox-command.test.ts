import { describe, expect, it } from 'vitest'
import { nodeBackend } from '../../src/cli/node-shell.ts'
import { until } from '../support/until.ts'
import { FakeShell } from './fake-shell.ts'

function shellWithSandbox() {
  const seen: { options?: object; closed: boolean } = { closed: false }
  const shell = new FakeShell({
    backend: {
      async startSandbox(options) {
        seen.options = options
        return {
          url: `http://127.0.0.1:${options.port || 41_000}`,
          apiKey: options.apiKey,
          close: async () => {
            seen.closed = true
          },
        }
      },
    },
  })
  return { shell, seen }
}

describe('sandbox', () => {
  it('says where it is and what can be done with it, until Ctrl-C', async () => {
    const { shell, seen } = shellWithSandbox()
    const done = shell.run('sandbox')
    await until(() => shell.stdout.text !== '')
    expect(seen.options).toEqual({ port: 3100, apiKey: 'sandbox-api-key', all: false })
    expect(shell.stdout.text).toMatchInlineSnapshot(`
      "A stand-in for Twenty at http://127.0.0.1:3100; its records are gone when it ends (Ctrl-C).

      Point twenty-sync at it
        export TWENTY_URL=http://127.0.0.1:3100
        export TWENTY_API_KEY=sandbox-api-key
        twenty-sync init --yes && twenty-sync run

      Change records, as a program does
        KEY='authorization: Bearer sandbox-api-key'
        curl -s http://127.0.0.1:3100/rest/people -H "$KEY" -H 'content-type: application/json' \\
          -d '{"name":{"firstName":"Ada"},"emails":{"primaryEmail":"ada@example.com"}}'
        curl -s http://127.0.0.1:3100/rest/people -H "$KEY"

      Change records, as a person does in Twenty
        curl -s http://127.0.0.1:3100/sandbox/edit \\
          -d '{"object":"people","id":"<id>","values":{"jobTitle":"CTO"}}'

      Have it send webhooks
        curl -s http://127.0.0.1:3100/rest/webhooks -H "$KEY" -H 'content-type: application/json' \\
          -d '{"targetUrl":"<intake>/hooks/twenty","operations":["*.*"],"secret":"<a secret>"}'

      See what it did, and make it misbehave
        curl -s http://127.0.0.1:3100/sandbox/state
        curl -s http://127.0.0.1:3100/sandbox/faults
        curl -s -X PUT http://127.0.0.1:3100/sandbox/faults -d '{…}'
      "
    `)
    expect(Math.max(...shell.stdout.text.split('\n').map(line => line.length))).toBeLessThanOrEqual(100)
    shell.send('SIGINT')
    expect(await done).toBe(0)
    expect(seen.closed).toBe(true)
  })

  it('says it in JSON', async () => {
    const { shell } = shellWithSandbox()
    const done = shell.run('sandbox', '--port', '0', '--api-key', 'k', '--json')
    await until(() => shell.stdout.text !== '')
    expect(shell.json).toEqual({ url: 'http://127.0.0.1:41000', apiKey: 'k' })
    shell.send('SIGTERM')
    expect(await done).toBe(0)
  })

  it('starts all of them, and says what the shipped configs read', async () => {
    const shell = new FakeShell({ backend: { startSandbox: nodeBackend.startSandbox } })
    const done = shell.run('sandbox', '--all', '--port', '0')
    await until(() => shell.stdout.text !== '')
    const variables = [...shell.stdout.text.matchAll(/^ {2}export (\w+)=(\S+)$/gm)].map(([, name]) => name)
    expect(variables).toEqual(expect.arrayContaining(['TWENTY_URL', 'ENRICHMENT_KEY', 'SMTP_URL', 'RECORDER_SECRET']))
    const url = /enrichment +(http\S+)/.exec(shell.stdout.text)?.[1]
    expect((await fetch(`${url}/sandbox/state`)).status).toBe(200)
    shell.send('SIGINT')
    expect(await done).toBe(0)
    await expect(fetch(`${url}/sandbox/state`)).rejects.toThrow()
  })
})
