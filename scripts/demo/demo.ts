import { parseArgs, styleText } from 'node:util'
import { NotAvailable } from '../services/look-up.ts'
import { type EngineName, type Stack, type StackOptions, startStack } from '../stack/stack.ts'
import { SCENES as FORM_SCENES, type Scene } from './scenes.ts'
import { showEngine } from './show-engine.ts'
import { SYNC_SCENES } from './sync-scenes.ts'
import { USE_CASE_SCENES, CONFIGS as USE_CASES } from './use-case-scenes.ts'

const USAGE = 'npm run demo -- [--engine embedded|kafka] [--once]'

const { values } = parseArgs({
  options: { engine: { type: 'string', default: 'embedded' }, once: { type: 'boolean', default: false } },
})

interface Part {
  readonly title: string
  readonly options: Omit<StackOptions, 'engine'>
  readonly scenes: readonly Scene[]
}

/** Two installations, one after the other: the first has the rate limits of a real Twenty. */
const PARTS: readonly Part[] = [
  {
    title: 'A web form, and an ERP in step with Twenty',
    options: {
      configs: ['config/web-form-leads.yaml', 'config/two-way-sync.yaml'],
      erp: { settings: { etags: true, unique: ['email'] } },
    },
    scenes: [...FORM_SCENES, ...SYNC_SCENES],
  },
  {
    title: `All ${USE_CASES.length} use cases on one daemon`,
    options: { configs: USE_CASES, everything: true, unlimited: true },
    scenes: USE_CASE_SCENES,
  },
]
const COUNT = PARTS.reduce((sum, { scenes }) => sum + scenes.length, 0)

async function main(): Promise<number> {
  const engine = values.engine
  if (engine !== 'embedded' && engine !== 'kafka') {
    console.error(`--engine is embedded or kafka, not ${engine}\n${USAGE}`)
    return 2
  }
  console.log(bold(`\ntwenty-sync on the ${engine === 'kafka' ? 'Kafka and Redis' : 'embedded'} engine`))
  const ending = new AbortController()
  const end = () => ending.abort()
  process.once('SIGINT', end).once('SIGTERM', end)
  let failed = 0
  let played = 0
  for (const part of PARTS) {
    const stack = await started(engine, part)
    if (!stack) return 3
    try {
      introduce(stack, part)
      failed += await playAll(stack, part.scenes, played, ending.signal)
      if (ending.signal.aborted) return 130
      played += part.scenes.length
      await stack.settled()
      if (part === PARTS[0]) await showEngine(stack)
      if (part !== PARTS.at(-1)) continue
      tell(failed)
      if (values.once || failed > 0) return failed === 0 ? 0 : 1
      invite(stack)
      await new Promise<void>(resolve => ending.signal.addEventListener('abort', () => resolve()))
    } finally {
      console.log('Stopping what was started …')
      await stack.stop()
    }
  }
  return 0
}

async function started(engine: EngineName, { options }: Part): Promise<Stack | undefined> {
  try {
    return await startStack({ engine, ...options })
  } catch (error) {
    if (!(error instanceof NotAvailable)) throw error
    console.error(`Kafka and Redis cannot be had here:\n${error.message}\n`)
    console.error('Either of these makes them available:')
    console.error('  KAFKA_BROKERS=host:9092 REDIS_URL=redis://host:6379 npm run demo -- --engine kafka')
    console.error('  apt-get install -y redis-server openjdk-17-jre-headless maven && npm run demo -- --engine kafka')
    return undefined
  }
}

function introduce({ twenty, erp, url, found }: Stack, { title, options }: Part): void {
  console.log(bold(`\n${title}\n`))
  for (const line of found) console.log(`  engine   ${line}`)
  console.log(`  Twenty   ${twenty.url}  (a stand-in that follows docs/twenty.md)`)
  console.log(`  intake   ${url}/hooks/lead-form`)
  console.log(`  ERP      ${erp!.url}  (a stand-in REST API)`)
  console.log(`  config   ${options.configs.join(', ')}\n`)
}

/** How many scenes went wrong. */
async function playAll(stack: Stack, scenes: readonly Scene[], before: number, ending: AbortSignal): Promise<number> {
  let failed = 0
  for (const [index, scene] of scenes.entries()) {
    if (ending.aborted) break
    console.log(bold(`${before + index + 1}  ${scene.title}`))
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
  return failed
}

function tell(failed: number): void {
  const verdict =
    failed === 0
      ? styleText('green', `All ${COUNT} came out as they must.`)
      : styleText('red', `${failed} of ${COUNT} went wrong.`)
  console.log(`${verdict}\n`)
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
