import type { Cancel, Clock } from '../environment.ts'
import { onAbort } from '../on-abort.ts'

interface Timer {
  readonly due: number
  readonly order: number
  readonly fire: () => void
}

/**
 * Time that moves only when told to. Timers fire in order of their due time while `advance` walks past them.
 */
export class VirtualClock implements Clock {
  readonly #settle: () => Promise<void>
  #now: number
  #timers: Timer[] = []
  #order = 0

  /** @param rest resolves when what a timer started has come to rest; time does not move before. */
  constructor(start = Date.parse('2026-11-24T10:00:00.000Z'), rest: () => Promise<void> = settle) {
    this.#now = start
    this.#settle = rest
  }

  now(): number {
    return this.#now
  }

  elapsed(): number {
    return this.#now
  }

  after(ms: number, fire: () => void): Cancel {
    const timer = { due: this.#now + ms, order: this.#order++, fire }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter(other => other !== timer)
    }
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const cancel = this.after(ms, () => {
        forget?.()
        resolve()
      })
      const forget =
        signal &&
        onAbort(signal, () => {
          cancel()
          reject(signal.reason)
        })
    })
  }

  /** Milliseconds until the next timer; undefined when none is set. */
  get nextTimerIn(): number | undefined {
    return this.#timers.length === 0 ? undefined : Math.min(...this.#timers.map(timer => timer.due)) - this.#now
  }

  /** Moves time forward, firing what falls due, and lets what that started settle in between. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    for (;;) {
      await this.#settle()
      const next = this.#timers.filter(timer => timer.due <= end).sort((a, b) => a.due - b.due || a.order - b.order)[0]
      if (!next) break
      this.#timers = this.#timers.filter(timer => timer !== next)
      this.#now = Math.max(this.#now, next.due)
      next.fire()
    }
    this.#now = end
    await this.#settle()
  }
}

/** Lets promise chains and immediates that are already due run. */
export async function settle(turns = 5): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise(resolve => setImmediate(resolve))
}
