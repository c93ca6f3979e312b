import type { EventLog, LoggedEvent, Partition, SubscribeOptions, Subscriber } from '../../src/log/event-log.ts'

export interface CollectorOptions extends SubscribeOptions {
  /** Which events are reported finished as soon as they are taken. Default all. */
  readonly finish?: (event: LoggedEvent) => boolean
  /** In place of the built-in `take`, after the events were noted. */
  readonly take?: Subscriber['take']
  readonly assigned?: Subscriber['assigned']
  readonly revoked?: Subscriber['revoked']
}

/** A running subscription that writes down what it gets. */
export class Collector {
  readonly events: LoggedEvent[] = []
  /** Everything the driver said, in order: `assigned 0`, `take 0:5`, `revoked 0`. */
  readonly calls: string[] = []
  readonly partitions = new Map<number, Partition>()
  /** By partition: each position that was told. */
  readonly passed = new Map<number, number[]>()
  /** Settles with the subscription. Never left unhandled. */
  readonly ended: Promise<unknown>
  readonly #abort = new AbortController()

  constructor(log: EventLog, topics: readonly string[], group: string, options: CollectorOptions = {}) {
    const { finish = () => true } = options
    const subscriber: Subscriber = {
      assigned: async partition => {
        this.calls.push(`assigned ${partition.partition}`)
        await options.assigned?.(partition)
        this.partitions.set(partition.partition, partition)
      },
      take: async (partition, events) => {
        for (const event of events) {
          this.calls.push(`take ${partition.partition}:${event.offset}`)
          this.events.push(event)
        }
        if (options.take) return options.take(partition, events)
        for (const event of events) if (finish(event)) partition.finished(event.offset)
      },
      passed: ({ partition }, offset) => {
        this.passed.set(partition, [...(this.passed.get(partition) ?? []), offset])
      },
      revoked: async partition => {
        this.calls.push(`revoked ${partition.partition}`)
        await options.revoked?.(partition)
        this.partitions.delete(partition.partition)
      },
    }
    this.ended = log.subscribe(topics, group, subscriber, this.#abort.signal, options).catch((error: unknown) => error)
  }

  get ids(): string[] {
    return this.events.map(logged => logged.event.id)
  }

  /** Ends the subscription in good order. @throws what the subscription failed with. */
  async stop(): Promise<void> {
    this.abort()
    const outcome = await this.ended
    if (outcome !== undefined) throw outcome
  }

  abort(): void {
    this.#abort.abort(new Error('stopped by the test'))
  }
}
