import { parseArgs } from 'node:util'
import { type EngineName, startStack } from '../stack/stack.ts'
import { killRun } from './kill-run.ts'

const { values } = parseArgs({
  options: {
    engine: { type: 'string', default: 'embedded' },
    kills: { type: 'string' },
    rate: { type: 'string', default: '50' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
})

/** `npm run faults`: kill -9 of the daemon at random instants under load. */
async function main(): Promise<number> {
  const engine = values.engine as EngineName
  const kills = Number(values.kills ?? (engine === 'kafka' ? 20 : 50))
  const seed = Number(values.seed)
  console.log(`${kills} kills on the ${engine} engine, ${values.rate} forms/s, seed ${seed}`)
  const stack = await startStack({ engine, configs: ['scripts/faults/faults.yaml'] })
  stack.twenty.faults.rateLimit.enabled = false
  try {
    const ledger = await killRun(stack, {
      kills,
      seed,
      perSecond: Number(values.rate),
      onKill: (kill, accepted) => process.stderr.write(`\r  kill ${kill} of ${kills}, ${accepted} accepted `),
    })
    process.stderr.write('\n')
    const { missing, doubled, posted, accepted } = ledger
    console.log(`posted ${posted}, accepted ${accepted}, missing ${missing.length}, doubled ${doubled.length}`)
    if (missing.length + doubled.length === 0) return 0
    console.log(`missing: ${missing.slice(0, 10).join(', ')}\ndoubled: ${doubled.slice(0, 10).join(', ')}`)
    console.log(stack.daemon.log.slice(-20).join('\n'))
    return 1
  } finally {
    await stack.stop()
  }
}

main().then(
  code => {
    process.exitCode = code
  },
  error => {
    console.error(error)
    process.exitCode = 1
  },
)
