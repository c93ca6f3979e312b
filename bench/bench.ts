/** `npm run bench -- [w1|w2|w4|kafka|start|audience|audience-kafka …] [--rounds 5] [--seconds 4] [--events n] [--accept]` */
import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { NotAvailable } from '../scripts/services/look-up.ts'
import { audience, audienceOnKafka } from './audience.ts'
import { kafka } from './kafka.ts'
import { canPin, LOAD_CORE, pinned } from './lib/process.ts'
import { accept, againstBaseline, type BenchResult, print, save } from './lib/result.ts'
import type { BenchOptions } from './options.ts'
import { start } from './start.ts'
import { w1 } from './w1.ts'
import { w2 } from './w2.ts'
import { w4 } from './w4.ts'

const EXIT = { worse: 1, usage: 2, void: 3 }
const BENCHES: Readonly<Record<string, { run: (options: BenchOptions) => Promise<BenchResult>; unit: string }>> = {
  w1: { run: w1, unit: '/s' },
  w2: { run: w2, unit: '/s' },
  w4: { run: w4, unit: '/s' },
  kafka: { run: kafka, unit: '/s' },
  start: { run: start, unit: 'ms' },
  audience: { run: audience, unit: '/s' },
  'audience-kafka': { run: audienceOnKafka, unit: '/s' },
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '4' },
    events: { type: 'string' },
    accept: { type: 'boolean', default: false },
  },
})

/** The load comes from this process, and must not run on the core of what it measures. */
function isolated(): number | undefined {
  if (!canPin() || process.env.BENCH_PINNED) return undefined
  const [command, ...args] = pinned(LOAD_CORE, [process.execPath, ...process.execArgv, ...process.argv.slice(1)])
  const { status } = spawnSync(command!, args, { stdio: 'inherit', env: { ...process.env, BENCH_PINNED: '1' } })
  return status ?? 1
}

async function main(): Promise<number> {
  const names = positionals.length > 0 ? positionals : Object.keys(BENCHES)
  const unknown = names.filter(name => !Object.hasOwn(BENCHES, name))
  if (unknown.length > 0) {
    console.error(`there is no bench ${unknown.join(', ')}; there are ${Object.keys(BENCHES).join(', ')}`)
    return EXIT.usage
  }
  const inner = isolated()
  if (inner !== undefined) return inner
  const options: BenchOptions = {
    rounds: Number(values.rounds),
    seconds: Number(values.seconds),
    ...(values.events && { events: Number(values.events) }),
  }
  const results: BenchResult[] = []
  let worse = false
  for (const name of names) {
    const result = await ran(name, options)
    if (!result) continue
    results.push(result)
    print(result, BENCHES[name]!.unit)
    worse = againstBaseline(result) || worse
    save(result)
  }
  if (results.some(result => result.void)) return EXIT.void
  if (values.accept) accept(results)
  return worse && !values.accept ? EXIT.worse : 0
}

async function ran(name: string, options: BenchOptions): Promise<BenchResult | undefined> {
  try {
    return await BENCHES[name]!.run(options)
  } catch (error) {
    if (!(error instanceof NotAvailable)) throw error
    console.log(`\n${name}  not run: ${error.message}`)
    return undefined
  }
}

process.exitCode = await main()
