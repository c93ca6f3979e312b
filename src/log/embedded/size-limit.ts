import type { Database } from '../../embedded/database.ts'
import type { GroupCommit } from '../../embedded/group-commit.ts'
import { SyncError } from '../../errors.ts'

/** Refuses appends beyond a size. State and offsets may go on: they are what lets flows finish and room come back. */
export class SizeLimit {
  readonly maxBytes: number | undefined
  readonly #database: Database
  readonly #writer: GroupCommit
  #reserved = 0
  #used = { transaction: -1, bytes: 0 }

  constructor(database: Database, writer: GroupCommit, maxBytes: number | undefined) {
    this.#database = database
    this.#writer = writer
    this.maxBytes = maxBytes
  }

  /** Sets room aside until the returned function is called. @throws SyncError fatal `LOG_FULL`. */
  reserve(bytes: number): () => void {
    if (this.maxBytes === undefined) return noRelease
    const used = this.usedBytes()
    if (used + this.#reserved + bytes > this.maxBytes) throw logFull(used, this.maxBytes)
    this.#reserved += bytes
    return () => {
      this.#reserved -= bytes
    }
  }

  /** Asks the database once per transaction. */
  usedBytes(): number {
    const { transaction } = this.#writer
    if (this.#used.transaction !== transaction) this.#used = { transaction, bytes: this.#database.usedBytes() }
    return this.#used.bytes
  }
}

function noRelease(): void {}

function logFull(used: number, limit: number): SyncError {
  const mib = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(1)} MiB`
  return new SyncError(
    'fatal',
    'LOG_FULL',
    `the log has reached its size limit, ${mib(used)} of ${mib(limit)}: raise it, or shorten the retention of its topics`,
    { details: { used, limit } },
  )
}
