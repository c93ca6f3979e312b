import { SyncError } from '../errors.ts'

/** Primary result codes. @see https://sqlite.org/rescode.html */
const READONLY = 8
const CORRUPT = 11
const FULL = 13
const NOT_A_DATABASE = 26
export const BUSY = 5

/** SQLite's primary result code of a thrown error; undefined when it was not SQLite that threw. */
export function sqliteCode(error: unknown): number | undefined {
  const code = (error as { errcode?: unknown } | undefined)?.errcode
  return typeof code === 'number' ? code & 0xff : undefined
}

/**
 * What the runtime should make of a failure of the database.
 * @param unavailable code for what may pass: a busy file, a disk that answers with errors.
 */
export function databaseError(error: unknown, unavailable: string): unknown {
  const code = sqliteCode(error)
  if (code === undefined) return error
  const reason = error instanceof Error ? error.message : String(error)
  if (code === FULL) {
    return new SyncError(
      'fatal',
      'LOG_FULL',
      `the disk of the data folder is full: ${reason}; make room, it goes on by itself`,
      {
        cause: error,
      },
    )
  }
  if (code === CORRUPT || code === NOT_A_DATABASE || code === READONLY) {
    return new SyncError('fatal', 'LOG_DAMAGED', `the database in the data folder cannot be used: ${reason}`, {
      cause: error,
    })
  }
  return new SyncError('retryable', unavailable, `the database in the data folder does not answer: ${reason}`, {
    cause: error,
  })
}

/** Runs a read whose failures are to be understood. */
export function reading<T>(unavailable: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw databaseError(error, unavailable)
  }
}
