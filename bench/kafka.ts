import { setTimeout as sleep } from 'node:timers/promises'
import { Kafka, logLevel, type Producer } from 'kafkajs'
import type { KafkaService } from '../scripts/services/kafka.ts'
import { encodeEvent } from '../src/cloudevents.ts'
import { BenchDaemon } from './lib/daemon.ts'
import type { Ledger } from './lib/ledger.ts'
import { personEvent } from './lib/payload.ts'
import { Peer, SERVER_CORE, usageOf } from './lib/process.ts'
import { type BenchResult, compared } from './lib/result.ts'
import { interleaved, type Measured } from './lib/rounds.ts'
import { type Servers, withServers } from './lib/servers.ts'
import { steadyRate } from './lib/steady-rate.ts'
import { type BenchOptions, told } from './options.ts'

const EVENTS = 200_000
/** As the config's default. */
const PARTITIONS = 12
const PER_SEND = 500
const SAMPLE_MS = 100
const QUIET_MS = 20_000

/** A flow on Kafka and Redis against a client that only takes the batches. */
export function kafka(options: BenchOptions): Promise<BenchResult> {
  return withServers(servers => measured(options, servers))
}

async function measured(options: BenchOptions, { kafka: broker, redis, yaml }: Servers): Promise<BenchResult> {
  const events = options.events ?? EVENTS
  const rounds = Math.min(options.rounds, 3)
  const prefix = `bench${Date.now().toString(36)}`
  const client = new Kafka({ brokers: broker.brokers, clientId: 'bench', logLevel: logLevel.NOTHING })
  const topic = `${prefix}.bench.person`
  console.error(`    writing ${events.toLocaleString('en')} events to ${broker.found}`)
  await fill(client, topic, events)
  const peers = await interleaved(
    rounds,
    {
      'twenty-sync': () => ours(yaml(prefix), client, `${prefix}.flow.consume`, events),
      'kafkajs eachBatch': () => raw(broker, topic, events),
    },
    told,
  )
  const spec = { rounds, events, partitions: PARTITIONS, broker: broker.kind, state: redis.kind }
  const what = 'Kafka to nowhere: validate, transform, null sink'
  return compared({ name: 'kafka', what, spec }, peers, 0.5)
}

async function fill(client: Kafka, topic: string, events: number): Promise<void> {
  const admin = client.admin()
  await admin.connect()
  await admin.createTopics({
    topics: [{ topic, numPartitions: PARTITIONS, replicationFactor: 1 }],
    waitForLeaders: true,
  })
  await admin.disconnect()
  const producer = client.producer()
  await producer.connect()
  for (let first = 0; first < events; first += PER_SEND)
    await send(producer, topic, first, Math.min(PER_SEND, events - first))
  await producer.disconnect()
}

async function send(producer: Producer, topic: string, first: number, count: number): Promise<void> {
  const messages = Array.from({ length: count }, (_, at) => {
    const { key, value, headers } = encodeEvent(personEvent(first + at))
    return { key, value: Buffer.from(value), headers: { ...headers } }
  })
  await producer.send({ topic, messages, acks: -1 })
}

async function ours(engine: string, client: Kafka, group: string, events: number): Promise<Measured> {
  const daemon = await BenchDaemon.prepare({ config: 'kafka.yaml', engine })
  try {
    await daemon.start()
    const samples: [number, number][] = []
    let quietSince = performance.now()
    for (let done = 0; done < events && performance.now() - quietSince < QUIET_MS; await sleep(SAMPLE_MS)) {
      const now = await daemon.metric('twenty_sync_flow_done_events')
      samples.push([performance.now(), now])
      if (now !== done) quietSince = performance.now()
      done = now
    }
    const { cpuSeconds, peakRssMb } = usageOf(daemon.pid)
    const deadLettered = await daemon.metric('twenty_sync_flow_dead_letters')
    const loopDelayP99Ms = (await daemon.metric('nodejs_eventloop_lag_p99_seconds')) * 1000
    await daemon.stop()
    await forget(client, group)
    return {
      value: steadyRate(samples, events),
      cpuMicrosecondsPerEvent: (cpuSeconds / events) * 1e6,
      rssMb: peakRssMb,
      loopDelayP99Ms,
      ledger: counted(events, samples.at(-1)![1], deadLettered),
    }
  } finally {
    await daemon.remove()
  }
}

/** So that the next round begins at the beginning. */
async function forget(client: Kafka, group: string): Promise<void> {
  const admin = client.admin()
  await admin.connect()
  await admin.deleteGroups([group])
  await admin.disconnect()
}

async function raw(broker: KafkaService, topic: string, events: number): Promise<Measured> {
  const peer = new Peer(SERVER_CORE, 'raw-kafka.ts', [broker.brokers.join(','), topic, String(events)])
  const { samples, cpuSeconds, rssMb, count } = await peer.next<{
    samples: [number, number][]
    cpuSeconds: number
    rssMb: number
    count: number
  }>()
  await peer.stop()
  return {
    value: steadyRate(samples, events),
    cpuMicrosecondsPerEvent: (cpuSeconds / events) * 1e6,
    rssMb,
    ledger: counted(events, count, 0),
  }
}

function counted(published: number, delivered: number, deadLettered: number): Ledger {
  const surplus = delivered + deadLettered - published
  return {
    published,
    delivered,
    deadLettered,
    missing: Math.max(0, -surplus),
    repeated: Math.max(0, surplus),
    cutOff: 0,
  }
}
