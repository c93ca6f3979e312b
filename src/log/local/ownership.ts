import type { Cancel, Clock } from '../../environment.ts'
import { SyncError } from '../../errors.ts'
import { nextTurn } from '../../next-turn.ts'
import type { Subscriber } from '../event-log.ts'
import { OwnedPartition } from './owned-partition.ts'
import type { LocalTopic } from './storage.ts'
import type { Wake } from './wake.ts'

const COMMIT_EVERY_MS = 50

export interface OwnershipContext {
  readonly group: string
  readonly subscriber: Subscriber
  readonly maxInFlight: number
  readonly clock: Clock
  readonly stop: AbortSignal
  /** Keeps the first error and stops the whole subscription. */
  fail(error: unknown): void
}

/** From `assigned` to the last commit after `revoked`. */
export class Ownership {
  readonly #topic: LocalTopic
  readonly #wake: Wake
  readonly #context: OwnershipContext
  readonly #partition: OwnedPartition
  #committed: number
  #cancelCommit: Cancel | undefined
  #told = -1

  constructor(topic: LocalTopic, start: number, wake: Wake, context: OwnershipContext) {
    this.#topic = topic
    this.#wake = wake
    this.#context = context
    this.#committed = start
    this.#partition = new OwnedPartition(topic, start, () => {
      this.#wake.call()
      this.#commitSoon()
    })
  }

  async run(): Promise<void> {
    const { subscriber, fail } = this.#context
    try {
      await subscriber.assigned?.(this.#partition)
      await this.#carry()
    } catch (error) {
      fail(error)
    }
    this.#partition.giveUp()
    try {
      await subscriber.revoked?.(this.#partition)
    } finally {
      this.#partition.end()
      this.#cancelCommit?.()
      await this.#commit()
    }
  }

  async #carry(): Promise<void> {
    const { stop, maxInFlight } = this.#context
    while (!stop.aborted) {
      const room = maxInFlight - this.#partition.inFlight
      if (room > 0 && this.#partition.needsPage) await nextTurn()
      if (stop.aborted) return
      const events = room > 0 ? this.#partition.next(room) : []
      if (events.length > 0) await this.#unlessStopped(this.#context.subscriber.take(this.#partition, events))
      this.#tellPosition()
      if (events.length === 0) await this.#wake.wait()
    }
  }

  #tellPosition(): void {
    const { position } = this.#partition
    if (position <= this.#told || this.#context.stop.aborted) return
    this.#told = position
    this.#context.subscriber.passed?.(this.#partition, position)
    // Past what is not there any more nobody reports anything finished.
    if (this.#partition.inFlight === 0) this.#commitSoon()
  }

  /** A `take` that is blocked must not hold up the end; its later outcome is nobody's concern. */
  #unlessStopped(taking: Promise<void>): Promise<void> {
    const { stop } = this.#context
    return new Promise((resolve, reject) => {
      const stopped = () => resolve()
      if (stop.aborted) stopped()
      stop.addEventListener('abort', stopped, { once: true })
      taking.then(resolve, reject).finally(() => stop.removeEventListener('abort', stopped))
    })
  }

  #commitSoon(): void {
    this.#cancelCommit ??= this.#context.clock.after(COMMIT_EVERY_MS, () => {
      this.#cancelCommit = undefined
      this.#commit().catch(error => {
        // Trouble with the disk that may pass: the next commit carries this one's offsets too.
        if (error instanceof SyncError && error.kind === 'retryable') this.#commitSoon()
        else this.#context.fail(error)
      })
    })
  }

  async #commit(): Promise<void> {
    const offset = this.#partition.lowestUnfinished
    if (offset === this.#committed) return
    await this.#topic.commit(this.#context.group, offset)
    this.#committed = offset
  }
}
