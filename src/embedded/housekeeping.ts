import type { Cancel, Clock } from '../environment.ts'

const EVERY_MS = 60_000

/** Something that holds what time makes worthless. */
export interface Expiring {
  dropExpired(signal: AbortSignal): Promise<void>
}

/** Deletes expired events and state in the background, in pieces small enough that nobody waits for them. */
export class Housekeeping {
  readonly #clock: Clock
  readonly #places: readonly Expiring[]
  readonly #stop = new AbortController()
  #cancel: Cancel | undefined

  constructor(clock: Clock, places: readonly Expiring[]) {
    this.#clock = clock
    this.#places = places
    this.#schedule()
  }

  stop(): void {
    this.#stop.abort()
    this.#cancel?.()
  }

  #schedule(): void {
    this.#cancel = this.#clock.after(EVERY_MS, () => void this.#run(), { background: true })
  }

  async #run(): Promise<void> {
    try {
      for (const place of this.#places) await place.dropExpired(this.#stop.signal)
    } catch {
      // What is wrong with the database is said to those who write; the next round tries again.
    }
    if (!this.#stop.signal.aborted) this.#schedule()
  }
}
