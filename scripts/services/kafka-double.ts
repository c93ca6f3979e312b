import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { dataFolder, startGuarded } from './guarded-process.ts'
import type { KafkaService } from './kafka.ts'
import { cached, NotAvailable, run } from './look-up.ts'

const VERSION = '5.0.0'

/**
 * librdkafka's mock cluster, as the npm package kafka-crab-js carries it: speaks the protocol of produce, fetch and
 * groups, stores in memory. Installed into the cache, never a dependency. Its log line names the port that it took.
 * @see https://github.com/confluentinc/librdkafka/blob/master/src/rdkafka_mock.h
 */
export async function startKafkaDouble(): Promise<KafkaService> {
  const packages = [`kafka-crab-js@${VERSION}`, `${nativePackage()}@${VERSION}`]
  const installed = await cached(`kafka-crab-js-${VERSION}`, async folder => {
    await writeFile(join(folder, 'package.json'), '{"private":true,"type":"module"}')
    // Forced, because the package asks for a newer Node than the mock needs.
    const ran = await run('npm', ['i', '--ignore-scripts', '--force', '--no-audit', ...packages], { cwd: folder })
    if (ran.status !== 0) throw new NotAvailable(`npm could not install ${packages.join(' ')}`)
    await writeFile(join(folder, 'mock.mjs'), PROGRAM)
  })
  const folder = await dataFolder('kafka-double')
  const server = startGuarded(process.execPath, ['mock.mjs'], { dataFolder: folder.path, cwd: installed })
  const stop = async () => {
    await server.end(0)
    await folder.remove()
  }
  const until = Date.now() + 10_000
  for (;;) {
    const broker = /replaced with ([\d.]+:\d+)/.exec(server.output())?.[1]
    if (broker) {
      const found = `protocol double (librdkafka's mock cluster) on ${broker}`
      return { brokers: [broker], kind: 'double', found, restart: notADouble, stop }
    }
    if (!server.isRunning() || Date.now() > until) break
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  const output = server.output().slice(-300)
  await stop()
  throw new NotAvailable(`kafka-crab-js did not start its mock cluster: ${output}`)
}

async function notADouble(): Promise<void> {
  throw new NotAvailable('the protocol double keeps nothing over a restart')
}

function nativePackage(): string {
  const libc = process.platform === 'linux' ? (isMusl() ? '-musl' : '-gnu') : ''
  return `kafka-crab-js-${process.platform}-${process.arch}${libc}`
}

function isMusl(): boolean {
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } }
  return report.header?.glibcVersionRuntime === undefined
}

const PROGRAM = `import { KafkaClient } from 'kafka-crab-js'
const configuration = { 'test.mock.num.brokers': '1', 'debug': 'mock' }
const client = new KafkaClient({ brokers: '127.0.0.1:1', clientId: 'double', logLevel: 'info', configuration })
globalThis.producer = client.createProducer({ configuration })
setInterval(() => globalThis.producer.inFlightCount(), 60_000)
`
