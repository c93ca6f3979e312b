import type { Clock } from '../environment.ts'
import { ReaderStorage } from '../log/embedded/reader.ts'
import { SizeLimit } from '../log/embedded/size-limit.ts'
import { EmbeddedStorage } from '../log/embedded.ts'
import type { EventLog } from '../log/event-log.ts'
import { LocalLog } from '../log/local/local-log.ts'
import { EmbeddedState } from '../state/embedded.ts'
import type { StateStore } from '../state/state-store.ts'
import { Database } from './database.ts'
import { type FolderLock, lockFolder } from './folder-lock.ts'
import { GroupCommit } from './group-commit.ts'
import { Housekeeping } from './housekeeping.ts'
import { databaseError } from './sqlite-error.ts'

export interface EmbeddedOptions {
  /** Created when missing. One process at a time. */
  readonly folder: string
  readonly clock: Clock
  /** Appends that would go beyond are refused with `LOG_FULL`. Default: as far as the disk goes. */
  readonly maxBytes?: number
}

export interface Embedded {
  readonly log: EventLog
  readonly state: StateStore
  /** Bytes in use, of how many. Space that retention has freed counts as free. */
  usage(): { bytes: number; limit?: number }
  /** Ends subscriptions, waits for what is being written, gives the folder up. Idempotent. */
  close(): Promise<void>
}

/**
 * Log and state of one machine: one SQLite file, one writer, one wait for the disk per two turns of the event loop.
 * @throws SyncError fatal `FOLDER_LOCKED` when another process has the folder, `FOLDER_FORMAT`, `SQLITE_MISSING`.
 */
export async function openEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  const lock = await lockFolder(options.folder)
  let database: Database | undefined
  try {
    database = await Database.openForWriting(options.folder)
    return assemble(options, database, lock)
  } catch (error) {
    database?.close()
    lock.release()
    throw databaseError(error, 'LOG_UNAVAILABLE')
  }
}

function assemble({ clock, maxBytes }: EmbeddedOptions, database: Database, lock: FolderLock): Embedded {
  const writer = new GroupCommit(database)
  const limit = new SizeLimit(database, writer, maxBytes)
  const storage = new EmbeddedStorage(database, writer, clock, limit)
  const log = new LocalLog(storage, clock)
  const state = new EmbeddedState(database, writer, clock)
  const housekeeping = new Housekeeping(clock, [storage, state])
  const close = once(async () => {
    housekeeping.stop()
    await log.close()
    await state.close()
    await writer.close()
    database.close()
    lock.release()
  })
  return { log, state, usage: () => ({ bytes: limit.usedBytes(), limit: maxBytes }), close }
}

/** Log and state as they are at each call, while a daemon may be writing. Writing calls fail with `READ_ONLY`. */
export async function openEmbeddedReader({
  folder,
  clock,
}: Pick<EmbeddedOptions, 'folder' | 'clock'>): Promise<Embedded> {
  const database = await Database.openForReading(folder)
  const log = new LocalLog(new ReaderStorage(database), clock)
  const state = new EmbeddedState(database, undefined, clock)
  const close = once(async () => {
    await log.close()
    await state.close()
    database.close()
  })
  return { log, state, usage: () => ({ bytes: database.usedBytes() }), close }
}

function once(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  return () => {
    running ??= run()
    return running
  }
}
