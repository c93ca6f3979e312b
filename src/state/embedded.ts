import type { Database } from '../embedded/database.ts'
import type { GroupCommit } from '../embedded/group-commit.ts'
import type { SqliteStatement } from '../embedded/sqlite.ts'
import { reading } from '../embedded/sqlite-error.ts'
import type { Clock } from '../environment.ts'
import { SyncError } from '../errors.ts'
import { nextTurn } from '../next-turn.ts'
import { assertOneTag } from './one-tag.ts'
import type { Entry, StateStore, Version, Write } from './state-store.ts'

interface StateRow {
  readonly key: string
  readonly value: string
  readonly version: number
  readonly expires_at: number | null
}

const SCAN_ROWS = 200
const SWEEP_ROWS = 200
/** Versions are reserved in blocks, so that a commit does not have to write the counter as well. */
/** A value of this many characters counts as one more row towards the size of a transaction. */
const BYTES_PER_ROW = 16 * 1024
const VERSION_BLOCK = 1_000_000
/** Of a hash: no value has it, so that reads pass over it. */
const HASH_VERSION = 0

/** State in the log's SQLite file: commits share their wait for the disk with everything else that is written. */
export class EmbeddedState implements StateStore {
  readonly #writer: GroupCommit | undefined
  readonly #clock: Clock
  readonly #find: SqliteStatement
  readonly #from: SqliteStatement
  readonly #put: SqliteStatement
  readonly #create: SqliteStatement
  readonly #delete: SqliteStatement
  readonly #sweep: SqliteStatement
  readonly #reserve: SqliteStatement
  /** One counter for all keys: a key that was deleted and made again never comes back to an earlier version. */
  #lastVersion: number
  #reservedVersions: number
  #closed = false

  /** @param writer absent: for looking on only. */
  constructor(database: Database, writer: GroupCommit | undefined, clock: Clock) {
    this.#writer = writer
    this.#clock = clock
    this.#find = database.prepare('SELECT value, version, expires_at FROM state WHERE key = ?')
    this.#from = database.prepare(
      `SELECT key, value, version, expires_at FROM state WHERE key >= ? ORDER BY key LIMIT ${SCAN_ROWS}`,
    )
    this.#put = database.prepare(
      `INSERT INTO state (key, value, version, expires_at) VALUES (?, ?, ?, ?) ON CONFLICT (key) DO UPDATE
       SET value = excluded.value, version = excluded.version, expires_at = excluded.expires_at`,
    )
    this.#create = database.prepare(
      `INSERT INTO state (key, value, version, expires_at) VALUES (?, ?, ?, ?) ON CONFLICT (key) DO UPDATE
       SET value = excluded.value, version = excluded.version, expires_at = excluded.expires_at
       WHERE state.expires_at <= ?`,
    )
    this.#delete = database.prepare('DELETE FROM state WHERE key = ?')
    this.#sweep = database.prepare(
      `DELETE FROM state WHERE rowid IN (SELECT rowid FROM state WHERE expires_at <= ? LIMIT ${SWEEP_ROWS})`,
    )
    this.#reserve = database.prepare('UPDATE versions SET reserved = ?')
    const { reserved } = database.prepare('SELECT reserved FROM versions').get() as { reserved: number }
    this.#lastVersion = reserved
    this.#reservedVersions = reserved
  }

  async get(keys: readonly string[]): Promise<(Entry | undefined)[]> {
    this.#assertOpen()
    return reading('STATE_UNAVAILABLE', () =>
      keys.map(key => {
        const row = this.#live(storedKey(key))
        return row && entryOf(row)
      }),
    )
  }

  async *scan(prefix: string): AsyncIterable<{ key: string } & Entry> {
    const stored = storedKey(prefix)
    let from = stored
    for (;;) {
      this.#assertOpen()
      const rows = reading('STATE_UNAVAILABLE', () => this.#from.all(from) as StateRow[])
      for (const row of rows) {
        if (!row.key.startsWith(stored)) return
        if (this.#isLive(row)) yield { key: originalKey(row.key), ...entryOf(row) }
      }
      if (rows.length < SCAN_ROWS) return
      from = rows.at(-1)!.key + LOWEST
      // A scan of millions must not hold up the requests that come in meanwhile.
      await nextTurn()
    }
  }

  async commit(writes: readonly Write[]): Promise<Version[] | false> {
    this.#assertOpen()
    if (!this.#writer) throw new SyncError('fatal', 'READ_ONLY', 'the data folder was opened for looking on only')
    assertOneTag(writes)
    // As text at once: the caller may change its objects before the transaction runs.
    const rows = writes.map(write => ({
      key: storedKey(write.key),
      json: textOf(write),
      isHash: write.hash !== undefined,
      ifVersion: write.ifVersion,
      ttlMs: write.ttlMs,
    }))
    let reserved = 0
    return this.#writer.submit({
      rows: rowsOf(rows),
      unavailable: 'STATE_UNAVAILABLE',
      apply: () => {
        const [first, ...others] = rows
        // Most commits make one new key and say nothing of the others: creating it is then its own check.
        const creates = first?.ifVersion === null && first.json !== undefined && !first.isHash
        const checked = creates ? others : rows
        if (!checked.every(({ key, ifVersion }) => ifVersion === undefined || this.#versionOf(key) === ifVersion))
          return false
        reserved = this.#reserveFor(rows.length)
        if (!creates) return rows.map(row => this.#write(row))
        const created = this.#insert(first)
        return created !== false && [created, ...others.map(row => this.#write(row))]
      },
      committed: () => {
        this.#reservedVersions = Math.max(this.#reservedVersions, reserved)
      },
    })
  }

  /** Deletes what has expired, a piece at a time; until then reads pass over it. */
  async dropExpired(signal: AbortSignal): Promise<void> {
    let dropped = SWEEP_ROWS
    while (dropped === SWEEP_ROWS && !signal.aborted) {
      dropped = await this.#writer!.submit({
        rows: SWEEP_ROWS,
        unavailable: 'STATE_UNAVAILABLE',
        apply: () => Number(this.#sweep.run(this.#clock.now()).changes),
      })
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#writer?.drained()
  }

  #write({ key, json, isHash, ttlMs }: StoredWrite): Version {
    if (json === undefined) {
      this.#delete.run(key)
      return 0
    }
    if (isHash) {
      this.#put.run(key, json, HASH_VERSION, null)
      return HASH_VERSION
    }
    const version = ++this.#lastVersion
    this.#put.run(key, json, version, ttlMs === undefined ? null : this.#clock.now() + ttlMs)
    return version
  }

  /** False when the key exists; nothing is written then. */
  #insert({ key, json, ttlMs }: StoredWrite): Version | false {
    const now = this.#clock.now()
    const version = ++this.#lastVersion
    const { changes } = this.#create.run(key, json!, version, ttlMs === undefined ? null : now + ttlMs, now)
    return Number(changes) > 0 ? version : false
  }

  /** Writes down a further block of versions, in the same transaction, before the first of it is given out. */
  #reserveFor(count: number): number {
    if (this.#lastVersion + count <= this.#reservedVersions) return this.#reservedVersions
    const reserved = this.#lastVersion + count + VERSION_BLOCK
    this.#reserve.run(reserved)
    return reserved
  }

  #versionOf(key: string): Version | null {
    return this.#live(key)?.version ?? null
  }

  #live(key: string): Omit<StateRow, 'key'> | undefined {
    const row = this.#find.get(key) as Omit<StateRow, 'key'> | undefined
    return row && this.#isLive(row) ? row : undefined
  }

  #isLive({ expires_at, version }: Pick<StateRow, 'expires_at' | 'version'>): boolean {
    if (version === HASH_VERSION) return false
    return expires_at === null || expires_at > this.#clock.now()
  }

  #assertOpen(): void {
    if (this.#closed) throw new SyncError('retryable', 'STATE_UNAVAILABLE', 'the state is closed')
  }
}

interface StoredWrite {
  readonly key: string
  readonly json: string | undefined
  readonly isHash: boolean
  readonly ifVersion: Version | null | undefined
  readonly ttlMs: number | undefined
}

function textOf({ value, hash }: Write): string | undefined {
  const stored = hash ?? value
  return stored === undefined ? undefined : JSON.stringify(stored)
}

function rowsOf(writes: readonly StoredWrite[]): number {
  let rows = writes.length
  for (const { json } of writes) rows += Math.floor((json?.length ?? 0) / BYTES_PER_ROW)
  return rows
}

function entryOf({ value, version }: Pick<StateRow, 'value' | 'version'>): Entry {
  return { value: JSON.parse(value), version }
}

/** SQLite's text ends at a zero byte when it is read back. Escaped letter by letter, so that prefixes stay prefixes. */
const LOWEST = '\u0001'
const ESCAPES = [
  [LOWEST, `${LOWEST}\u0002`],
  ['\u0000', `${LOWEST}\u0003`],
] as const

function storedKey(key: string): string {
  for (const [plain, escaped] of ESCAPES) if (key.includes(plain)) key = key.replaceAll(plain, escaped)
  return key
}

function originalKey(stored: string): string {
  if (!stored.includes(LOWEST)) return stored
  for (const [plain, escaped] of ESCAPES.toReversed()) stored = stored.replaceAll(escaped, plain)
  return stored
}
