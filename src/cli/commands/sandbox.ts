import { type AddCommand, wholeNumber, withExamples } from '../command.ts'
import { interruptible } from '../interrupt.ts'
import type { Session } from '../session.ts'
import type { RunningSandbox } from '../shell.ts'

interface SandboxOptions {
  readonly port: number
  readonly apiKey: string
  readonly all?: boolean
}

export const addSandbox: AddCommand = (program, runner) => {
  const command = program
    .command('sandbox')
    .summary('Run a stand-in for Twenty, to try things on.')
    .description(
      'Run a stand-in for Twenty on this machine, to try things on. It keeps its records in memory and listens on 127.0.0.1.',
    )
    .option('--port <number>', 'port to listen on; 0 takes a free one', wholeNumber(0), 3100)
    .option('--all', 'stand-ins for every other system of the shipped configs too, on the ports that follow')
    .option('--api-key <key>', 'the API key that it accepts; it opens nothing but the sandbox', 'sandbox-api-key')
    .action(
      runner.run(async (session: Session, { port, apiKey, all = false }: SandboxOptions) => {
        await interruptible(session.shell, async signal => {
          const sandbox = await session.shell.backend.startSandbox({ port, apiKey, all })
          try {
            const { url, variables, systems } = sandbox
            const document = { url, apiKey: sandbox.apiKey, ...(variables && { variables, systems }) }
            await session.result(document, () => (all ? allText : sandboxText)(sandbox, session))
            await new Promise<void>(resolve => {
              if (signal.aborted) resolve()
              signal.addEventListener('abort', () => resolve(), { once: true })
            })
          } finally {
            await sandbox.close()
          }
        })
        return undefined
      }),
    )
  withExamples(command, [
    ['twenty-sync sandbox', 'on http://127.0.0.1:3100, until Ctrl-C'],
    ['twenty-sync sandbox --port 0 --json', 'on a free port, told as JSON'],
    ['twenty-sync sandbox --all', 'with all that the configs under `config/` talk to'],
  ])
}

function sandboxText({ url, apiKey }: RunningSandbox, { style }: Session): string {
  return [
    `${style.bold('A stand-in for Twenty')} at ${style.cyan(url)}; its records are gone when it ends (Ctrl-C).`,
    '',
    style.bold('Point twenty-sync at it'),
    `  export TWENTY_URL=${url}`,
    `  export TWENTY_API_KEY=${apiKey}`,
    '  twenty-sync init --yes && twenty-sync run',
    '',
    style.bold('Change records, as a program does'),
    `  KEY='authorization: Bearer ${apiKey}'`,
    `  curl -s ${url}/rest/people -H "$KEY" -H 'content-type: application/json' \\`,
    `    -d '{"name":{"firstName":"Ada"},"emails":{"primaryEmail":"ada@example.com"}}'`,
    `  curl -s ${url}/rest/people -H "$KEY"`,
    '',
    style.bold('Change records, as a person does in Twenty'),
    `  curl -s ${url}/sandbox/edit \\`,
    `    -d '{"object":"people","id":"<id>","values":{"jobTitle":"CTO"}}'`,
    '',
    style.bold('Have it send webhooks'),
    `  curl -s ${url}/rest/webhooks -H "$KEY" -H 'content-type: application/json' \\`,
    `    -d '{"targetUrl":"<intake>/hooks/twenty","operations":["*.*"],"secret":"<a secret>"}'`,
    '',
    style.bold('See what it did, and make it misbehave'),
    `  curl -s ${url}/sandbox/state`,
    `  curl -s ${url}/sandbox/faults`,
    `  curl -s -X PUT ${url}/sandbox/faults -d '{…}'`,
  ].join('\n')
}

function allText({ variables = {}, systems = [] }: RunningSandbox, { style }: Session): string {
  return [
    `${style.bold('Stand-ins')}; what they know is gone when they end (Ctrl-C).`,
    '',
    ...systems.map(({ name, url }) => `  ${name.padEnd(12)}${style.cyan(url)}`),
    '',
    style.bold('Point twenty-sync at them'),
    ...Object.entries(variables).map(([name, value]) => `  export ${name}=${value}`),
    '  twenty-sync run config/enrichment.yaml --public-url http://127.0.0.1:8080',
    '',
    style.bold('See what each knows and did, and make it misbehave'),
    '  curl -s <address>/sandbox/state',
    '  curl -s <address>/sandbox/calls',
    `  curl -s -X PUT <address>/sandbox/faults -d '{"failNext":1,"failStatus":429,"retryAfterSeconds":2}'`,
  ].join('\n')
}
