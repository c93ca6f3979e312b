import type { Database } from '../../embedded/database.ts'
import { arraysOf, type SqliteStatement, type SqliteValue } from '../../embedded/sqlite.ts'
import { reading } from '../../embedded/sqlite-error.ts'
import type { LoggedEvent } from '../event-log.ts'
import { PAGE_BYTES, PARTITION } from '../local/storage.ts'
import { unpackEvent } from './stored-event.ts'

/** Larger values are fetched one by one, so that a page of them does not fill the memory. */
const INLINE_BYTES = 64 * 1024

type EventRow = [offset: number, at: number, attributes: string, value: string | Uint8Array | null]

interface TimeRow {
  readonly o: number
  readonly at: number
}

/** A row of the table `topics`. */
export interface TopicRow {
  readonly id: number
  readonly name: string
  readonly retention_ms: number
  readonly compacted: number
  readonly max_record_bytes: number
  readonly next_offset: number
}

/**
 * Reading one topic. Its events lie in a table of their own whose row id is the offset: the fastest layout of those
 * measured, and a range is one walk along the tree.
 */
export class TopicTable {
  readonly topic: string
  readonly #first: SqliteStatement
  readonly #last: SqliteStatement
  readonly #at: SqliteStatement
  readonly #page: (...parameters: SqliteValue[]) => SqliteValue[][]
  readonly #value: SqliteStatement

  constructor(database: Database, { id, name }: Pick<TopicRow, 'id' | 'name'>) {
    const table = tableOf(id)
    this.topic = name
    this.#first = database.prepare(`SELECT o, at FROM ${table} ORDER BY o LIMIT 1`)
    this.#last = database.prepare(`SELECT o, at FROM ${table} ORDER BY o DESC LIMIT 1`)
    this.#at = database.prepare(`SELECT o, at FROM ${table} WHERE o >= ? ORDER BY o LIMIT 1`)
    this.#page = arraysOf(
      database.prepare(
        `SELECT o, at, attributes, CASE WHEN octet_length(value) <= ${INLINE_BYTES} THEN value END
         FROM ${table} WHERE o >= ? AND o < ? ORDER BY o LIMIT ?`,
      ),
    )
    this.#value = database.prepare(`SELECT value FROM ${table} WHERE o = ?`)
  }

  first(): TimeRow | undefined {
    return reading('LOG_UNAVAILABLE', () => this.#first.get() as TimeRow | undefined)
  }

  last(): TimeRow | undefined {
    return reading('LOG_UNAVAILABLE', () => this.#last.get() as TimeRow | undefined)
  }

  page(from: number, to: number, count: number): LoggedEvent[] {
    return reading('LOG_UNAVAILABLE', () => this.#readPage(from, to, count))
  }

  /** The time of append never goes back, so halving finds it without an index that every append would pay for. */
  offsetAt(time: number, end: number): number {
    let low = this.first()?.o ?? end
    let high = end
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      const found = reading('LOG_UNAVAILABLE', () => this.#at.get(middle) as TimeRow | undefined)
      if (found === undefined || found.at >= time) high = middle
      else low = found.o + 1
    }
    return low
  }

  #readPage(from: number, to: number, count: number): LoggedEvent[] {
    const events: LoggedEvent[] = []
    let bytes = 0
    for (const row of this.#page(from, to, count) as EventRow[]) {
      const [offset, appendedAt, attributes] = row
      const value = row[3] ?? (this.#value.get(offset) as { value: string | Uint8Array }).value
      const event = unpackEvent(attributes, value)
      events.push({ topic: this.topic, partition: PARTITION, offset, appendedAt, event })
      bytes += value.length
      if (bytes > PAGE_BYTES) break
    }
    return events
  }
}

/** The event's key as JSON text, an expression over a row: `packAttributes` puts the key first. */
export const KEY = "attributes -> '$[0]'"

export function tableOf(topicId: number): string {
  return `log_${topicId}`
}
