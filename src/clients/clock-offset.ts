/** How far another system's clock is ahead of ours, and how far off that estimate may be. */
export interface Offset {
  readonly offsetMs: number
  readonly errorMs: number
}

const KEPT = 16

/** Measures the other side's clock from the times of its answers: the tightest of the last few counts. */
export class ClockOffset {
  readonly #granularityMs: number
  #samples: Offset[] = []

  /** @param granularityMs of the times, which are cut off. Default that of `Date` headers, a second. */
  constructor(granularityMs = 1000) {
    this.#granularityMs = granularityMs
  }

  /** @param sentAt and receivedAt our clock, milliseconds. */
  measure(date: string | undefined, sentAt: number, receivedAt: number): void {
    const theirs = Date.parse(date ?? '')
    if (Number.isNaN(theirs)) return
    const offsetMs = theirs + this.#granularityMs / 2 - (sentAt + receivedAt) / 2
    this.#samples.push({ offsetMs, errorMs: (this.#granularityMs + receivedAt - sentAt) / 2 })
    if (this.#samples.length > KEPT) this.#samples.shift()
  }

  /** undefined before the first answer. */
  get best(): Offset | undefined {
    return this.#samples.reduce<Offset | undefined>(
      (best, sample) => (best && best.errorMs <= sample.errorMs ? best : sample),
      undefined,
    )
  }
}
