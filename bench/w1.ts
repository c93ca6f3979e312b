import { openEmbeddedReader } from '../src/embedded/open.ts'
import { systemClock } from '../src/environment/clock.ts'
import { BenchDaemon } from './lib/daemon.ts'
import { ledgerOf } from './lib/ledger.ts'
import { load, percentile } from './lib/load.ts'
import { signedRequests } from './lib/payload.ts'
import { Peer, SERVER_CORE, usageOf } from './lib/process.ts'
import { type BenchResult, compared } from './lib/result.ts'
import { interleaved, type Measured } from './lib/rounds.ts'
import { type BenchOptions, told } from './options.ts'

const CONNECTIONS = 64
const WARM_UP_SECONDS = 1
const TOPIC = 'twenty-sync.bench.person'

/** Durable intake against the least that an address can do. */
export async function w1(options: BenchOptions): Promise<BenchResult> {
  const peers = await interleaved(
    options.rounds,
    { 'twenty-sync': () => ours(options), 'node:http': () => raw(options) },
    told,
  )
  const spec = { ...options, connections: CONNECTIONS, bodyBytes: 1024, durable: 'fsync before the 202' }
  return compared({ name: 'w1', what: 'webhook to log: signature, parse, fsync, 202', spec }, peers, 0.4)
}

async function ours({ seconds }: BenchOptions): Promise<Measured> {
  const daemon = await BenchDaemon.prepare({ config: 'w1.yaml' })
  try {
    await daemon.start()
    const before = usageOf(daemon.pid)
    const result = await loaded(daemon.port, seconds)
    const after = usageOf(daemon.pid)
    const loopDelayP99Ms = (await daemon.metric('nodejs_eventloop_lag_p99_seconds')) * 1000
    await daemon.stop()
    const arrived = await stored(daemon.dataFolder)
    return {
      ...figures(result, after.cpuSeconds - before.cpuSeconds),
      rssMb: after.rssMb,
      loopDelayP99Ms,
      ledger: ledgerOf(result.acked, arrived, { sent: result.sent }),
    }
  } finally {
    await daemon.remove()
  }
}

async function raw({ seconds }: BenchOptions): Promise<Measured> {
  const peer = new Peer(SERVER_CORE, 'raw-http.ts')
  try {
    const { port } = await peer.next<{ port: number }>()
    const before = usageOf(peer.pid)
    const result = await loaded(port, seconds)
    const after = usageOf(peer.pid)
    return { ...figures(result, after.cpuSeconds - before.cpuSeconds), rssMb: after.rssMb }
  } finally {
    await peer.stop()
  }
}

function loaded(port: number, seconds: number) {
  return load({
    port,
    connections: CONNECTIONS,
    request: signedRequests('/hooks/bench'),
    seconds: seconds + WARM_UP_SECONDS,
    warmUpSeconds: WARM_UP_SECONDS,
  })
}

function figures(result: Awaited<ReturnType<typeof load>>, cpuSeconds: number): Measured {
  return {
    value: result.perSecond,
    cpuMicrosecondsPerEvent: (cpuSeconds / result.sent) * 1e6,
    p50Ms: percentile(result.latencies, 0.5),
    p99Ms: percentile(result.latencies, 0.99),
  }
}

/** Read back from the file, after the daemon is gone: what counts is what is on disk. */
async function stored(folder: string): Promise<Map<number, number>> {
  const { log, close } = await openEmbeddedReader({ folder, clock: systemClock })
  const arrived = new Map<number, number>()
  for await (const { event } of log.read(TOPIC)) {
    const number = Number(event.data.number)
    arrived.set(number, (arrived.get(number) ?? 0) + 1)
  }
  await close()
  return arrived
}
