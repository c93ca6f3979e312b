import { setMaxListeners } from 'node:events'
import type { Clock } from '../environment.ts'
import { asSyncError, type SyncError } from '../errors.ts'
import type { Partition } from '../log/event-log.ts'
import { Abandoned } from './abandoned.ts'

/** A partition in our hands, and how many of its events are being worked on. */
export class OwnedPartition {
  readonly partition: Partition
  readonly #ending = new AbortController()
  readonly #clock: Clock
  readonly #failed: (error: SyncError) => void
  #running = 0
  #idle: (() => void) | undefined

  /** @param failed is told of what is tried again. */
  constructor(partition: Partition, clock: Clock, failed: (error: SyncError) => void) {
    this.partition = partition
    this.#clock = clock
    this.#failed = failed
    // Every waiting event listens to it.
    setMaxListeners(0, partition.owned, this.#ending.signal)
  }

  /** It is being given up: nothing more of it is started. */
  get closed(): boolean {
    return this.#ending.signal.aborted
  }

  /** Aborted with that: what would go on for long ends at its next good place. */
  get ending(): AbortSignal {
    return this.#ending.signal
  }

  close(): void {
    this.#ending.abort()
  }

  get isLost(): boolean {
    return this.closed || this.partition.owned.aborted
  }

  /** Resolves when the work ended, well or not. @param stop gets what it failed with, unless the partition went. */
  async counted(work: Promise<void>, stop: (error: SyncError) => void): Promise<void> {
    this.#running++
    try {
      await work
    } catch (error) {
      if (!(error instanceof Abandoned)) stop(asSyncError(error))
    }
    this.#running--
    if (this.#running === 0) this.#idle?.()
  }

  /** Resolves when nothing of it runs any more, or after the time given. */
  async drained(withinMs: number): Promise<void> {
    if (this.#running === 0) return
    await new Promise<void>(resolve => {
      const cancel = this.#clock.after(withinMs, resolve)
      this.#idle = () => {
        cancel()
        resolve()
      }
    })
  }

  /** State or log away: wait for them, as long as the partition is ours. @throws Abandoned */
  async untilDone<T>(work: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      if (this.isLost) throw new Abandoned()
      try {
        return await work()
      } catch (thrown) {
        const error = asSyncError(thrown)
        // Repeating cannot help where the run's own record has moved on.
        if (error.kind === 'fatal' || error.code === 'RUN_CONTESTED') throw error
        this.#failed(error)
        await this.#clock.sleep(Math.min(5000, 100 * 2 ** attempt), this.partition.owned).catch(() => {
          throw new Abandoned()
        })
      }
    }
  }
}

export function partitionKey({ topic, partition }: Pick<Partition, 'topic' | 'partition'>): string {
  return `${topic}/${partition}`
}
