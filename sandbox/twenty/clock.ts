import type { Faults } from './faults.ts'

/** The part of a clock that the sandbox needs; a simulation can own it. */
export interface SandboxClock {
  /** Milliseconds since the epoch. */
  now(): number
  /** Calls `fire` once after `ms`. Returns a cancel. */
  after(ms: number, fire: () => void): () => void
}

export const systemClock: SandboxClock = {
  now: () => Date.now(),
  after(ms, fire) {
    const timer = setTimeout(fire, ms)
    return () => clearTimeout(timer)
  },
}

/** The server's own, possibly wrong, idea of the time, in ms. */
export function serverNow(clock: SandboxClock, faults: Faults): number {
  const time = clock.now() + faults.clock.skewMs
  const grain = Math.max(1, faults.clock.granularityMs)
  return Math.floor(time / grain) * grain
}
