import { setTimeout as sleep } from 'node:timers/promises'
import { BenchDaemon } from './lib/daemon.ts'
import { type Ledger, ledgerOf } from './lib/ledger.ts'
import { load } from './lib/load.ts'
import { signedRequests } from './lib/payload.ts'
import { LOAD_CORE, Peer, SERVER_CORE, usageOf } from './lib/process.ts'
import { type BenchResult, compared } from './lib/result.ts'
import { interleaved, type Measured } from './lib/rounds.ts'
import { type BenchOptions, told } from './options.ts'

const CONNECTIONS = 64
const EVENTS = 20_000
/** Without any arrival for so long, what is still missing is missing. */
const QUIET_MS = 15_000

interface Arrivals {
  readonly arrived: [number, number][]
  /** Epoch milliseconds of the last one. */
  readonly lastAt: number
}

/** From the post to the delivery, against a client that only delivers. */
export async function w2(options: BenchOptions): Promise<BenchResult> {
  const events = options.events ?? EVENTS
  const sink = new Peer(LOAD_CORE, 'http-sink.ts')
  try {
    const { port } = await sink.next<{ port: number }>()
    const peers = await interleaved(
      options.rounds,
      { 'twenty-sync': () => ours(sink, port, events), 'undici pool(64)': () => raw(sink, port, events) },
      told,
    )
    const spec = { rounds: options.rounds, events, connections: CONNECTIONS, bodyBytes: 1024 }
    const what = 'webhook to HTTP: log, validate, transform, dedupe, PUT; until the last delivery'
    return compared({ name: 'w2', what, spec }, peers, 0.4)
  } finally {
    await sink.stop()
  }
}

async function ours(sink: Peer, sinkPort: number, events: number): Promise<Measured> {
  const daemon = await BenchDaemon.prepare({
    config: 'w2.yaml',
    env: { BENCH_SINK: `http://127.0.0.1:${sinkPort}` },
  })
  try {
    await daemon.start()
    const before = usageOf(daemon.pid)
    const startedAt = Date.now()
    const request = signedRequests('/hooks/bench')
    const { acked, sent } = await load({ port: daemon.port, connections: CONNECTIONS, request, total: events })
    await arrivedAll(sink, events)
    const after = usageOf(daemon.pid)
    // Each scrape begins it anew.
    const loopDelayP99Ms = (await daemon.metric('nodejs_eventloop_lag_p99_seconds')) * 1000
    const deadLettered = await daemon.metric('twenty_sync_flow_dead_letters')
    // A repeat that came after the last event would count, too.
    await daemon.stop()
    const { arrived, lastAt } = await sink.ask<Arrivals>('ledger')
    return {
      value: (events * 1000) / (lastAt - startedAt),
      cpuMicrosecondsPerEvent: ((after.cpuSeconds - before.cpuSeconds) / events) * 1e6,
      rssMb: after.peakRssMb,
      loopDelayP99Ms,
      ledger: ledgerOf(acked, new Map(arrived), { sent, deadLettered }),
    }
  } finally {
    await daemon.remove()
  }
}

async function raw(sink: Peer, sinkPort: number, events: number): Promise<Measured> {
  const peer = new Peer(SERVER_CORE, 'raw-undici.ts', [String(sinkPort), String(events)])
  const told = await peer.next<{ startedAt: number; endedAt: number; cpuSeconds: number; rssMb: number }>()
  await peer.stop()
  const { arrived } = await sink.ask<Arrivals>('ledger')
  const ledger: Ledger = ledgerOf(new Uint8Array(events).fill(1), new Map(arrived), { sent: events })
  return {
    value: (events * 1000) / (told.endedAt - told.startedAt),
    cpuMicrosecondsPerEvent: (told.cpuSeconds / events) * 1e6,
    rssMb: told.rssMb,
    ledger,
  }
}

async function arrivedAll(sink: Peer, events: number): Promise<void> {
  let before = -1
  let quietSince = performance.now()
  for (;;) {
    const { count } = await sink.ask<{ count: number }>('count')
    if (count >= events) return
    if (count !== before) quietSince = performance.now()
    else if (performance.now() - quietSince > QUIET_MS) return
    before = count
    await sleep(50)
  }
}
