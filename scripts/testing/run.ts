import { spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { KAFKA_HINT, type KafkaService, startKafka } from '../services/kafka.ts'
import { kafkaTools } from '../services/kafka-maven.ts'
import { dockerEngine, NotAvailable, which } from '../services/look-up.ts'
import { POSTGRES_HINT, type PostgresService, postgresPrograms, startPostgres } from '../services/postgres.ts'
import { REDIS_HINT, type RedisService, startRedis } from '../services/redis.ts'
import { type NotRun, notRunnable, requiredOf, type Services } from './plan.ts'
import { rowsNotRun, rowsOf, tableOf, type VitestReport } from './report.ts'

/**
 * `npm test`: finds or starts Kafka, Redis and Postgres, runs every test that can run, and ends with a table of all of them.
 * Arguments go to vitest: `npm test -- test/log`.
 */
const root = resolve(import.meta.dirname, '../..')
const required = requiredOf(process.env.REQUIRE)
const out = (line: string) => void process.stdout.write(`${line}\n`)

const [kafka, redis, postgres] = await Promise.all([
  found('Kafka', startKafka),
  found('Redis', startRedis),
  found('Postgres', startPostgres),
])
let exitCode = 1
try {
  exitCode = await runAll()
} finally {
  await Promise.all([kafka?.stop(), redis?.stop(), postgres?.stop()])
}
process.exit(exitCode)

async function runAll(): Promise<number> {
  const own = { kafka: await canOwnKafka(), redis: await canOwnRedis(), postgres: await canOwnPostgres() }
  const services: Services = { kafka, redis, postgres, own }
  const wanted = process.argv.slice(2)
  const all = (await readdir(join(root, 'test'), { recursive: true })).filter(name => name.endsWith('.test.ts'))
  const files = all
    .map(name => `test/${name}`)
    .filter(file => wanted.length === 0 || wanted.some(word => word.startsWith('-') || file.includes(word)))
  const missing = notRunnable(files, services)
  const { report, status } = await vitest(wanted, missing)
  const rows = [...rowsOf(report, root, kafka?.kind), ...rowsNotRun(missing, commandFor)]
  const failures = [...rows.filter(({ failed }) => failed > 0).map(({ failed }) => failed), ...unmet(missing)]
  const failed = failures.reduce((sum, each) => sum + each, 0)
  const passed = rows.reduce((sum, each) => sum + each.passed, 0)
  out(`\n${tableOf(rows)}\n`)
  const hasFailed = failed > 0 || status !== 0 || passed === 0
  // A run that broke down outside its tests must not read like a good one.
  out(`${passed} passed, ${failed === 0 && hasFailed ? 1 : failed} failed`)
  return hasFailed ? 1 : 0
}

async function vitest(wanted: readonly string[], missing: readonly NotRun[]) {
  const folder = await mkdtemp(join(tmpdir(), 'twenty-sync-test-'))
  const outputFile = join(folder, 'report.json')
  const exclude = missing.flatMap(({ file }) => ['--exclude', file])
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${outputFile}`]
  const args = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...reporters, ...exclude, ...wanted]
  const env = {
    ...process.env,
    ...(kafka && { KAFKA_BROKERS: kafka.brokers.join(','), KAFKA_KIND: kafka.kind }),
    ...(redis && { REDIS_URL: redis.url }),
    ...(postgres && { POSTGRES_URL: postgres.url }),
  }
  try {
    const child = spawn(process.execPath, args, { cwd: root, env, stdio: 'inherit' })
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal))
    const status = await new Promise<number>(done => child.once('close', code => done(code ?? 1)))
    const report = await readFile(outputFile, 'utf8').then(
      (text): VitestReport => JSON.parse(text),
      (): VitestReport => ({ testResults: [] }),
    )
    return { report, status }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function found<T extends KafkaService | RedisService | PostgresService>(
  name: string,
  start: () => Promise<T>,
): Promise<T | undefined> {
  try {
    const service = await start()
    out(`${name}: ${service.found}`)
    return service
  } catch (error) {
    if (!(error instanceof NotAvailable)) throw error
    out(`${name}: ${error.message}`)
    return undefined
  }
}

async function canOwnKafka(): Promise<boolean> {
  if (kafka?.kind === 'maven' || kafka?.kind === 'docker') return true
  const tools = await kafkaTools().catch(() => undefined)
  return tools !== undefined || dockerEngine()
}

async function canOwnRedis(): Promise<boolean> {
  return redis?.kind === 'machine' || redis?.kind === 'apt' || (await which('redis-server')) !== undefined
}

async function canOwnPostgres(): Promise<boolean> {
  return (postgres && postgres.kind !== 'external') || (await postgresPrograms()) !== undefined
}

function commandFor({ missing, isOwn }: NotRun): string {
  if (missing === 'kafka') return isOwn ? 'install Java 17 and Maven, then npm test' : KAFKA_HINT
  if (missing === 'postgres') return isOwn ? 'install postgresql, then npm test' : POSTGRES_HINT
  return isOwn ? 'install redis-server, then npm test' : REDIS_HINT
}

/** With REQUIRE, a suite that did not run is a failure, and so is a double. */
function unmet(missing: readonly NotRun[]): number[] {
  const notRun = missing.filter(each => required.includes(each.missing)).map(() => 1)
  const isDouble = required.includes('kafka') && kafka?.kind === 'double'
  if (isDouble) out('\nREQUIRE names kafka, and a double is none')
  const isAway = required.filter(service => !{ kafka, redis, postgres }[service])
  return [...notRun, ...(isDouble ? [1] : []), ...(notRun.length === 0 ? isAway.map(() => 1) : [])]
}
