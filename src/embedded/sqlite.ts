import { SyncError } from '../errors.ts'

/** The part of `node:sqlite` that is used; `@photostructure/sqlite` has the same. */
export interface SqliteStatement {
  run(...parameters: SqliteValue[]): { changes: number | bigint; lastInsertRowid: number | bigint }
  get(...parameters: SqliteValue[]): unknown
  all(...parameters: SqliteValue[]): unknown[]
  /** Rows as arrays, which are made faster than objects; not in the first releases of Node 22. */
  setReturnArrays?(enabled: boolean): void
}

export interface SqliteDatabase {
  readonly isTransaction: boolean
  exec(sql: string): void
  prepare(sql: string): SqliteStatement
  close(): void
}

export type SqliteValue = null | number | string | Uint8Array

interface SqliteModule {
  readonly DatabaseSync: new (path: string, options?: { readOnly?: boolean; timeout?: number }) => SqliteDatabase
}

let loaded: Promise<SqliteModule> | undefined

/**
 * Databases that are not closed yet. A prepared statement of `@photostructure/sqlite` does not keep its database alive:
 * without a reference of ours the garbage collector would close it underneath.
 */
const open = new Set<SqliteDatabase>()

/** @throws SyncError fatal `SQLITE_MISSING` when neither Node nor the optional package brings SQLite. */
export async function openSqlite(path: string, options: { readOnly?: boolean } = {}): Promise<SqliteDatabase> {
  loaded ??= load()
  const { DatabaseSync } = await loaded
  const database = new DatabaseSync(path, options)
  open.add(database)
  return database
}

/** Runs the query with rows as arrays of its columns. */
export function arraysOf(statement: SqliteStatement): (...parameters: SqliteValue[]) => SqliteValue[][] {
  if (!statement.setReturnArrays)
    return (...parameters) => statement.all(...parameters).map(row => Object.values(row as object))
  statement.setReturnArrays(true)
  return (...parameters) => statement.all(...parameters) as SqliteValue[][]
}

/** Must be called before the process or worker ends in good order: an open database there can abort it. */
export function closeSqlite(database: SqliteDatabase): void {
  if (!open.delete(database)) return
  database.close()
}

async function load(): Promise<SqliteModule> {
  const builtIn = withoutSqliteWarning(() => process.getBuiltinModule?.('node:sqlite') as SqliteModule | undefined)
  if (builtIn) return builtIn
  try {
    return (await import('@photostructure/sqlite')) as SqliteModule
  } catch (cause) {
    throw new SyncError(
      'fatal',
      'SQLITE_MISSING',
      'the embedded engine needs SQLite: use Node 22 or newer, or install the optional package @photostructure/sqlite',
      { cause },
    )
  }
}

/** Node 22 calls the module experimental each time it starts; every other warning goes through. */
function withoutSqliteWarning<T>(use: () => T): T {
  const { emitWarning } = process
  process.emitWarning = ((warning: string | Error, ...rest: []) => {
    if (!String(warning).includes('SQLite is an experimental feature')) emitWarning.call(process, warning, ...rest)
  }) as typeof emitWarning
  try {
    return use()
  } finally {
    process.emitWarning = emitWarning
  }
}
