/** Dead letters among the last events that stop a flow instead of emptying its topic into them. */
const WINDOW = 100
const THRESHOLD = 20
/** Waits of a stopped flow before it tries again; the last one repeats. */
const PROBE_MS = [60_000, 300_000, 900_000]

/** Counts outcomes of the last events. */
export class FlowBreaker {
  readonly #outcomes = new Array<boolean>(WINDOW).fill(false)
  #next = 0
  #dead = 0

  /** True when this outcome trips it. The window starts anew then. */
  record(dead: boolean): boolean {
    if (this.#outcomes[this.#next]) this.#dead--
    this.#outcomes[this.#next] = dead
    if (dead) this.#dead++
    this.#next = (this.#next + 1) % WINDOW
    if (this.#dead <= THRESHOLD) return false
    this.reset()
    return true
  }

  reset(): void {
    this.#outcomes.fill(false)
    this.#dead = 0
  }
}

export function probeDelayMs(stops: number): number {
  return PROBE_MS[Math.min(stops, PROBE_MS.length) - 1]!
}
