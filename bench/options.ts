import type { Measured } from './lib/rounds.ts'

export interface BenchOptions {
  readonly rounds: number
  /** Of load per run, where a run is as long as that. */
  readonly seconds: number
  /** Per run, where a run is a number of events. undefined: the bench's own number. */
  readonly events?: number
}

/** One line per run, so that nobody waits in the dark. */
export function told(peer: string, round: number, { value }: Measured): void {
  console.error(`    round ${round}  ${peer.padEnd(22)}${Math.round(value).toLocaleString('en').padStart(12)}`)
}
