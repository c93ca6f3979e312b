import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { dataFolder, type GuardedProcess, startGuarded, untilListening } from './guarded-process.ts'
import type { KafkaService } from './kafka.ts'
import { NotAvailable, run } from './look-up.ts'
import { jarsOf, javaAtLeast } from './maven.ts'
import { freePorts } from './ports.ts'

/** 4.4.0's tools need packages that are not served, so all of Kafka is 4.3.1. */
export const KAFKA_VERSION = '4.3.1'

/** Class path and java of Kafka's own tools, for tests that read a topic with a stock client. */
export async function kafkaTools(): Promise<{ java: string; classPath: string }> {
  const java = await javaAtLeast(17)
  const lib = await jarsOf(`kafka-${KAFKA_VERSION}`, [
    `org.apache.kafka:kafka_2.13:${KAFKA_VERSION}`,
    `org.apache.kafka:kafka-tools:${KAFKA_VERSION}`,
  ])
  return { java, classPath: `${lib}/*` }
}

/** User of the second listener, which asks for SASL PLAIN. */
export const SASL_USER = { username: 'tester', password: 'tester-secret' }

/** A way in besides the plain one, in the broker's own words. */
export interface Listener {
  readonly protocol: 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL'
  /** Properties of this listener alone. */
  readonly settings: Readonly<Record<string, string>>
}

export interface KafkaFromMavenOptions<Name extends string> {
  /** By name, of capital letters. */
  readonly listeners?: Readonly<Record<Name, Listener>>
  /** `SCRAM-SHA-256=[name=a,password=b]` and the like: users that are there from the start. */
  readonly scram?: readonly string[]
}

export type KafkaFromMaven<Name extends string> = KafkaService & {
  readonly saslBrokers: string[]
  /** Address of each listener. */
  readonly at: Readonly<Record<Name, string>>
}

/** One node, broker and controller in one, on loopback, with its data in a temporary folder. Up in about 5 s. */
export async function startKafkaFromMaven<Name extends string = never>(
  options: KafkaFromMavenOptions<Name> = {},
): Promise<KafkaFromMaven<Name>> {
  const tools = await kafkaTools()
  const folder = await dataFolder('kafka')
  const listeners: [string, Listener][] = [['SASL', PLAIN_SASL], ...Object.entries<Listener>(options.listeners ?? {})]
  const [port, controllerPort, ...ports] = (await freePorts(2 + listeners.length)) as [number, number, ...number[]]
  const ways = listeners.map(([name, listener], i) => ({ name, ...listener, address: `127.0.0.1:${ports[i]}` }))
  const properties = join(folder.path, 'server.properties')
  await writeFile(properties, propertiesOf(port, controllerPort, ways, join(folder.path, 'data')))
  const users = (options.scram ?? []).flatMap(user => ['--add-scram', user])
  const format = ['kafka.tools.StorageTool', 'format', '-t', 'dHdlbnR5LXN5bmMtdGVzdA', '-c', properties, ...users]
  const formatted = await run(tools.java, [...JVM, '-cp', tools.classPath, ...format], { silenceMs: 30_000 })
  if (formatted.status !== 0) throw new NotAvailable(`Kafka's storage tool failed: ${formatted.output.slice(-400)}`)

  const args = [...JVM, '-cp', tools.classPath, 'kafka.Kafka', properties]
  let server: GuardedProcess
  const start = async () => {
    server = startGuarded(tools.java, args, { dataFolder: folder.path })
    await untilListening(port, server, 90_000)
  }
  const stop = async () => {
    await server.end(0)
    await folder.remove()
  }
  await start().catch(async error => {
    await stop()
    throw error
  })
  return {
    brokers: [`127.0.0.1:${port}`],
    saslBrokers: [ways[0]!.address],
    at: Object.fromEntries(ways.map(({ name, address }) => [name, address])) as Record<Name, string>,
    kind: 'maven',
    found: `Kafka ${KAFKA_VERSION} from Maven Central, KRaft, started on port ${port}`,
    restart: async (options = {}) => {
      await server.end(options.hard ? 0 : 30_000)
      await start()
    },
    stop,
  }
}

/** A small heap and the first compiler only: up sooner, and two cores are shared with the tests. */
const JVM = ['-Xms128m', '-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-XX:-UsePerfData']

const PLAIN_SASL: Listener = {
  protocol: 'SASL_PLAINTEXT',
  settings: {
    'sasl.enabled.mechanisms': 'PLAIN',
    'plain.sasl.jaas.config': `org.apache.kafka.common.security.plain.PlainLoginModule required user_${SASL_USER.username}="${SASL_USER.password}";`,
  },
}

interface Way extends Listener {
  readonly name: string
  readonly address: string
}

function propertiesOf(port: number, controllerPort: number, ways: readonly Way[], data: string): string {
  const addresses = ways.map(({ name, address }) => `,${name}://${address}`).join('')
  const settings = ways.flatMap(({ name, settings }) =>
    Object.entries(settings).map(([key, value]) => `listener.name.${name.toLowerCase()}.${key}=${value}\n`),
  )
  return `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${controllerPort}
listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}${addresses}
advertised.listeners=PLAINTEXT://127.0.0.1:${port}${addresses}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT${ways.map(({ name, protocol }) => `,${name}:${protocol}`).join('')}
${settings.join('')}log.dirs=${data}
auto.create.topics.enable=false
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
log.cleaner.backoff.ms=500
log.retention.check.interval.ms=1000
log.segment.delete.delay.ms=500
log.initial.task.delay.ms=500
`
}
