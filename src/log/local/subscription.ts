import type { Clock } from '../../environment.ts'
import { onAbort } from '../../on-abort.ts'
import type { SubscribeOptions, Subscriber } from '../event-log.ts'
import { Ownership, type OwnershipContext } from './ownership.ts'
import { offsetOf } from './position.ts'
import type { Seats } from './seats.ts'
import type { LocalTopic } from './storage.ts'
import { Wake } from './wake.ts'

const MAX_IN_FLIGHT = 1000

export function seatOf(topic: string, group: string): string {
  return `${topic}\n${group}`
}

/** One call of `subscribe`: waits for each topic's seat, then carries its events until it is stopped or fails. */
export class Subscription {
  readonly #group: string
  readonly #subscriber: Subscriber
  readonly #options: SubscribeOptions
  readonly #clock: Clock
  readonly #seats: Seats
  readonly #stop = new AbortController()
  #failure: { error: unknown } | undefined

  constructor(
    group: string,
    subscriber: Subscriber,
    options: SubscribeOptions,
    { clock, seats }: { clock: Clock; seats: Seats },
  ) {
    this.#group = group
    this.#subscriber = subscriber
    this.#options = options
    this.#clock = clock
    this.#seats = seats
  }

  /** Resolves when every partition is revoked and committed. @throws what one of them failed with. */
  async run(topics: readonly LocalTopic[], stops: readonly AbortSignal[]): Promise<void> {
    const stop = () => this.#stop.abort()
    const forgets = stops.map(signal => onAbort(signal, stop))
    if (stops.some(signal => signal.aborted)) stop()
    await Promise.all(topics.map(topic => this.#own(topic)))
    for (const forget of forgets) forget()
    if (this.#failure) throw this.#failure.error
  }

  /** P4: no key is with two subscribers of a group at once, because the seat is given up only after `revoked`. */
  async #own(topic: LocalTopic): Promise<void> {
    const leave = await this.#seats.take(seatOf(topic.name, this.#group), this.#stop.signal)
    if (!leave) return
    const wake = new Wake()
    let forget: (() => void) | undefined
    try {
      forget = topic.onAppend(wake.call)
      onAbort(this.#stop.signal, wake.call)
      const start = await this.#startOf(topic)
      await new Ownership(topic, start, wake, this.#context()).run()
    } catch (error) {
      this.#fail(error)
    } finally {
      forget?.()
      leave()
    }
  }

  /** P2: a group's first position is durable before its first event, so that a crash in between cannot move it. */
  async #startOf(topic: LocalTopic): Promise<number> {
    const committed = topic.committed(this.#group)
    if (committed !== undefined) return committed
    const start = offsetOf(topic, this.#options.start ?? 'now', topic.begin)
    await topic.commit(this.#group, start)
    return start
  }

  #context(): OwnershipContext {
    return {
      group: this.#group,
      subscriber: this.#subscriber,
      maxInFlight: this.#options.maxInFlight ?? MAX_IN_FLIGHT,
      clock: this.#clock,
      stop: this.#stop.signal,
      fail: error => this.#fail(error),
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= { error }
    this.#stop.abort()
  }
}
