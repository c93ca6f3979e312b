/** The most that kafkajs gives: batches, counted. `<brokers> <topic> <count>` */
import { Kafka, logLevel } from 'kafkajs'

const [brokers, topic, total] = process.argv.slice(2) as [string, string, string]
const SAMPLE_MS = 20

const client = new Kafka({ brokers: brokers.split(','), clientId: 'raw', logLevel: logLevel.NOTHING })
const consumer = client.consumer({ groupId: `raw-${process.pid}-${Date.now()}` })
const samples: [number, number][] = []
const started = process.cpuUsage()
let [count, bytes] = [0, 0]
let done = () => {}
const complete = new Promise<void>(resolve => {
  done = resolve
})

await consumer.connect()
await consumer.subscribe({ topic, fromBeginning: true })
await consumer.run({
  eachBatch: async ({ batch }) => {
    for (const { value } of batch.messages) bytes += value?.length ?? 0
    count += batch.messages.length
    const last = samples.at(-1)
    const now = performance.now()
    if (!last || now - last[0] >= SAMPLE_MS || count >= Number(total)) samples.push([now, count])
    if (count >= Number(total)) done()
  },
})
await complete
const used = process.cpuUsage(started)
console.log(
  JSON.stringify({
    samples,
    count,
    bytes,
    cpuSeconds: (used.user + used.system) / 1e6,
    rssMb: process.memoryUsage.rss() / 1024 / 1024,
  }),
)
await consumer.disconnect()
