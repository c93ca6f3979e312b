import { parseArgs, styleText } from 'node:util'
import { NotAvailable } from '../services/look-up.ts'
import { type EngineName, type Stack, startStack } from '../stack/stack.ts'
import { SCENES as FORM_SCENES } from './scenes.ts'
import { showEngine } from './show-engine.ts'
import { SYNC_SCENES } from './sync-scenes.ts'

const USAGE = 'npm run demo -- [--engine embedded|kafka] [--once]'

const { values } = parseArgs({
  options: { engine: { type: 'string', default: 'embedded' }, once: { type: 'boolean', default: false } },
})

const CONFIGS = ['config/web-form-leads.yaml', 'config/two-way-sync.yaml']
const SCENES = [...FORM_SCENES, ...SYNC_SCENES]

async function main(): Promise<number> {
  const engine = values.engine
  if (engine !== 'embedded' && engine !== 'kafka') {
    console.error(`--engine is embedded or kafka, not ${engine}\n${USAGE}`)
    return 2
  }
  const stack = await started(engine)
  if (!stack) return 3
  const interrupted = new Promise<void>(resolve => process.once('SIGINT', resolve).once('SIGTERM', resolve))
  try {
    introduce(stack)
    const failed = await playAll(stack)
    await stack.settled()
    await showEngine(stack)
    if (values.once || failed > 0) return failed === 0 ? 0 : 1
    invite(stack)
    await interrupted
    return 0
  } finally {
    console.log('\nStopping what was started …')
    await stack.stop()
  }
}

async function started(engine: EngineName): Promise<Stack | undefined> {
  console.log(bold(`\ntwenty-sync on the ${engine === 'kafka' ? 'Kafka and Redis' : 'embedded'} engine\n`))
  try {
    return await startStack({ engine, configs: CONFIGS, erp: { settings: { etags: true, unique: ['email'] } } })
  } catch (error) {
    if (!(error instanceof NotAvailable)) throw error
    console.error(`Kafka and Redis cannot be had here:\n${error.message}\n`)
    console.error('Either of these makes them available:')
    console.error('  KAFKA_BROKERS=host:9092 REDIS_URL=redis://host:6379 npm run demo -- --engine kafka')
    console.error('  apt-get install -y redis-server openjdk-17-jre-headless maven && npm run demo -- --engine kafka')
    return undefined
  }
}

function introduce({ twenty, erp, url, found }: Stack): void {
  for (const line of found) console.log(`  engine   ${line}`)
  console.log(`  Twenty   ${twenty.url}  (a stand-in that follows docs/twenty.md)`)
  console.log(`  intake   ${url}/hooks/lead-form`)
  console.log(`  ERP      ${erp!.url}  (a stand-in REST API)`)
  console.log(`  config   ${CONFIGS.join(', ')}\n`)
}

/** How many scenes went wrong. */
async function playAll(stack: Stack): Promise<number> {
  let failed = 0
  for (const [index, scene] of SCENES.entries()) {
    console.log(bold(`${index + 1}  ${scene.title}`))
    try {
      for (const line of await scene.play(stack)) console.log(`   ${styleText('green', '✓')} ${line}`)
    } catch (error) {
      failed++
      console.log(`   ${styleText('red', '✗')} ${(error as Error).message}`)
      console.log(
        stack.daemon.log
          .slice(-15)
          .map(line => `     | ${line}`)
          .join('\n'),
      )
    }
    console.log()
  }
  const verdict =
    failed === 0
      ? styleText('green', `All ${SCENES.length} came out as they must.`)
      : styleText('red', `${failed} of ${SCENES.length} went wrong.`)
  console.log(`${verdict}\n`)
  return failed
}

function invite({ url, twenty, env }: Stack): void {
  console.log(bold('Now you'))
  console.log(`  A form of your own:
    curl -i ${url}/hooks/lead-form -H 'x-form-key: ${env.FORM_KEY}' -d email=you@example.com -d 'name=Your Name' -d formId=demo
  What Twenty has:
    curl -s ${twenty.url}/rest/people -H 'Authorization: Bearer ${twenty.apiKey}'
  Health and metrics:
    curl -s ${url}/readyz    curl -s ${url}/metrics
  Ctrl-C stops everything.`)
}

function bold(text: string): string {
  return styleText('bold', text)
}

main().then(
  code => {
    process.exitCode = code
  },
  error => {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  },
)
