import { nextTurn } from '../../next-turn.ts'
import type { LoggedEvent } from '../event-log.ts'
import { type LocalTopic, PAGE_EVENTS } from './storage.ts'

export interface RangeOptions {
  readonly signal?: AbortSignal
  /** Throws when the log was closed: a range cut short must not pass for a whole one. */
  assertOpen?(): void
}

/**
 * Events from offset `from` up to `to`, page by page. An iterator written out: an async generator costs a third of the
 * time of a whole replay. Ends quietly when the signal is aborted.
 */
export function readRange(
  topic: LocalTopic | undefined,
  from: number,
  to: number,
  options: RangeOptions = {},
): AsyncIterable<LoggedEvent> {
  return { [Symbol.asyncIterator]: () => new RangeIterator(topic, from, to, options) }
}

class RangeIterator implements AsyncIterator<LoggedEvent> {
  readonly #topic: LocalTopic | undefined
  readonly #to: number
  readonly #options: RangeOptions
  #position: number
  #page: readonly LoggedEvent[] = []
  #index = 0

  constructor(topic: LocalTopic | undefined, from: number, to: number, options: RangeOptions) {
    this.#topic = topic
    this.#position = from
    this.#to = to
    this.#options = options
  }

  next(): Promise<IteratorResult<LoggedEvent>> {
    if (this.#options.signal?.aborted) return this.return()
    if (this.#index < this.#page.length) return Promise.resolve({ value: this.#page[this.#index++]!, done: false })
    return this.#nextPage()
  }

  return(): Promise<IteratorResult<LoggedEvent>> {
    this.#page = []
    this.#index = 0
    this.#position = this.#to
    return Promise.resolve({ value: undefined, done: true })
  }

  async #nextPage(): Promise<IteratorResult<LoggedEvent>> {
    if (!this.#topic || this.#position >= this.#to) return this.return()
    await nextTurn()
    if (this.#options.signal?.aborted) return this.return()
    this.#options.assertOpen?.()
    this.#page = this.#topic.page(this.#position, this.#to, PAGE_EVENTS)
    this.#index = 0
    const last = this.#page.at(-1)
    if (!last) return this.return()
    this.#position = last.offset + 1
    return { value: this.#page[this.#index++]!, done: false }
  }
}
