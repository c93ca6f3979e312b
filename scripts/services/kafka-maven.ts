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

/** One node, broker and controller in one, on loopback, with its data in a temporary folder. Up in about 5 s. */
export async function startKafkaFromMaven(): Promise<KafkaService & { readonly saslBrokers: string[] }> {
  const tools = await kafkaTools()
  const folder = await dataFolder('kafka')
  const [port, controllerPort, saslPort] = (await freePorts(3)) as [number, number, number]
  const properties = join(folder.path, 'server.properties')
  await writeFile(properties, propertiesOf(port, controllerPort, saslPort, join(folder.path, 'data')))
  const format = ['kafka.tools.StorageTool', 'format', '-t', 'dHdlbnR5LXN5bmMtdGVzdA', '-c', properties]
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
    saslBrokers: [`127.0.0.1:${saslPort}`],
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

function propertiesOf(port: number, controllerPort: number, saslPort: number, data: string): string {
  const { username, password } = SASL_USER
  const login = 'org.apache.kafka.common.security.plain.PlainLoginModule'
  return `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${controllerPort}
listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort},SASL://127.0.0.1:${saslPort}
advertised.listeners=PLAINTEXT://127.0.0.1:${port},SASL://127.0.0.1:${saslPort}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_PLAINTEXT
sasl.enabled.mechanisms=PLAIN
listener.name.sasl.plain.sasl.jaas.config=${login} required user_${username}="${password}";
log.dirs=${data}
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
