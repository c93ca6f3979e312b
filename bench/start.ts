import { setTimeout as sleep } from 'node:timers/promises'
import { BenchDaemon } from './lib/daemon.ts'
import { usageOf } from './lib/process.ts'
import type { BenchResult } from './lib/result.ts'
import { interleaved, type Measured } from './lib/rounds.ts'
import { type BenchOptions, told } from './options.ts'

const RUNS = 7
const IDLE_MS = 1500
const GOAL_MS = 1000

/** From nothing to taking events in, and what the daemon holds when nothing happens. */
export async function start(_options: BenchOptions): Promise<BenchResult> {
  const peers = await interleaved(RUNS, { 'twenty-sync': one }, told)
  return {
    name: 'start',
    what: 'milliseconds from spawn to /readyz with one flow; RSS when idle',
    spec: { runs: RUNS, idleMs: IDLE_MS },
    peers,
    goal: `at most ${GOAL_MS} ms`,
    reached: peers[0]!.median <= GOAL_MS,
    void: false,
    notes: [],
  }
}

async function one(): Promise<Measured> {
  const daemon = await BenchDaemon.prepare({ config: 'w2.yaml', env: { BENCH_SINK: 'http://127.0.0.1:9' } })
  try {
    const started = performance.now()
    await daemon.start()
    const value = performance.now() - started
    await sleep(IDLE_MS)
    return { value, rssMb: usageOf(daemon.pid).rssMb }
  } finally {
    await daemon.remove()
  }
}
