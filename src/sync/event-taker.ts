import type { SideName } from '../config/config.ts'
import { asSyncError, type SyncError } from '../errors.ts'
import type { LoggedEvent, Partition } from '../log/event-log.ts'
import { UNCLASSIFIED_TRIES } from '../runtime/retry.ts'
import type { SyncContext } from './context.ts'
import type { Observer } from './observer.ts'

/** Events deferred because a write to their link is under way are looked at again this often, and when a round ends. */
const DEFERRED_MS = 500
/** Most events of one commit. */
const PAGE = 100

export interface TakenEvent {
  readonly partition: Partition
  readonly side: SideName
  readonly logged: LoggedEvent
}

export interface EventTakerOptions {
  readonly context: SyncContext
  readonly observer: Observer
  /** Links with something to write or to read. */
  readonly due: (links: readonly string[]) => void
  /** No event will fare better: the sync has to stop. */
  readonly failed: (error: SyncError) => void
}

/** Takes the events of both sides into the links, and says which of them are done with. */
export class EventTaker {
  readonly #options: EventTakerOptions
  #signal: AbortSignal = AbortSignal.abort()
  #deferred: TakenEvent[] = []
  #cancelTimer: (() => void) | undefined
  #leftOut = 0
  #lastError: { readonly code: string; readonly message: string; readonly at: number } | undefined

  constructor(options: EventTakerOptions) {
    this.#options = options
  }

  get status() {
    return { deferred: this.#deferred.length, leftOut: this.#leftOut, lastError: this.#lastError }
  }

  /** What it takes from now on is done until the signal is aborted. */
  begin(signal: AbortSignal): void {
    this.#signal = signal
  }

  /** What was deferred is given again to whoever has its partition next. */
  end(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    this.#deferred = []
  }

  revoked(partition: Partition): void {
    this.#deferred = this.#deferred.filter(deferred => deferred.partition !== partition)
  }

  /** P2: an event is finished once the links have it; what has to be written is on their list of dues. All of one side. */
  async take(events: readonly TakenEvent[]): Promise<void> {
    for (let from = 0; from < events.length; from += PAGE) await this.#observe(events.slice(from, from + PAGE))
  }

  retryDeferred(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    const events = this.#deferred
    if (events.length === 0) return
    this.#deferred = []
    for (const side of ['left', 'right'] as const) {
      void this.take(events.filter(event => event.side === side && !event.partition.owned.aborted))
    }
  }

  async #observe(page: readonly TakenEvent[]): Promise<void> {
    const { context, observer, due, failed } = this.#options
    const { side } = page[0]!
    for (let attempt = 1; !this.#signal.aborted; attempt++) {
      try {
        const observed = await observer.observe(
          side,
          page.map(({ logged }) => observer.seen(side, logged)),
        )
        const late = new Set(observed.deferred)
        for (const [place, { partition, logged }] of page.entries())
          if (!late.has(place)) partition.finished(logged.offset)
        this.#defer(page.filter((_, place) => late.has(place)))
        due(observed.due)
        return
      } catch (thrown) {
        const error = asSyncError(thrown)
        if (error.kind === 'fatal') return failed(error)
        if (isPoison(error, attempt)) return this.#isolate(page, error)
        await context.env.clock.sleep(Math.min(30_000, 200 * 2 ** attempt), this.#signal).catch(() => {})
      }
    }
  }

  /** One event that cannot be taken in keeps no other one from it. What it told, the next complete comparison finds. */
  async #isolate(page: readonly TakenEvent[], error: SyncError): Promise<void> {
    const [first, ...more] = page
    if (more.length > 0) {
      for (const one of page) await this.#observe([one])
      return
    }
    const { partition, logged } = first!
    this.leaveOut(logged, error)
    partition.finished(logged.offset)
  }

  /** Says so, and counts it. */
  leaveOut(logged: LoggedEvent, error: SyncError): void {
    const { logger, clock } = this.#options.context.env
    const { name } = this.#options.context.config
    const message = `event ${logged.topic}/${logged.partition}/${logged.offset} is left out: ${error.message}`
    logger.error({ sync: name, code: error.code, err: error }, `${name}: ${message}`)
    this.#leftOut++
    this.#lastError = { code: error.code, message, at: clock.now() }
  }

  #defer(events: readonly TakenEvent[]): void {
    if (events.length === 0) return
    this.#deferred.push(...events)
    this.#cancelTimer ??= this.#options.context.env.clock.after(DEFERRED_MS, () => this.retryDeferred(), {
      background: true,
    })
  }
}

/** It will fail in the same way for ever, because of what is in the event. */
export function isPoison({ kind, code }: SyncError, attempt: number): boolean {
  return kind === 'rejected' || (code === 'UNCLASSIFIED' && attempt >= UNCLASSIFIED_TRIES)
}
