import { startKafka } from './kafka.ts'
import { startRedis } from './redis.ts'

/** `npx tsx scripts/services/up.ts`: Kafka and Redis until Ctrl-C, with the lines to paste into another shell. */
const [kafka, redis] = await Promise.all([startKafka(), startRedis()])
process.stderr.write(`${kafka.found}\n${redis.found}\nCtrl-C ends both and removes their data\n`)
process.stdout.write(`export KAFKA_BROKERS=${kafka.brokers.join(',')}\nexport REDIS_URL=${redis.url}\n`)
const ended = new Promise<void>(resolve => {
  process.once('SIGINT', () => resolve())
  process.once('SIGTERM', () => resolve())
})
const awake = setInterval(() => {}, 60_000)
await ended
clearInterval(awake)
await Promise.all([kafka.stop(), redis.stop()])
