import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { ROOT } from '../../scripts/stack/daemon-process.ts'
import { balances } from './ledger.ts'
import { median, type PeerResult, ratioOf } from './rounds.ts'

export interface BenchResult {
  readonly name: string
  readonly what: string
  /** All that the run was told. */
  readonly spec: Readonly<Record<string, unknown>>
  readonly peers: readonly PeerResult[]
  /** Ours to raw. */
  readonly ratio?: { readonly median: number; readonly low: number; readonly high: number }
  readonly goal: string
  readonly reached: boolean
  /** A ledger did not balance: none of the figures counts. */
  readonly void: boolean
  readonly notes: readonly string[]
}

interface Baseline {
  readonly takenAt: string
  readonly machine: string
  /** By bench: the ratio, or the median where there is none. */
  readonly figures: Readonly<Record<string, number>>
}

const BASELINE = join(ROOT, 'bench/baseline.json')
const RESULTS = join(ROOT, 'bench/results')
const WARN = 0.08
const FAIL = 0.15

/** @param goal least ratio. */
export function compared(
  facts: Pick<BenchResult, 'name' | 'what' | 'spec'> & { readonly notes?: readonly string[] },
  peers: readonly PeerResult[],
  goal: number,
): BenchResult {
  const [ours, raw] = peers as [PeerResult, PeerResult]
  const ratio = ratioOf(ours, raw)
  const unbalanced = peers.some(peer => peer.runs.some(({ ledger }) => ledger && !balances(ledger)))
  return {
    ...facts,
    peers,
    ratio,
    goal: `at least ${goal.toFixed(2)} of ${raw.name}`,
    reached: !unbalanced && ratio.median >= goal,
    void: unbalanced,
    notes: facts.notes ?? [],
  }
}

export function print(result: BenchResult, unit: string): void {
  console.log(`\n${result.name}  ${result.what}`)
  console.log(
    `  ${''.padEnd(22)}${['median', 'spread', 'CPU us/event', 'RSS MB', 'p50 ms', 'p99 ms', 'loop p99'].map(head => head.padStart(13)).join('')}`,
  )
  for (const { name, runs, median: middle, spread } of result.peers) {
    const figure = (of: (run: (typeof runs)[number]) => number | undefined, digits: number) =>
      shown(median(runs.map(run => of(run) ?? Number.NaN)), digits)
    const columns = [
      `${shown(middle, 0)} ${unit}`,
      `${shown(spread * 100, 0)} %`,
      figure(run => run.cpuMicrosecondsPerEvent, 1),
      figure(run => run.rssMb, 0),
      figure(run => run.p50Ms, 2),
      figure(run => run.p99Ms, 1),
      figure(run => run.loopDelayP99Ms, 1),
    ]
    console.log(`  ${name.padEnd(22)}${columns.map(column => column.padStart(13)).join('')}`)
  }
  for (const note of result.notes) console.log(`  ${note}`)
  if (result.void) {
    console.log('  VOID: the ledger does not balance, so no figure above counts')
    return
  }
  if (result.ratio) {
    const { median: middle, low, high } = result.ratio
    console.log(
      `  ratio ${middle.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)}), of CPU time ${shown(cpuRatio(result), 2)}`,
    )
  }
  console.log(`  goal ${result.goal}: ${result.reached ? 'reached' : 'NOT reached'}`)
}

/** Raw's CPU per event to ours: holds also where other processes use the machine. */
function cpuRatio({ peers }: BenchResult): number {
  const [ours, raw] = peers.map(({ runs }) => median(runs.map(run => run.cpuMicrosecondsPerEvent ?? Number.NaN)))
  return raw! / ours!
}

function shown(value: number, digits: number): string {
  if (Number.isNaN(value)) return '-'
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

export function save(result: BenchResult): void {
  mkdirSync(RESULTS, { recursive: true })
  const at = new Date().toISOString()
  const file = join(RESULTS, `${result.name}-${at.replace(/[:.]/g, '-')}.json`)
  writeFileSync(file, `${JSON.stringify({ at, commit: commit(), machine: machine(), ...result }, null, 2)}\n`)
  console.log(`  ${file.slice(ROOT.length + 1)}`)
}

/** What the ratio has become since the accepted one. True when it is too much lower. */
export function againstBaseline(result: BenchResult): boolean {
  const figure = figureOf(result)
  const accepted = readBaseline()?.figures[result.name]
  if (figure === undefined || accepted === undefined || result.void) return false
  const change = result.ratio ? figure / accepted - 1 : accepted / figure - 1
  if (change > -WARN) return false
  const failed = change <= -FAIL
  console.log(
    `  ${failed ? 'WORSE' : 'warning'}: ${(change * 100).toFixed(0)} % against the accepted ${accepted.toFixed(2)}`,
  )
  return failed
}

export function accept(results: readonly BenchResult[]): void {
  const before = readBaseline()
  const figures: Record<string, number> = { ...before?.figures }
  for (const result of results) {
    const figure = figureOf(result)
    if (figure !== undefined && !result.void) figures[result.name] = Math.round(figure * 1000) / 1000
  }
  const baseline: Baseline = { takenAt: new Date().toISOString(), machine: machine(), figures }
  writeFileSync(BASELINE, `${JSON.stringify(baseline, null, 2)}\n`)
}

function figureOf({ ratio, peers }: BenchResult): number | undefined {
  return ratio?.median ?? peers[0]?.median
}

function readBaseline(): Baseline | undefined {
  return existsSync(BASELINE) ? (JSON.parse(readFileSync(BASELINE, 'utf8')) as Baseline) : undefined
}

function machine(): string {
  return `${cpus().length} x ${cpus()[0]?.model.trim() ?? 'unknown'}, Node ${process.versions.node}`
}

function commit(): string | undefined {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: ROOT, encoding: 'utf8' }).trim()
  } catch {
    return undefined
  }
}
