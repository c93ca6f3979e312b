import type { LoggedEvent, Partition, Subscriber } from '../event-log.ts'
import type { FetchPoint, Page } from './fetch.ts'

/** With fewer events than this waiting for the subscriber, the next page is fetched. */
const LOW_WATER_EVENTS = 500
const MAX_TAKE_EVENTS = 500

export interface PartitionHooks {
  /** A page is wanted, or something can be committed. */
  readonly changed: () => void
  readonly failed: (error: unknown) => void
}

/** A partition in our hands for one generation of the group: what waits, what is in flight, what may be committed. */
export class OwnedPartition implements Partition {
  readonly topic: string
  readonly partition: number
  readonly owned: AbortSignal
  readonly #subscriber: Subscriber
  readonly #maxInFlight: number
  readonly #hooks: PartitionHooks
  readonly #ownership = new AbortController()
  /** Taken in offset order and kept in that order, so the first is the lowest. */
  readonly #unfinished = new Set<number>()
  #waiting: readonly LoggedEvent[] = []
  #fetchOffset: number
  #stuck = false
  #taking = false
  #scheduled = false
  #over = false
  #committed: number
  #told = -1

  /** @param committed what the group has on the broker for it. */
  constructor(
    place: { topic: string; partition: number; committed: number },
    subscriber: Subscriber,
    maxInFlight: number,
    hooks: PartitionHooks,
  ) {
    this.topic = place.topic
    this.partition = place.partition
    this.owned = this.#ownership.signal
    this.#fetchOffset = place.committed
    this.#committed = place.committed
    this.#subscriber = subscriber
    this.#maxInFlight = maxInFlight
    this.#hooks = hooks
  }

  finished(offset: number): void {
    if (this.#over || !this.#unfinished.delete(offset)) return
    if (this.#waiting.length > 0) this.#schedule()
  }

  /** Where the next fetch begins; undefined while enough is waiting. */
  get fetchPoint(): FetchPoint | undefined {
    if (this.owned.aborted || this.#waiting.length >= LOW_WATER_EVENTS) return undefined
    const { topic, partition } = this
    return { topic, partition, offset: this.#fetchOffset, stuck: this.#stuck }
  }

  receive(page: Page): void {
    if (this.owned.aborted) return
    this.#fetchOffset = page.next
    this.#stuck = page.stuck
    this.#waiting = this.#waiting.length === 0 ? page.events : [...this.#waiting, ...page.events]
    if (this.#waiting.length > 0) this.#schedule()
    else this.#tellPosition()
  }

  /** The log does not have the offset (any more): go on where it begins. */
  seek(offset: number): void {
    this.#fetchOffset = offset
    this.#waiting = []
    this.#tellPosition()
  }

  /** P2: everything below is finished. Undefined while the broker has it already. */
  get toCommit(): number | undefined {
    const lowest = this.#lowestUnfinished
    return lowest === this.#committed ? undefined : lowest
  }

  wasCommitted(offset: number): void {
    this.#committed = offset
  }

  /** Ownership is gone or being given up: no further call for its events may start. */
  giveUp(reason: string): void {
    this.#fetchOffset = this.#waiting[0]?.offset ?? this.#fetchOffset
    this.#waiting = []
    this.#ownership.abort(new Error(reason))
  }

  /** `revoked` has resolved, or took too long: what is reported from now on is ignored. */
  end(): void {
    this.#over = true
  }

  get #lowestUnfinished(): number {
    for (const offset of this.#unfinished) return offset
    return this.#position
  }

  /** Everything below was given, or is not there. */
  get #position(): number {
    return this.#waiting[0]?.offset ?? this.#fetchOffset
  }

  #tellPosition(): void {
    const position = this.#position
    if (position <= this.#told || this.owned.aborted) return
    this.#told = position
    try {
      this.#subscriber.passed?.(this, position)
    } catch (error) {
      this.#hooks.failed(error)
    }
  }

  /** In the next turn: many `finished` in a row make one `take`, and the next page is asked for before this one is worked on. */
  #schedule(): void {
    if (this.#scheduled || this.#taking) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      void this.#give()
    })
  }

  async #give(): Promise<void> {
    if (this.#taking) return
    this.#taking = true
    try {
      while (!this.owned.aborted) {
        const events = this.#next()
        if (events.length === 0) break
        await this.#subscriber.take(this, events)
        this.#tellPosition()
        this.#hooks.changed()
      }
    } catch (error) {
      this.#hooks.failed(error)
    } finally {
      this.#taking = false
    }
    if (!this.owned.aborted) this.#hooks.changed()
  }

  /** What may be given now; from then on it is in flight. */
  #next(): readonly LoggedEvent[] {
    const room = Math.min(this.#maxInFlight - this.#unfinished.size, MAX_TAKE_EVENTS)
    if (room <= 0 || this.#waiting.length === 0) return []
    const events = this.#waiting.slice(0, room)
    this.#waiting = this.#waiting.slice(events.length)
    for (const { offset } of events) this.#unfinished.add(offset)
    return events
  }
}
