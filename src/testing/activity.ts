import { settle } from '../environment/virtual-clock.ts'

/** Turns of the loop without anything happening after which nothing more is coming. */
const QUIET_TURNS = 5
/** After a timer, most of which set off nothing: whatever they do set off is seen by then. */
const FIRST_TURNS = 2

/** Knows whether something is going on that is no matter of time: calls under way, code that is being loaded. */
export class Activity {
  #running = 0
  #seen = 0
  #seenAtRest = -1

  /** Something happened: what it sets off gets its turns. */
  note(): void {
    this.#seen++
  }

  /** Time stands still until it is done. */
  async during<T>(work: Promise<T>): Promise<T> {
    this.#running++
    try {
      return await work
    } finally {
      this.#running--
      this.#seen++
    }
  }

  /** Resolves when nothing has happened for some turns of the loop. */
  async over(): Promise<void> {
    if (this.#seen === this.#seenAtRest) await settle(FIRST_TURNS)
    while (this.#running > 0 || this.#seen !== this.#seenAtRest) {
      this.#seenAtRest = this.#seen
      await settle(QUIET_TURNS)
    }
  }
}
