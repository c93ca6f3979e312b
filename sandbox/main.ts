import { parseArgs } from 'node:util'
import { startSandboxTwenty } from './twenty/server.ts'

const HELP = `Usage: sandbox [options]

Starts a stand-in Twenty on loopback and prints its address.

  --port <number>     default 3000; 0 takes a free port
  --api-key <token>   the token that is let in; made up when absent
  --no-rate-limit     answers as many calls as come
  --older             fields of an older workspace: city, employees, personId on note targets
  --json              prints {"url","apiKey","port","workspaceId"} on one line
`

/** Runs until SIGINT or SIGTERM. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '3000' },
      'api-key': { type: 'string' },
      'no-rate-limit': { type: 'boolean', default: false },
      older: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(HELP)
    return
  }
  const twenty = await startSandboxTwenty({
    port: Number(values.port),
    ...(values['api-key'] === undefined ? {} : { apiKey: values['api-key'] }),
    ...(values.older ? { schema: { targetColumns: 'personId', fieldSet: 'older' } } : {}),
    faults: { rateLimit: { enabled: !values['no-rate-limit'] } },
  })
  const { url, apiKey, port, workspaceId } = twenty
  process.stdout.write(
    values.json
      ? `${JSON.stringify({ url, apiKey, port, workspaceId })}\n`
      : `Twenty sandbox at ${url}\nAPI key: ${apiKey}\nFault switches: GET and PUT ${url}/sandbox/faults\n`,
  )
  const stop = () => void twenty.stop().then(() => process.exit(0))
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
}

await main().catch((error: unknown) => {
  process.stderr.write(`The sandbox did not start: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
})
