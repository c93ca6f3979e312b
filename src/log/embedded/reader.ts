import type { Database } from '../../embedded/database.ts'
import type { SqliteStatement } from '../../embedded/sqlite.ts'
import { SyncError } from '../../errors.ts'
import { committedOffsets } from '../embedded.ts'
import type { LoggedEvent } from '../event-log.ts'
import type { LocalStorage, LocalTopic } from '../local/storage.ts'
import { type TopicRow, TopicTable } from './topic-table.ts'

/** Topics that another process writes: everything is asked of the database each time. */
export class ReaderStorage implements LocalStorage {
  readonly #database: Database
  readonly #all: SqliteStatement
  readonly #one: SqliteStatement

  constructor(database: Database) {
    this.#database = database
    this.#all = database.prepare('SELECT * FROM topics ORDER BY name')
    this.#one = database.prepare('SELECT * FROM topics WHERE name = ?')
  }

  topic(name: string): LocalTopic | undefined {
    const row = this.#one.get(name) as TopicRow | undefined
    return row && new ReaderTopic(this.#database, row)
  }

  topics(): Iterable<LocalTopic> {
    return (this.#all.all() as TopicRow[]).map(row => new ReaderTopic(this.#database, row))
  }

  async create(): Promise<LocalTopic> {
    throw readOnly()
  }

  async close(): Promise<void> {}
}

class ReaderTopic implements LocalTopic {
  readonly name: string
  readonly maxRecordBytes: number
  readonly #database: Database
  readonly #row: TopicRow
  readonly #table: TopicTable

  constructor(database: Database, row: TopicRow) {
    this.name = row.name
    this.maxRecordBytes = row.max_record_bytes
    this.#database = database
    this.#row = row
    this.#table = new TopicTable(database, row)
  }

  get begin(): number {
    return this.#table.first()?.o ?? this.#row.next_offset
  }

  get end(): number {
    return Math.max(this.#row.next_offset, (this.#table.last()?.o ?? -1) + 1)
  }

  offsetAt(time: number): number {
    return this.#table.offsetAt(time, this.end)
  }

  page(from: number, to: number, count: number): LoggedEvent[] {
    return this.#table.page(from, to, count)
  }

  committed(group: string): number | undefined {
    return committedOffsets(this.#database, this.#row.id).get(group)
  }

  groups(): Iterable<readonly [string, number]> {
    return committedOffsets(this.#database, this.#row.id)
  }

  async append(): Promise<void> {
    throw readOnly()
  }

  async commit(): Promise<void> {
    throw readOnly()
  }

  onAppend(): () => void {
    throw readOnly()
  }
}

function readOnly(): SyncError {
  return new SyncError('fatal', 'READ_ONLY', 'the data folder was opened for looking on only')
}
