import type { Clock } from '../environment.ts'
import { asSyncError, type SyncError } from '../errors.ts'
import type { LoggedEvent, Partition } from '../log/event-log.ts'
import { isPoison } from './event-taker.ts'
import type { Questions } from './questions.ts'

export interface TaskTakerOptions {
  readonly questions: Questions
  readonly clock: Clock
  /** Where the sync keeps tasks in step, too, its links have to have the events first. */
  readonly isSide: (topic: string) => boolean
  /** Says that an event was left out, and counts it. */
  readonly leaveOut: (logged: LoggedEvent, error: SyncError) => void
  /** No event will fare better: the sync has to stop. */
  readonly failed: (error: SyncError) => void
}

/** Takes the events of the tasks in which people are asked. */
export class TaskTaker {
  readonly #options: TaskTakerOptions

  constructor(options: TaskTakerOptions) {
    this.#options = options
  }

  /** P2: an event of a task is finished once it is stored that the task is to be looked at. */
  async take(partition: Partition, events: readonly LoggedEvent[], signal: AbortSignal): Promise<void> {
    const { questions, clock, failed } = this.#options
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        await questions.heard(events.map(({ event }) => event))
        return this.#finish(partition, events)
      } catch (thrown) {
        const error = asSyncError(thrown)
        if (error.kind === 'fatal') return failed(error)
        if (isPoison(error, attempt)) return this.#isolate(partition, events, error, signal)
        await clock.sleep(Math.min(30_000, 200 * 2 ** attempt), signal).catch(() => {})
      }
    }
  }

  /** One event that cannot be heard keeps no other one from it. */
  async #isolate(
    partition: Partition,
    events: readonly LoggedEvent[],
    error: SyncError,
    signal: AbortSignal,
  ): Promise<void> {
    if (events.length > 1) {
      for (const one of events) await this.take(partition, [one], signal)
      return
    }
    this.#options.leaveOut(events[0]!, error)
    this.#finish(partition, events)
  }

  #finish(partition: Partition, events: readonly LoggedEvent[]): void {
    if (this.#options.isSide(partition.topic)) return
    for (const { offset } of events) partition.finished(offset)
  }
}
