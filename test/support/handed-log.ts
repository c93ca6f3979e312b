import type { EventLog, LoggedEvent, Partition, Subscriber } from '../../src/log/event-log.ts'
import { memoryLog } from '../../src/log/memory.ts'
import type { VirtualClock } from './virtual-clock.ts'

interface Owned {
  readonly partition: Partition
  readonly subscriber: Subscriber
  readonly lost: AbortController
}

/** A memory log whose partitions change hands when the test says so, as those of a cluster do, topic by topic. */
export class HandedLog {
  readonly log: EventLog
  readonly #subscribers = new Map<string, Subscriber>()
  readonly #owned = new Map<string, Owned>()
  readonly #clock: VirtualClock
  readonly #offsets = new Map<string, number>()

  constructor(clock: VirtualClock) {
    this.#clock = clock
    const inner = memoryLog({ clock })
    this.log = {
      createTopics: topics => inner.createTopics(topics),
      append: (topic, events) => inner.append(topic, events),
      read: (topic, options) => inner.read(topic, options),
      lag: (topic, group) => inner.lag(topic, group),
      describe: topics => inner.describe(topics),
      resetGroup: (...args) => inner.resetGroup(...args),
      close: () => inner.close(),
      subscribe: async (topics, _group, subscriber, signal) => {
        for (const topic of topics) this.#subscribers.set(topic, subscriber)
        await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve()))
        await Promise.all(topics.map(topic => this.revoke(topic)))
      },
    }
  }

  /** The event at the topic's next offset; nothing is handed over yet. */
  logged(topic: string, event: LoggedEvent['event']): LoggedEvent {
    const offset = this.#offsets.get(topic) ?? 0
    this.#offsets.set(topic, offset + 1)
    return { topic, partition: 0, offset, appendedAt: this.#clock.now(), event }
  }

  async assign(topic: string): Promise<void> {
    const subscriber = this.#subscribers.get(topic)!
    const lost = new AbortController()
    const partition: Partition = { topic, partition: 0, owned: lost.signal, finished: () => {} }
    this.#owned.set(topic, { partition, subscriber, lost })
    await subscriber.assigned?.(partition)
  }

  async give(...events: readonly LoggedEvent[]): Promise<void> {
    for (const event of events) {
      const { partition, subscriber } = this.#owned.get(event.topic)!
      await subscriber.take(partition, [event])
    }
  }

  async revoke(topic: string): Promise<void> {
    const owned = this.#owned.get(topic)
    if (!owned) return
    this.#owned.delete(topic)
    owned.lost.abort()
    await owned.subscriber.revoked?.(owned.partition)
  }
}
