import { type KafkaService, startKafka } from '../../scripts/services/kafka.ts'
import { type RedisService, startRedis } from '../../scripts/services/redis.ts'

export interface Servers {
  readonly kafka: KafkaService
  readonly redis: RedisService
  /** Log and state for the daemon; topics and keys begin with the prefix. */
  yaml(prefix: string): string
}

/** Kafka and Redis for as long as `run` takes. @throws NotAvailable */
export async function withServers<T>(run: (servers: Servers) => Promise<T>): Promise<T> {
  const [kafka, redis] = await Promise.all([startKafka(), startRedis()])
  try {
    return await run({ kafka, redis, yaml: prefix => yamlOf(kafka, redis, prefix) })
  } finally {
    await Promise.all([kafka.stop(), redis.stop()])
  }
}

function yamlOf({ brokers }: KafkaService, { url }: RedisService, prefix: string): string {
  return `log: { type: kafka, brokers: ${JSON.stringify(brokers)}, prefix: ${prefix}, replication: 1 }
state: { type: redis, url: "${url}", prefix: "${prefix}:" }`
}
