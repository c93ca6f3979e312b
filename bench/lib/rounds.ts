import type { Ledger } from './ledger.ts'

/** One run of one peer. */
export interface Measured {
  /** Events per second; for `start` milliseconds. */
  readonly value: number
  readonly cpuMicrosecondsPerEvent?: number
  readonly rssMb?: number
  readonly p50Ms?: number
  readonly p99Ms?: number
  readonly loopDelayP99Ms?: number
  readonly ledger?: Ledger
}

export interface PeerResult {
  readonly name: string
  readonly runs: readonly Measured[]
  readonly median: number
  /** Between the lowest and the highest run, as a share of the median. */
  readonly spread: number
}

/** A B, A B, …: neighbours in time see the same machine. */
export async function interleaved(
  rounds: number,
  peers: Readonly<Record<string, () => Promise<Measured>>>,
  onRun: (peer: string, round: number, measured: Measured) => void,
): Promise<PeerResult[]> {
  const runs = new Map<string, Measured[]>(Object.keys(peers).map(name => [name, []]))
  for (let round = 1; round <= rounds; round++) {
    for (const [name, run] of Object.entries(peers)) {
      const measured = await run()
      runs.get(name)!.push(measured)
      onRun(name, round, measured)
    }
  }
  return [...runs].map(([name, measured]) => resultOf(name, measured))
}

function resultOf(name: string, runs: Measured[]): PeerResult {
  const values = runs.map(run => run.value)
  const middle = median(values)
  return { name, runs, median: middle, spread: (Math.max(...values) - Math.min(...values)) / middle }
}

/** Of each round's own ratio: what slows the machine for a while slows both sides of a round. */
export function ratioOf(ours: PeerResult, raw: PeerResult): { median: number; low: number; high: number } {
  const ratios = ours.runs.map((run, round) => run.value / raw.runs[round]!.value)
  return { median: median(ratios), low: Math.min(...ratios), high: Math.max(...ratios) }
}

export function median(values: readonly number[]): number {
  const sorted = values.filter(value => !Number.isNaN(value)).sort((a, b) => a - b)
  if (sorted.length === 0) return Number.NaN
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
