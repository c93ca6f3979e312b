import type { WireEvent } from '../../cloudevents.ts'
import type { Database } from '../../embedded/database.ts'
import { type GroupCommit, ROWS_PER_COMMIT } from '../../embedded/group-commit.ts'
import type { SqliteStatement } from '../../embedded/sqlite.ts'
import type { Clock } from '../../environment.ts'
import type { LoggedEvent } from '../event-log.ts'
import type { LocalTopic } from '../local/storage.ts'
import type { SizeLimit } from './size-limit.ts'
import { isStorableAsText, packAttributes } from './stored-event.ts'
import { KEY, type TopicRow, TopicTable, tableOf } from './topic-table.ts'

/** What the topics of one log share. */
export interface TopicContext {
  readonly database: Database
  readonly writer: GroupCommit
  readonly clock: Clock
  readonly limit: SizeLimit
}

/** A row of this many bytes counts as one more towards the size of a transaction. */
const BYTES_PER_ROW = 16 * 1024
/** What an event needs on disk beside its value, roughly: attributes and the share of the tree. */
const OVERHEAD_BYTES = 300
const DELETE_ROWS = 500

export class EmbeddedTopic implements LocalTopic {
  readonly id: number
  readonly name: string
  readonly #context: TopicContext
  readonly #table: TopicTable
  readonly #insertText: SqliteStatement
  readonly #insertBytes: SqliteStatement
  readonly #deleteKey: SqliteStatement
  readonly #deleteBelow: SqliteStatement
  readonly #keepNext: SqliteStatement
  readonly #commitOffset: SqliteStatement
  readonly #forgetGroup: SqliteStatement
  readonly #groups: Map<string, number>
  readonly #wakes = new Set<() => void>()
  maxRecordBytes: number
  #retentionMs: number
  #compacted: boolean
  #end: number
  #lastAt: number
  /** Where the running transaction has got to; counts only while its number is the writer's. */
  #pending = { transaction: -1, end: 0 }

  constructor(row: TopicRow, groups: Map<string, number>, context: TopicContext) {
    const { database } = context
    this.id = row.id
    this.name = row.name
    this.maxRecordBytes = row.max_record_bytes
    this.#retentionMs = row.retention_ms
    this.#compacted = row.compacted !== 0
    this.#groups = groups
    this.#context = context
    this.#table = new TopicTable(database, row)
    const table = tableOf(row.id)
    const insert = (value: string) =>
      database.prepare(`INSERT INTO ${table} (o, at, attributes, value) VALUES (?, ?, ?, ${value})`)
    this.#insertText = insert('CAST(? AS TEXT)')
    this.#insertBytes = insert('?')
    this.#deleteKey = database.prepare(`DELETE FROM ${table} WHERE (${KEY}) = ?`)
    this.#deleteBelow = database.prepare(`DELETE FROM ${table} WHERE o < ?`)
    this.#keepNext = database.prepare('UPDATE topics SET next_offset = ? WHERE id = ?')
    this.#commitOffset = database.prepare(
      'INSERT INTO offsets (topic, name, next_offset) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET next_offset = excluded.next_offset',
    )
    this.#forgetGroup = database.prepare('DELETE FROM offsets WHERE topic = ? AND name = ?')
    const last = this.#table.last()
    this.#end = Math.max(row.next_offset, last ? last.o + 1 : 0)
    this.#lastAt = last?.at ?? 0
  }

  get begin(): number {
    return this.#table.first()?.o ?? this.#end
  }

  get end(): number {
    return this.#end
  }

  offsetAt(time: number): number {
    return this.#table.offsetAt(time, this.#end)
  }

  page(from: number, to: number, count: number): LoggedEvent[] {
    return this.#table.page(from, to, count)
  }

  /** Takes over changed settings of a topic that exists. */
  configure(row: TopicRow): void {
    this.maxRecordBytes = row.max_record_bytes
    this.#retentionMs = row.retention_ms
    this.#compacted = row.compacted !== 0
  }

  append(records: readonly WireEvent[]): Promise<void> {
    const rows = rowsOf(records)
    return rows <= ROWS_PER_COMMIT ? this.#store(records, rows) : this.#storeInParts(records)
  }

  /** One part after the other is durable: were a later one stored and an earlier one not, the order would be lost. */
  async #storeInParts(records: readonly WireEvent[]): Promise<void> {
    let first = 0
    while (first < records.length) {
      let next = first
      let rows = 0
      while (next < records.length) {
        rows += rowsOf([records[next]!])
        if (rows > ROWS_PER_COMMIT && next > first) break
        next++
      }
      await this.#store(records.slice(first, next), rows)
      first = next
    }
  }

  async #store(records: readonly WireEvent[], rows: number): Promise<void> {
    const { writer, limit } = this.#context
    let bytes = 0
    for (const { value } of records) bytes += value.byteLength + OVERHEAD_BYTES
    const release = limit.reserve(bytes)
    let end = 0
    try {
      await writer.submit({
        rows,
        unavailable: 'LOG_UNAVAILABLE',
        apply: () => {
          end = this.#insert(records)
        },
        committed: () => {
          this.#end = end
          for (const wake of this.#wakes) wake()
        },
      })
    } finally {
      release()
    }
  }

  /** Offsets are given out inside the transaction; after a roll-back the next one begins again at what is durable. */
  #insert(records: readonly WireEvent[]): number {
    const { transaction } = this.#context.writer
    if (this.#pending.transaction !== transaction) this.#pending = { transaction, end: this.#end }
    this.#lastAt = Math.max(this.#lastAt, this.#context.clock.now())
    for (const record of records) {
      if (this.#compacted) this.#deleteKey.run(JSON.stringify(record.key))
      const insert = isStorableAsText(record.value) ? this.#insertText : this.#insertBytes
      insert.run(this.#pending.end, this.#lastAt, packAttributes(record), record.value)
      this.#pending.end++
    }
    return this.#pending.end
  }

  committed(group: string): number | undefined {
    return this.#groups.get(group)
  }

  groups(): Iterable<readonly [string, number]> {
    return this.#groups
  }

  async commit(group: string, offset: number | undefined): Promise<void> {
    await this.#context.writer.submit({
      rows: 1,
      unavailable: 'LOG_UNAVAILABLE',
      apply: () => {
        if (offset === undefined) this.#forgetGroup.run(this.id, group)
        else this.#commitOffset.run(this.id, group, offset)
      },
      committed: () => {
        if (offset === undefined) this.#groups.delete(group)
        else this.#groups.set(group, offset)
      },
    })
  }

  onAppend(wake: () => void): () => void {
    this.#wakes.add(wake)
    return () => this.#wakes.delete(wake)
  }

  /** Deletes what is older than the topic's retention, a piece at a time. Offsets go on where they were. */
  async dropExpired(signal: AbortSignal): Promise<void> {
    if (this.#retentionMs < 0) return
    const limit = this.offsetAt(this.#context.clock.now() - this.#retentionMs)
    for (let begin = this.begin; begin < limit && !signal.aborted; begin = this.begin) {
      const below = Math.min(begin + DELETE_ROWS, limit)
      await this.#context.writer.submit({
        rows: ROWS_PER_COMMIT,
        unavailable: 'LOG_UNAVAILABLE',
        apply: () => {
          this.#deleteBelow.run(below)
          this.#keepNext.run(Math.max(below, this.#end), this.id)
        },
      })
    }
  }
}

function rowsOf(records: readonly WireEvent[]): number {
  let rows = records.length
  for (const { value } of records) rows += Math.floor(value.byteLength / BYTES_PER_ROW)
  return rows
}
