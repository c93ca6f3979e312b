import { startVitest } from 'vitest/node'

const HELP = `Runs the Twenty contract suite against a real server.

  TWENTY_URL                 its address, such as https://crm.example.com
  TWENTY_API_KEY             a key whose role may read and write records and manage webhooks
  TWENTY_WEBHOOK_RECEIVER    optional: an address of this machine that the server can reach, such as
                             http://10.0.0.5:9099/ ; its port is listened on. Without it no delivery is tested
  TWENTY_CHANGE_DATA_MODEL   optional: yes also adds and removes an object and fields

The suite touches only records that it creates, tags them, and destroys them in the end. It waits where the server's
rate limit asks for it: with the default of 100 calls a minute it takes about three minutes.
`

/** Exit codes: 0 passed, 1 a test failed, 2 not configured, 3 the server cannot be reached. */
async function main(): Promise<number> {
  const { TWENTY_URL: url, TWENTY_API_KEY: key, TWENTY_WEBHOOK_RECEIVER: receiver } = process.env
  if (!url || !key) {
    process.stderr.write(`TWENTY_URL and TWENTY_API_KEY are not set.\n\n${HELP}`)
    return 2
  }
  const why = await unreachable(url)
  if (why) {
    process.stderr.write(`No Twenty at ${url}: ${why}\n`)
    return 3
  }
  if (!receiver) process.stdout.write('TWENTY_WEBHOOK_RECEIVER is not set: deliveries are not tested.\n')
  const vitest = await startVitest('test', [], {
    watch: false,
    include: ['test/contract/twenty-server.contract.ts'],
    testTimeout: 180_000,
    hookTimeout: 600_000,
  })
  await vitest.close()
  return vitest.state.getCountOfFailedTests() > 0 || process.exitCode ? 1 : 0
}

async function unreachable(url: string): Promise<string | undefined> {
  try {
    const response = await fetch(new URL('/healthz', url), { signal: AbortSignal.timeout(10_000) })
    return response.ok ? undefined : `/healthz answers ${response.status}`
  } catch (error) {
    return error instanceof Error ? `${error.message}${error.cause ? ` (${String(error.cause)})` : ''}` : String(error)
  }
}

process.exit(await main())
