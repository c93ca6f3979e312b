import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { SyncError } from '../errors.ts'
import { closeSqlite, openSqlite, type SqliteDatabase, type SqliteStatement } from './sqlite.ts'

const SCHEMA_VERSION = 1

/**
 * A checkpoint blocks, and takes as long as the write-ahead log is large. Measured at a steady 1,000 events/s: appends at
 * the 99th percentile took 6 ms with 1,000 pages (4 MB), 27 ms with 4,000 and 165 ms with 8,000, at the same throughput.
 */
const CHECKPOINT_PAGES = 1000

const SCHEMA = `
  CREATE TABLE topics (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    retention_ms INTEGER NOT NULL,
    compacted INTEGER NOT NULL,
    max_record_bytes INTEGER NOT NULL,
    -- Lowest offset that may still be given out, for a topic whose events retention has deleted.
    next_offset INTEGER NOT NULL DEFAULT 0
  );
  CREATE TABLE offsets (
    topic INTEGER NOT NULL,
    name TEXT NOT NULL,
    next_offset INTEGER NOT NULL,
    PRIMARY KEY (topic, name)
  ) WITHOUT ROWID;
  CREATE TABLE state (
    key TEXT NOT NULL UNIQUE,
    value TEXT NOT NULL,
    version INTEGER NOT NULL,
    expires_at INTEGER
  );
  CREATE INDEX state_expires_at ON state (expires_at) WHERE expires_at IS NOT NULL;
  -- Versions below this may have been given out.
  CREATE TABLE versions (reserved INTEGER NOT NULL);
  INSERT INTO versions VALUES (0);
  PRAGMA user_version = ${SCHEMA_VERSION};
`

/** One connection to the file that holds log and state. */
export class Database {
  readonly #sqlite: SqliteDatabase
  readonly #pageSize: number
  readonly #pageCount: SqliteStatement
  readonly #freePages: SqliteStatement

  private constructor(sqlite: SqliteDatabase) {
    this.#sqlite = sqlite
    this.#pageSize = (sqlite.prepare('PRAGMA page_size').get() as { page_size: number }).page_size
    this.#pageCount = sqlite.prepare('PRAGMA page_count')
    this.#freePages = sqlite.prepare('PRAGMA freelist_count')
  }

  /** For the one writer; creates the file and its tables when missing. */
  static async openForWriting(folder: string): Promise<Database> {
    const sqlite = await openSqlite(databasePath(folder))
    try {
      // P1: FULL makes every commit wait for the disk. No mmap: SQLite warns of it with several processes on one WAL.
      sqlite.exec(`
        PRAGMA busy_timeout = 5000;
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = FULL;
        PRAGMA cache_size = -32768;
        PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES};
        PRAGMA journal_size_limit = 67108864;
      `)
      const version = schemaVersion(sqlite)
      if (version === 0) sqlite.exec(`BEGIN; ${SCHEMA} COMMIT;`)
      else assertVersion(version, folder)
      return new Database(sqlite)
    } catch (error) {
      closeSqlite(sqlite)
      throw error
    }
  }

  /** For looking on while another process writes. @throws SyncError fatal `FOLDER_EMPTY` when nothing was ever written. */
  static async openForReading(folder: string): Promise<Database> {
    const path = databasePath(folder)
    if (!existsSync(path)) {
      throw new SyncError(
        'fatal',
        'FOLDER_EMPTY',
        `there is no log in ${folder}: name the folder that the daemon runs with`,
      )
    }
    const sqlite = await openSqlite(path, { readOnly: true })
    try {
      sqlite.exec('PRAGMA busy_timeout = 5000; PRAGMA cache_size = -8192')
      assertVersion(schemaVersion(sqlite), folder)
      return new Database(sqlite)
    } catch (error) {
      closeSqlite(sqlite)
      throw error
    }
  }

  prepare(sql: string): SqliteStatement {
    return this.#sqlite.prepare(sql)
  }

  exec(sql: string): void {
    this.#sqlite.exec(sql)
  }

  get isTransaction(): boolean {
    return this.#sqlite.isTransaction
  }

  /** Bytes of the pages in use; pages that deletes have freed are not counted, they are filled again first. */
  usedBytes(): number {
    const { page_count: all } = this.#pageCount.get() as { page_count: number }
    const { freelist_count: free } = this.#freePages.get() as { freelist_count: number }
    return (all - free) * this.#pageSize
  }

  close(): void {
    closeSqlite(this.#sqlite)
  }
}

function databasePath(folder: string): string {
  return join(folder, 'twenty-sync.sqlite')
}

function schemaVersion(sqlite: SqliteDatabase): number {
  return (sqlite.prepare('PRAGMA user_version').get() as { user_version: number }).user_version
}

function assertVersion(version: number, folder: string): void {
  if (version === SCHEMA_VERSION) return
  const message = `the data folder ${folder} has format ${version}, this program knows ${SCHEMA_VERSION}`
  throw new SyncError('fatal', 'FOLDER_FORMAT', `${message}: use the version of twenty-sync that wrote it`)
}
