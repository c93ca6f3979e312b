import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SyncError } from '../errors.ts'
import { closeSqlite, openSqlite } from './sqlite.ts'
import { BUSY, sqliteCode } from './sqlite-error.ts'

export interface FolderLock {
  release(): void
}

/**
 * Makes this process the only one that writes in the folder, which is created when missing.
 *
 * The lock is an open write transaction on an empty database beside the data: a lock of the operating system, granted to
 * one of any number that ask at once, and gone with its process however that ends. The pid file only serves the message.
 * @throws SyncError fatal `FOLDER_LOCKED` at once, naming the process that has it; `FOLDER_UNUSABLE` where it may not write.
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const database = await openIn(folder)
  const pidFile = join(folder, 'pid')
  try {
    // IMMEDIATE, not EXCLUSIVE: of two who ask at once for the latter, both can be refused.
    database.exec('PRAGMA busy_timeout = 0; BEGIN IMMEDIATE')
  } catch (error) {
    closeSqlite(database)
    if (sqliteCode(error) !== BUSY) throw unusable(folder, error)
    throw await lockedError(folder, pidFile)
  }
  writeFileSync(`${pidFile}.${process.pid}`, `${process.pid}\n`)
  renameSync(`${pidFile}.${process.pid}`, pidFile)
  return {
    release() {
      rmSync(pidFile, { force: true })
      closeSqlite(database)
    },
  }
}

async function openIn(folder: string) {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    return await openSqlite(join(folder, 'lock.sqlite'))
  } catch (error) {
    throw unusable(folder, error)
  }
}

function unusable(folder: string, cause: unknown): SyncError {
  if (cause instanceof SyncError) return cause
  const message = cause instanceof Error ? cause.message : String(cause)
  const advice = 'give the folder to the user that runs the daemon, or name another with `log.folder`'
  return new SyncError('fatal', 'FOLDER_UNUSABLE', `the data folder ${folder} cannot be used: ${message}; ${advice}`, {
    cause,
  })
}

/** The holder writes its pid right after it got the lock: look again for a moment when the file is still an old one. */
async function lockedError(folder: string, pidFile: string): Promise<SyncError> {
  let pid = livingPid(pidFile)
  for (let turn = 0; pid === undefined && turn < 1000; turn++) {
    await new Promise(resolve => setImmediate(resolve))
    pid = livingPid(pidFile)
  }
  const holder = pid === undefined ? 'another process' : `process ${pid}`
  const advice = 'stop it, send the command through it, or use another folder'
  return new SyncError('fatal', 'FOLDER_LOCKED', `the data folder ${folder} is in use by ${holder}: ${advice}`, {
    details: { folder, pid },
  })
}

/** The pid in the file; undefined when there is none or its process is gone. */
function livingPid(pidFile: string): number | undefined {
  try {
    const pid = Number(readFileSync(pidFile, 'utf8'))
    process.kill(pid, 0)
    return pid
  } catch (error) {
    const isAlive = (error as NodeJS.ErrnoException).code === 'EPERM'
    return isAlive ? Number(readFileSync(pidFile, 'utf8')) : undefined
  }
}
