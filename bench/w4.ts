import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, statSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { finished } from 'node:stream/promises'
import { cliCommand, ROOT } from '../scripts/stack/daemon-process.ts'
import { openEmbedded } from '../src/embedded/open.ts'
import { systemClock } from '../src/environment/clock.ts'
import type { ReplayProgress } from '../src/runtime/replay.ts'
import { BenchDaemon } from './lib/daemon.ts'
import type { Ledger } from './lib/ledger.ts'
import { personEvent } from './lib/payload.ts'
import { Peer, pinned, SERVER_CORE, type Usage, usageOf } from './lib/process.ts'
import { type BenchResult, compared } from './lib/result.ts'
import { interleaved, type Measured } from './lib/rounds.ts'
import { type BenchOptions, told } from './options.ts'

const EVENTS = 1_000_000
const TOPIC = 'twenty-sync.bench.person'
/** With dedupe each event is two writes to the disk: a part of the range shows as much. */
const DEDUPED_EVENTS = 100_000
const PER_APPEND = 200
const SAMPLE_MS = 250
const RSS_LIMIT_MB = 256

/** Reading the log again through a flow, against a loop that does the same over a file. */
export async function w4(options: BenchOptions): Promise<BenchResult> {
  const events = options.events ?? EVENTS
  const rounds = Math.min(options.rounds, 3)
  const daemon = await BenchDaemon.prepare({ config: 'w4.yaml' })
  try {
    const file = join(daemon.folder, 'events.ndjson')
    console.error(`    laying down ${events.toLocaleString('en')} events`)
    await fill(daemon.dataFolder, file, events)
    const seen = new Seen()
    const peers = await interleaved(
      rounds,
      {
        'twenty-sync': () => ours(daemon, 'rebuild', events, seen),
        'naive loop': () => naive(daemon.folder, file, events),
        'with dedupe': () => ours(daemon, 'rebuild-deduped', Math.min(events, DEDUPED_EVENTS), new Seen()),
      },
      told,
    )
    const spec = { rounds, events, bytes: statSync(file).size }
    const what = 'replay of the embedded log: validate, transform, null sink'
    const result = compared({ name: 'w4', what, spec, notes: seen.notes() }, peers, 0.4)
    return { ...result, reached: result.reached && seen.peakRssMb <= RSS_LIMIT_MB }
  } finally {
    await daemon.remove()
  }
}

/** The same events in the log and, one a line, in a file. */
async function fill(folder: string, file: string, events: number): Promise<void> {
  const { log, close } = await openEmbedded({ folder, clock: systemClock })
  const lines = createWriteStream(file)
  for (let first = 0; first < events; first += PER_APPEND) {
    const count = Math.min(PER_APPEND, events - first)
    const batch = Array.from({ length: count }, (_, at) => personEvent(first + at))
    await log.append(TOPIC, batch)
    const text = batch.map(({ raw }) => `${Buffer.from(raw!).toString('latin1')}\n`).join('')
    if (!lines.write(text)) await once(lines, 'drain')
  }
  lines.end()
  await finished(lines)
  await close()
}

/** What the runs showed beside their speed. */
class Seen {
  peakRssMb = 0
  growthMb = 0
  reports = Number.POSITIVE_INFINITY

  add(samples: readonly Usage[], reports: number): void {
    this.reports = Math.min(this.reports, reports)
    this.peakRssMb = Math.max(this.peakRssMb, ...samples.map(sample => sample.peakRssMb))
    // After the start, is it level?
    const at = (share: number) => samples[Math.floor((samples.length - 1) * share)]?.rssMb ?? Number.NaN
    this.growthMb = Math.max(this.growthMb, at(0.95) - at(0.4))
  }

  notes(): string[] {
    return [
      `RSS at most ${Math.round(this.peakRssMb)} MB (limit ${RSS_LIMIT_MB}), ${Math.round(this.growthMb)} MB more near the end than at 40 %`,
      `progress was reported at least ${this.reports} times a run`,
    ]
  }
}

async function ours(daemon: BenchDaemon, flow: string, events: number, seen: Seen): Promise<Measured> {
  const args = ['replay', flow, '--from', 'earliest', '--to', `0:${events}`, '--rate', '0', '--json']
  const [command, ...rest] = pinned(SERVER_CORE, [...cliCommand(), ...args])
  const child = spawn(command!, [...rest, ...daemon.configs.flatMap(file => ['--config', file])], {
    cwd: ROOT,
    env: { ...process.env, ...daemon.env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const { samples, stop } = sampled(child)
  let reports = 0
  let last: ReplayProgress | undefined
  for await (const line of createInterface({ input: child.stdout })) {
    last = JSON.parse(line) as ReplayProgress
    reports++
  }
  stop()
  if (!last?.finished) throw new Error(`the replay of ${flow} did not finish`)
  seen.add(samples, reports)
  return {
    value: last.perSecond,
    cpuMicrosecondsPerEvent: (samples.at(-1)!.cpuSeconds / events) * 1e6,
    rssMb: samples.at(-1)!.peakRssMb,
    ledger: replayLedger(events, last),
  }
}

function replayLedger(published: number, { done, skipped, dead, read }: ReplayProgress): Ledger {
  const delivered = done + skipped
  const surplus = delivered + dead - published
  return {
    published,
    delivered,
    deadLettered: dead,
    missing: Math.max(published - read, -surplus, 0),
    repeated: Math.max(surplus, 0),
    cutOff: 0,
  }
}

function sampled(child: ChildProcess): { samples: Usage[]; stop: () => void } {
  const samples: Usage[] = []
  const timer = setInterval(() => {
    const usage = usageOf(child.pid!)
    if (!Number.isNaN(usage.rssMb)) samples.push(usage)
  }, SAMPLE_MS)
  return { samples, stop: () => clearInterval(timer) }
}

async function naive(folder: string, file: string, events: number): Promise<Measured> {
  const peer = new Peer(SERVER_CORE, 'naive-loop.ts', [file, join(folder, 'naive.ndjson')])
  const { seconds, cpuSeconds, rssMb, count } = await peer.next<Record<string, number>>()
  await peer.stop()
  const missing = events - count!
  return {
    value: events / seconds!,
    cpuMicrosecondsPerEvent: (cpuSeconds! / events) * 1e6,
    rssMb: rssMb!,
    ledger: { published: events, delivered: count!, deadLettered: 0, missing, repeated: 0, cutOff: 0 },
  }
}
