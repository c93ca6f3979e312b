import type { LoggedEvent, Partition } from '../event-log.ts'
import { type LocalTopic, PAGE_EVENTS, PARTITION } from './storage.ts'

/** A topic's partition in the hands of one subscriber: what comes next, and what is taken and unfinished. */
export class OwnedPartition implements Partition {
  readonly topic: string
  readonly partition = PARTITION
  readonly owned: AbortSignal
  readonly #storage: LocalTopic
  readonly #ownership = new AbortController()
  readonly #onFinished: () => void
  /** Taken in offset order and kept in that order, so the first is the lowest. */
  readonly #unfinished = new Set<number>()
  #position: number
  #page: readonly LoggedEvent[] = []
  #pageIndex = 0
  #over = false

  constructor(storage: LocalTopic, position: number, onFinished: () => void) {
    this.topic = storage.name
    this.owned = this.#ownership.signal
    this.#storage = storage
    this.#position = position
    this.#onFinished = onFinished
  }

  finished(offset: number): void {
    if (!this.#over && this.#unfinished.delete(offset)) this.#onFinished()
  }

  get inFlight(): number {
    return this.#unfinished.size
  }

  /** P2: the offset to commit; everything below it is finished. */
  get lowestUnfinished(): number {
    for (const offset of this.#unfinished) return offset
    return this.#position
  }

  /** Offset of what `next` gives next; everything below was given, or is not there. */
  get position(): number {
    return this.#position
  }

  /** The next page must come from the storage. */
  get needsPage(): boolean {
    return this.#pageIndex === this.#page.length && this.#position < this.#storage.end
  }

  /** Up to `count` events, which then are in flight. Retention may have passed the position: then from the oldest kept. */
  next(count: number): readonly LoggedEvent[] {
    if (this.#pageIndex === this.#page.length) {
      const { end } = this.#storage
      this.#page = this.#position < end ? this.#storage.page(this.#position, end, PAGE_EVENTS) : []
      this.#pageIndex = 0
      // What retention or compaction removed up to the end is passed over: it would hold the group back for ever.
      if (this.#page.length === 0) this.#position = Math.max(this.#position, end)
    }
    const events = this.#page.slice(this.#pageIndex, this.#pageIndex + count)
    this.#pageIndex += events.length
    for (const { offset } of events) this.#unfinished.add(offset)
    if (events.length > 0) this.#position = events.at(-1)!.offset + 1
    return events
  }

  /** Ownership is being given up: no further call for these events may start. */
  giveUp(): void {
    this.#page = []
    this.#ownership.abort()
  }

  /** `revoked` has resolved: what is reported from now on is ignored. */
  end(): void {
    this.#over = true
  }
}
