import { startKafka } from './kafka.ts'
import { startPostgres } from './postgres.ts'
import { startRedis } from './redis.ts'

/** `npx tsx scripts/services/up.ts`: Kafka, Redis and Postgres until Ctrl-C, with the lines to paste into another shell. */
const [kafka, redis, postgres] = await Promise.all([startKafka(), startRedis(), startPostgres()])
process.stderr.write(
  `${kafka.found}\n${redis.found}\n${postgres.found}\nCtrl-C ends all three and removes their data\n`,
)
const lines = [`KAFKA_BROKERS=${kafka.brokers.join(',')}`, `REDIS_URL=${redis.url}`, `POSTGRES_URL=${postgres.url}`]
process.stdout.write(lines.map(line => `export ${line}\n`).join(''))
const ended = new Promise<void>(resolve => {
  process.once('SIGINT', () => resolve())
  process.once('SIGTERM', () => resolve())
})
const awake = setInterval(() => {}, 60_000)
await ended
clearInterval(awake)
await Promise.all([kafka.stop(), redis.stop(), postgres.stop()])
