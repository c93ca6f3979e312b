import type { Clock } from '../environment.ts'

/** Calls that may leave at once although they are not full, per queue; one comes back per `patienceMs` without a call. */
const EAGER_CALLS = 3
const PATIENCE_MS = 4000
/** Waits for siblings that are being queued in the same turn of the loop. */
const GATHER_MS = 2

interface Waiting<T, R> {
  readonly item: T
  readonly resolve: (result: R) => void
  readonly reject: (error: unknown) => void
}

export interface BatchQueueOptions<T, R> {
  readonly clock: Clock
  /** Most items of one call. */
  readonly max: number
  /** A call leaves as soon as this many wait. */
  readonly full: number
  /** One result per item, same order. Rejection fails every item of the call. */
  readonly send: (items: T[]) => Promise<R[]>
  /** True while more items are known to be on their way: then a call that is not full waits for them. */
  readonly moreComing?: () => boolean
  /** Longest wait of an item for others to share its call. Default 4 s. */
  readonly patienceMs?: number
}

/**
 * Collects items into calls. A lone item leaves at once; under load calls leave full, or every few seconds, so that
 * what is saved is the other side's rate limit (P8).
 */
export class BatchQueue<T, R> {
  readonly #options: BatchQueueOptions<T, R>
  #waiting: Waiting<T, R>[] = []
  #cancel: (() => void) | undefined
  #dueAt = Number.POSITIVE_INFINITY
  #eager = EAGER_CALLS
  #refilledAt: number
  readonly #patienceMs: number

  constructor(options: BatchQueueOptions<T, R>) {
    this.#options = options
    this.#refilledAt = options.clock.elapsed()
    this.#patienceMs = options.patienceMs ?? PATIENCE_MS
  }

  get size(): number {
    return this.#waiting.length
  }

  add(item: T): Promise<R> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject })
      this.#schedule()
    })
  }

  /** What `moreComing` says may have changed. */
  poke(): void {
    if (this.#waiting.length > 0) this.#schedule()
  }

  #schedule(): void {
    const { clock, full } = this.#options
    const wait = this.#waiting.length >= full ? GATHER_MS : this.#eagerWaitMs()
    const due = clock.elapsed() + wait
    if (due >= this.#dueAt) return
    this.#cancel?.()
    this.#dueAt = due
    this.#cancel = clock.after(wait, () => this.#leave())
  }

  #leave(isLate = false): void {
    this.#dueAt = Number.POSITIVE_INFINITY
    this.#cancel = undefined
    const { max, full, moreComing } = this.#options
    while (this.#waiting.length >= full) {
      this.#send(this.#waiting.splice(0, max))
      // Under load the budget does not come back: it is for events that come alone.
      this.#refilledAt = this.#options.clock.elapsed()
    }
    if (this.#waiting.length === 0) return
    if (moreComing?.() && !isLate) this.#waitForMore()
    else if (isLate || this.#takeEager()) this.#send(this.#waiting.splice(0, max))
    else this.#schedule()
  }

  /** `poke` or the next `add` looks again; nobody waits longer than this for others. */
  #waitForMore(): void {
    this.#dueAt = this.#options.clock.elapsed() + this.#patienceMs
    this.#cancel = this.#options.clock.after(this.#patienceMs, () => this.#leave(true))
  }

  #send(batch: Waiting<T, R>[]): void {
    this.#options.send(batch.map(waiting => waiting.item)).then(
      results => {
        batch.forEach((waiting, index) => {
          waiting.resolve(results[index]!)
        })
      },
      error => {
        for (const waiting of batch) waiting.reject(error)
      },
    )
  }

  #refill(): void {
    const now = this.#options.clock.elapsed()
    const gained = Math.floor((now - this.#refilledAt) / this.#patienceMs)
    if (gained <= 0) return
    this.#eager = Math.min(EAGER_CALLS, this.#eager + gained)
    this.#refilledAt += gained * this.#patienceMs
  }

  #takeEager(): boolean {
    this.#refill()
    if (this.#eager === 0) return false
    this.#refilledAt = this.#options.clock.elapsed()
    this.#eager--
    return true
  }

  #eagerWaitMs(): number {
    this.#refill()
    if (this.#eager > 0) return GATHER_MS
    return Math.max(GATHER_MS, this.#refilledAt + this.#patienceMs - this.#options.clock.elapsed())
  }
}
