import type { Clock } from '../environment.ts'

/** Calls that may leave at once although they are not full, per queue; one comes back per `patienceMs` without a call. */
const EAGER_CALLS = 3
const PATIENCE_MS = 4000
/** Waits for siblings that are being queued in the same turn of the loop. */
const GATHER_MS = 2
/** Of one that began together with others: each of them has its own commits on the way, which take their time. */
const TOGETHER_MS = 250

interface Waiting<T, R> {
  readonly item: T
  /** Waits that long for others that began with it. */
  readonly until: number
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
  /** When the first of them waits for no others any more. */
  #until = Number.POSITIVE_INFINITY
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

  /** @param isOneOfMany it began together with others. */
  add(item: T, isOneOfMany = false): Promise<R> {
    const until = this.#options.clock.elapsed() + (isOneOfMany ? TOGETHER_MS : 0)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, until, resolve, reject })
      this.#until = Math.min(this.#until, until)
      this.#schedule()
    })
  }

  /** What `moreComing` says may have changed. */
  poke(): void {
    if (this.#waiting.length > 0) this.#schedule()
  }

  #schedule(): void {
    const { clock, full } = this.#options
    const wait = this.#waiting.length >= full ? GATHER_MS : Math.max(this.#until - clock.elapsed(), this.#eagerWaitMs())
    const due = clock.elapsed() + wait
    if (due >= this.#dueAt) return
    this.#cancel?.()
    this.#dueAt = due
    this.#cancel = clock.after(wait, () => this.#leave())
  }

  #leave(isLate = false): void {
    this.#dueAt = Number.POSITIVE_INFINITY
    this.#cancel = undefined
    const { clock, full, moreComing } = this.#options
    while (this.#waiting.length >= full) {
      this.#send()
      // Under load the budget does not come back: it is for events that come alone.
      this.#refilledAt = clock.elapsed()
    }
    if (this.#waiting.length === 0) return
    if (moreComing?.() && !isLate) this.#waitForMore()
    else if (isLate || (this.#until <= clock.elapsed() && this.#takeEager())) this.#send()
    else this.#schedule()
  }

  /** `poke` or the next `add` looks again; nobody waits longer than this for others. */
  #waitForMore(): void {
    this.#dueAt = this.#options.clock.elapsed() + this.#patienceMs
    this.#cancel = this.#options.clock.after(this.#patienceMs, () => this.#leave(true))
  }

  #send(): void {
    const batch = this.#waiting.splice(0, this.#options.max)
    this.#until = Math.min(...this.#waiting.map(({ until }) => until))
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
