import { startKafkaInDocker } from './kafka-docker.ts'
import { startKafkaDouble } from './kafka-double.ts'
import { startKafkaFromMaven } from './kafka-maven.ts'
import { firstOf, NotAvailable } from './look-up.ts'
import { accepts } from './ports.ts'

export interface KafkaService {
  readonly brokers: string[]
  /** `double` is librdkafka's mock: a protocol double without time look-up, retention and durability. */
  readonly kind: 'external' | 'maven' | 'docker' | 'double'
  /** For a person: what was found, and where. */
  readonly found: string
  /** Same port, same data. `hard` is kill -9. Only where the broker is ours: not for `external` and `double`. */
  restart(options?: { hard?: boolean }): Promise<void>
  /** Ends only what was started here. Idempotent. */
  stop(): Promise<void>
}

/** The command that makes the missing thing available, shown where a suite was not run. */
export const KAFKA_HINT = 'KAFKA_BROKERS=host:9092 npm test   (or install Java 17 and Maven: it then starts by itself)'

/**
 * A Kafka for tests and the demo: the one that KAFKA_BROKERS names, else Kafka 4.3.1 from Maven Central, else Docker,
 * else librdkafka's mock cluster. Whatever is started here is gone when this process is, even after kill -9.
 * @param options.own never the external one nor the double: for tests that stop the broker.
 * @throws NotAvailable with the reason for each way that is not open.
 */
export function startKafka(options: { own?: boolean } = {}): Promise<KafkaService> {
  const named = process.env.KAFKA_BROKERS
  if (named && !options.own) return external(named.split(',').map(broker => broker.trim()))
  return firstOf<KafkaService>('Kafka', [
    ['Maven', startKafkaFromMaven],
    ['Docker', startKafkaInDocker],
    ...(options.own ? [] : [['protocol double', startKafkaDouble] as const]),
  ])
}

async function external(brokers: string[]): Promise<KafkaService> {
  const reached = await Promise.all(brokers.map(broker => accepts(hostOf(broker), portOf(broker), 10_000)))
  if (!reached.includes(true)) throw new NotAvailable(`KAFKA_BROKERS names ${brokers.join(', ')}, and none answers`)
  // A runner that started the broker itself passes on what it is.
  const passedOn = (['maven', 'docker', 'double'] as const).find(kind => kind === process.env.KAFKA_KIND)
  const kind = passedOn ?? 'external'
  return { brokers, kind, found: `Kafka at ${brokers.join(', ')}`, restart: notOurs, stop: async () => {} }
}

async function notOurs(): Promise<void> {
  throw new NotAvailable('this Kafka was not started here, so it is not restarted here')
}

const hostOf = (broker: string) => broker.slice(0, broker.lastIndexOf(':')).replace(/^\[|\]$/g, '')
const portOf = (broker: string) => Number(broker.slice(broker.lastIndexOf(':') + 1))
