import type { Database } from '../embedded/database.ts'
import type { GroupCommit } from '../embedded/group-commit.ts'
import type { Clock } from '../environment.ts'
import { EmbeddedTopic, type TopicContext } from './embedded/embedded-topic.ts'
import type { SizeLimit } from './embedded/size-limit.ts'
import { KEY, type TopicRow, tableOf } from './embedded/topic-table.ts'
import { DEFAULT_MAX_RECORD_BYTES, DEFAULT_RETENTION_MS, type TopicSpec } from './event-log.ts'
import type { LocalStorage } from './local/storage.ts'

/** Topics in SQLite, written by this process alone. What readers need to know between two pages is kept in memory. */
export class EmbeddedStorage implements LocalStorage {
  readonly #context: TopicContext
  readonly #topics = new Map<string, EmbeddedTopic>()

  constructor(database: Database, writer: GroupCommit, clock: Clock, limit: SizeLimit) {
    this.#context = { database, writer, clock, limit }
    const rows = database.prepare('SELECT * FROM topics').all() as TopicRow[]
    for (const row of rows)
      this.#topics.set(row.name, new EmbeddedTopic(row, committedOffsets(database, row.id), this.#context))
  }

  topic(name: string): EmbeddedTopic | undefined {
    return this.#topics.get(name)
  }

  topics(): Iterable<EmbeddedTopic> {
    return this.#topics.values()
  }

  async create(spec: TopicSpec): Promise<EmbeddedTopic> {
    const { database, writer } = this.#context
    const row = await writer.submit({
      rows: 1,
      unavailable: 'LOG_UNAVAILABLE',
      apply: () => createTopic(database, spec),
    })
    const topic = this.#topics.get(spec.name) ?? new EmbeddedTopic(row, new Map(), this.#context)
    topic.configure(row)
    this.#topics.set(spec.name, topic)
    return topic
  }

  /** Deletes what retention has passed. */
  async dropExpired(signal: AbortSignal): Promise<void> {
    for (const topic of this.#topics.values()) await topic.dropExpired(signal)
  }

  close(): Promise<void> {
    return this.#context.writer.drained()
  }
}

export function committedOffsets(database: Database, topicId: number): Map<string, number> {
  const rows = database.prepare('SELECT name, next_offset FROM offsets WHERE topic = ?').all(topicId)
  return new Map((rows as { name: string; next_offset: number }[]).map(row => [row.name, row.next_offset]))
}

/** Makes or changes the topic's row and table inside the running transaction. */
function createTopic(database: Database, spec: TopicSpec): TopicRow {
  const find = database.prepare('SELECT * FROM topics WHERE name = ?')
  const before = find.get(spec.name) as TopicRow | undefined
  const retentionMs = spec.retentionMs ?? before?.retention_ms ?? DEFAULT_RETENTION_MS
  const maxRecordBytes = spec.maxRecordBytes ?? before?.max_record_bytes ?? DEFAULT_MAX_RECORD_BYTES
  const compacted = Number(spec.compacted ?? Boolean(before?.compacted))
  database
    .prepare(
      `INSERT INTO topics (name, retention_ms, compacted, max_record_bytes) VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE
       SET retention_ms = excluded.retention_ms, compacted = excluded.compacted, max_record_bytes = excluded.max_record_bytes`,
    )
    .run(spec.name, retentionMs, compacted, maxRecordBytes)
  const row = find.get(spec.name) as TopicRow
  const table = tableOf(row.id)
  if (!before) {
    database.exec(`CREATE TABLE ${table} (
      o INTEGER PRIMARY KEY, at INTEGER NOT NULL, attributes TEXT NOT NULL, value NOT NULL)`)
  }
  if (compacted && !before?.compacted) {
    database.exec(`DELETE FROM ${table} WHERE o NOT IN (SELECT max(o) FROM ${table} GROUP BY ${KEY});
      CREATE INDEX ${table}_key ON ${table} (${KEY})`)
  }
  if (!compacted && before?.compacted) database.exec(`DROP INDEX ${table}_key`)
  return row
}
