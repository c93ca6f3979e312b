import { decodeEvent, type WireEvent } from '../../cloudevents.ts'
import type { LoggedEvent } from '../event-log.ts'
import { PARTITION } from '../local/storage.ts'

/** As many as one transaction brings: whoever keeps up reads them before the next. */
const MAX_EVENTS = 200
/** Of each topic, for as long as the process runs. */
const MAX_BYTES = 256 * 1024

interface Kept {
  readonly appendedAt: number
  readonly wire: WireEvent
}

/** The newest events of a topic, as they were appended: a group that keeps up need not ask the database for them. */
export class Tail {
  readonly #topic: string
  #kept: Kept[] = []
  #begin = 0
  #bytes = 0

  constructor(topic: string) {
    this.#topic = topic
  }

  /** P2: only what is durable. @param begin offset of the first of them. */
  add(begin: number, appendedAt: number, records: readonly WireEvent[]): void {
    if (begin !== this.#begin + this.#kept.length) this.clear()
    if (this.#kept.length === 0) this.#begin = begin
    for (const wire of records) {
      this.#kept.push({ appendedAt, wire })
      this.#bytes += wire.value.byteLength
    }
    while (this.#kept.length > MAX_EVENTS || this.#bytes > MAX_BYTES) {
      this.#bytes -= this.#kept.shift()!.wire.value.byteLength
      this.#begin++
    }
  }

  /** undefined: not all of them are here. */
  page(from: number, to: number, count: number): LoggedEvent[] | undefined {
    const first = from - this.#begin
    if (first < 0 || first >= this.#kept.length) return undefined
    const kept = this.#kept.slice(first, Math.min(to - this.#begin, first + count))
    return kept.map(({ appendedAt, wire }, at) => ({
      topic: this.#topic,
      partition: PARTITION,
      offset: from + at,
      appendedAt,
      event: decodeEvent(wire),
    }))
  }

  clear(): void {
    this.#kept = []
    this.#bytes = 0
  }
}
