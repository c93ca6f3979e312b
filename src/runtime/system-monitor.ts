import type { Environment } from '../environment.ts'
import { asSyncError, type SyncError } from '../errors.ts'
import { onAbort } from '../on-abort.ts'
import { probeDelayMs } from './flow-breaker.ts'

/** A system that was ready this long starts its probes anew. */
const HEALTHY_MS = 300_000
const RETRY_MS = [1000, 2000, 5000, 15_000, 60_000]

export interface SystemStatus {
  readonly ready: boolean
  readonly error?: { readonly code: string; readonly message: string }
  readonly nextTryAt?: number
}

/**
 * Whether a system can be used: reachable, credentials good, and the config fits what it has. Flows wait for it.
 * A fatal answer during work (an expired key, say) makes every flow that uses the system wait.
 */
export class SystemMonitor {
  readonly name: string
  readonly #check: (signal: AbortSignal) => Promise<void>
  readonly #env: Environment
  #error: SyncError | undefined
  #ready = false
  #lost = new AbortController()
  #waiting: (() => void)[] = []
  #nextTryAt: number | undefined
  /** Fatal answers in a row; decides how long the next probe waits. */
  #fatals = 0
  #readySince = 0

  constructor(options: { name: string; check: (signal: AbortSignal) => Promise<void>; env: Environment }) {
    this.name = options.name
    this.#check = options.check
    this.#env = options.env
  }

  get status(): SystemStatus {
    const error = this.#error && { code: this.#error.code, message: this.#error.message }
    return { ready: this.#ready, ...(error && { error }), ...(this.#nextTryAt && { nextTryAt: this.#nextTryAt }) }
  }

  /** Aborted when the system is lost; a fresh one after it is back. */
  get lost(): AbortSignal {
    return this.#lost.signal
  }

  /** Resolves when ready, or when the signal is aborted. */
  whenReady(signal: AbortSignal): Promise<void> {
    if (this.#ready || signal.aborted) return Promise.resolve()
    return new Promise(resolve => {
      const forget = onAbort(signal, resolve)
      this.#waiting.push(() => {
        forget()
        resolve()
      })
    })
  }

  /** Reported by whoever got an answer that no retry will mend. */
  failed(error: SyncError): void {
    if (!this.#ready) return
    this.#ready = false
    this.#error = error
    this.#fatals = this.#env.clock.elapsed() - this.#readySince > HEALTHY_MS ? 1 : this.#fatals + 1
    this.#lost.abort(error)
  }

  /** Until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted; ) {
      try {
        // After a fatal answer the first probe waits: asking at once would only be refused again.
        if (this.#fatals > 0) await this.#pause(probeDelayMs(this.#fatals), signal)
        await this.#check(signal)
        failures = 0
        this.#isReady()
        await aborted(AbortSignal.any([signal, this.#lost.signal]))
        if (!signal.aborted)
          this.#env.logger.error(
            { system: this.name, code: this.#error?.code },
            `${this.name} lost: ${this.#error?.message}`,
          )
      } catch (thrown) {
        if (signal.aborted) return
        failures = await this.#notReady(asSyncError(thrown), failures, signal)
      }
    }
  }

  #isReady(): void {
    this.#ready = true
    this.#readySince = this.#env.clock.elapsed()
    this.#error = undefined
    this.#nextTryAt = undefined
    this.#lost = new AbortController()
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  async #notReady(error: SyncError, failures: number, signal: AbortSignal): Promise<number> {
    if (failures === 0 || error.code !== this.#error?.code) {
      this.#env.logger.warn({ system: this.name, code: error.code }, `${this.name} is not ready: ${error.message}`)
    }
    this.#error = error
    if (error.kind === 'fatal') this.#fatals++
    else await this.#pause(RETRY_MS[Math.min(failures, RETRY_MS.length - 1)]!, signal)
    return failures + 1
  }

  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    this.#nextTryAt = this.#env.clock.now() + ms
    // A stop ends the wait; the loop sees it.
    await this.#env.clock.sleep(ms, signal).catch(() => {})
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise(resolve => void onAbort(signal, resolve))
}
