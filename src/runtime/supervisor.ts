import type { Environment } from '../environment.ts'
import { asSyncError, type SyncError } from '../errors.ts'
import type { StateStore } from '../state/state-store.ts'
import { probeDelayMs } from './flow-breaker.ts'
import type { SystemMonitor } from './system-monitor.ts'

/** One that ran this long since its last stop is healthy again. */
const HEALTHY_MS = 300_000
/** How often another instance's `pause` is noticed. */
const WATCH_MS = 5000

export type FlowState = 'waiting' | 'running' | 'paused' | 'stopped' | 'draining'

export interface FlowStatus {
  readonly state: FlowState
  /** Why it does not run: what it waits for, or what stopped it. */
  readonly reason?: { readonly code: string; readonly message: string }
  readonly nextTryAt?: number
}

/** A flow or a sync: something that runs until it is stopped, or stops by itself. */
export interface Supervised {
  readonly kind: 'flow' | 'sync'
  readonly name: string
  /** State key under which `pause` is kept. */
  readonly controlKey: string
  /** Until the signal is aborted; drained then. @throws SyncError what stopped it. */
  run(signal: AbortSignal): Promise<void>
}

/** Keeps a flow or sync running: waits for its systems, honours `pause`, and probes after a stop at 1, 5, then every 15 minutes. */
export class Supervisor<Runner extends Supervised = Supervised> {
  readonly runner: Runner
  readonly #systems: readonly SystemMonitor[]
  readonly #state: StateStore
  readonly #env: Environment
  #status: FlowStatus = { state: 'waiting' }
  #paused = new AbortController()
  #resume = new AbortController()
  #wasPaused = false

  constructor(options: { runner: Runner; systems: readonly SystemMonitor[]; state: StateStore; env: Environment }) {
    this.runner = options.runner
    this.#systems = options.systems
    this.#state = options.state
    this.#env = options.env
  }

  get status(): FlowStatus {
    const waitsFor = this.#status.state === 'waiting' ? this.#systems.find(system => !system.status.ready) : undefined
    if (!waitsFor) return this.#status
    const { error, nextTryAt } = waitsFor.status
    const reason = {
      code: error?.code ?? 'NOT_READY',
      message: `waits for ${waitsFor.name}${error ? `: ${error.message}` : ''}`,
    }
    return { state: 'waiting', reason, ...(nextTryAt && { nextTryAt }) }
  }

  async pause(): Promise<void> {
    await this.#state.commit([{ key: this.runner.controlKey, value: { paused: true } }])
    this.#paused.abort()
  }

  /** Also ends the wait of a stopped flow at once. */
  async resume(): Promise<void> {
    await this.#state.commit([{ key: this.runner.controlKey, value: { paused: false } }])
    this.#resume.abort()
  }

  /** Until the signal is aborted; the flow is drained when it resolves. */
  async run(signal: AbortSignal): Promise<void> {
    for (let stops = 0; !signal.aborted; ) {
      await this.#untilResumed(signal)
      this.#status = { state: 'waiting' }
      await Promise.all(this.#systems.map(system => system.whenReady(signal)))
      if (signal.aborted) return
      const started = this.#env.clock.elapsed()
      const error = await this.#runOnce(signal)
      if (!error) continue
      stops = this.#env.clock.elapsed() - started > HEALTHY_MS ? 1 : stops + 1
      await this.#stopped(error, probeDelayMs(stops), signal)
    }
  }

  async #runOnce(signal: AbortSignal): Promise<SyncError | undefined> {
    this.#paused = new AbortController()
    const watching = new AbortController()
    const ends = AbortSignal.any([signal, this.#paused.signal, ...this.#systems.map(system => system.lost)])
    ends.addEventListener('abort', () => {
      this.#status = { state: 'draining' }
    })
    this.#status = { state: 'running' }
    this.#watchPause(AbortSignal.any([ends, watching.signal])).catch(() => {})
    try {
      await this.runner.run(ends)
      return undefined
    } catch (thrown) {
      return asSyncError(thrown)
    } finally {
      watching.abort()
    }
  }

  async #watchPause(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#env.clock.sleep(WATCH_MS, signal)
      if (await this.#isPaused()) this.#paused.abort()
    }
  }

  /** A state that does not answer changes nothing. */
  async #isPaused(): Promise<boolean> {
    try {
      const [entry] = await this.#state.get([this.runner.controlKey])
      this.#wasPaused = (entry?.value as { paused?: boolean } | undefined)?.paused === true
    } catch {
      // What was said last still holds.
    }
    return this.#wasPaused
  }

  async #untilResumed(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && (await this.#isPaused())) {
      this.#status = { state: 'paused', reason: { code: 'PAUSED', message: 'paused by a person' } }
      await this.#sleepUntilResumed(WATCH_MS, signal)
    }
  }

  async #stopped(error: SyncError, ms: number, signal: AbortSignal): Promise<void> {
    const { code, message } = error
    // Of a lost system the monitor has said so, and decides when to try again.
    if (this.#systems.some(system => !system.status.ready)) return
    this.#status = { state: 'stopped', reason: { code, message }, nextTryAt: this.#env.clock.now() + ms }
    const { kind, name } = this.runner
    this.#env.logger.error({ [kind]: name, code }, `${kind} "${name}" stopped: ${message}`)
    await this.#sleepUntilResumed(ms, signal)
  }

  async #sleepUntilResumed(ms: number, signal: AbortSignal): Promise<void> {
    this.#resume = new AbortController()
    await this.#env.clock.sleep(ms, AbortSignal.any([signal, this.#resume.signal])).catch(() => {})
  }
}
