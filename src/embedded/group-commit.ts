import { SyncError } from '../errors.ts'
import type { Database } from './database.ts'
import { databaseError } from './sqlite-error.ts'

/** Rows of one transaction. More would hold up the event loop for longer than anybody gains from it. */
export const ROWS_PER_COMMIT = 200

export interface Work<T> {
  /** About how many small rows it writes; decides how much goes into one transaction. */
  readonly rows: number
  /** Writes, inside the transaction. Runs again alone after the transaction failed for somebody's sake. */
  apply(): T
  /** Called once it is durable, before the promise resolves. */
  committed?(): void
  /** Code of the error when the database does not answer. */
  readonly unavailable: 'LOG_UNAVAILABLE' | 'STATE_UNAVAILABLE'
}

interface Job {
  readonly work: Work<unknown>
  resolve(result: unknown): void
  reject(error: unknown): void
  result?: unknown
}

/**
 * The only one that writes to the database. What is submitted in two turns of the event loop shares one transaction, so that
 * one wait for the disk serves everybody: appends, state and offsets.
 */
export class GroupCommit {
  readonly #database: Database
  readonly #begin
  readonly #commit
  readonly #rollback
  readonly #queue: Job[] = []
  #scheduled = false
  #transaction = 0
  #closed = false

  constructor(database: Database) {
    this.#database = database
    this.#begin = database.prepare('BEGIN IMMEDIATE')
    this.#commit = database.prepare('COMMIT')
    this.#rollback = database.prepare('ROLLBACK')
  }

  /** A number of its own for each transaction: what was counted under an earlier one may have been rolled back. */
  get transaction(): number {
    return this.#transaction
  }

  /**
   * Resolves with what `apply` returned once that is durable (P1).
   * @throws SyncError fatal `LOG_FULL`, retryable `work.unavailable`, or what `apply` itself threw.
   */
  submit<T>(work: Work<T>): Promise<T> {
    if (this.#closed) return Promise.reject(new SyncError('retryable', work.unavailable, 'the data folder is closed'))
    return this.#enqueue(work)
  }

  /** Resolves when everything submitted so far is durable or has failed. */
  async drained(): Promise<void> {
    if (this.#queue.length > 0) await this.#enqueue(NOTHING)
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.drained()
  }

  #enqueue<T>(work: Work<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ work, resolve: resolve as Job['resolve'], reject })
      this.#schedule()
    })
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    // Between the two turns the sockets are read: what came during the last commit joins this one.
    setImmediate(() => setImmediate(() => this.#turn()))
  }

  #turn(): void {
    this.#scheduled = false
    const group = this.#takeGroup()
    const failed = this.#together(group)
    if (failed) this.#eachAlone(group)
    else for (const { work, resolve, result } of group) settle(work, resolve, result)
    if (this.#queue.length > 0) this.#schedule()
  }

  #takeGroup(): Job[] {
    let rows = 0
    let count = 0
    for (const { work } of this.#queue) {
      rows += work.rows
      if (rows > ROWS_PER_COMMIT && count > 0) break
      count++
    }
    return this.#queue.splice(0, count)
  }

  /** Runs them in one transaction, or none of them. */
  #together(group: readonly Job[]): { error: unknown } | undefined {
    this.#transaction++
    try {
      this.#begin.run()
      for (const job of group) job.result = job.work.apply()
      this.#commit.run()
      return undefined
    } catch (error) {
      this.#rollBack()
      return { error }
    }
  }

  /** P1: a write that cannot be done takes nobody else's with it. */
  #eachAlone(group: readonly Job[]): void {
    for (const job of group) {
      const failed = this.#together([job])
      if (failed) job.reject(databaseError(failed.error, job.work.unavailable))
      else settle(job.work, job.resolve, job.result)
    }
  }

  #rollBack(): void {
    try {
      // A full disk makes SQLite roll back by itself.
      if (this.#database.isTransaction) this.#rollback.run()
    } catch {
      // The next BEGIN says what is wrong to somebody who can be told.
    }
  }
}

const NOTHING: Work<void> = { rows: 0, apply() {}, unavailable: 'LOG_UNAVAILABLE' }

function settle(work: Work<unknown>, resolve: Job['resolve'], result: unknown): void {
  work.committed?.()
  resolve(result)
}
