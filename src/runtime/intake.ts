import type { Environment } from '../environment.ts'
import { asSyncError, SyncError } from '../errors.ts'
import { type ChangeEvent, objectOf } from '../event.ts'
import type { EventLog } from '../log/event-log.ts'
import type { TopicNames } from './topics.ts'

/** While the log refuses, it is asked again this often. */
const PROBE_MS = 2000
const NOT_OPEN = 'the log is not prepared yet'

/** The one way of events into the log, from requests, polls and people alike. */
export class Intake {
  readonly #log: EventLog
  readonly #names: TopicNames
  readonly #env: Environment
  /** Until topics and groups are there, nothing may come in. */
  #failure: string | undefined = NOT_OPEN

  constructor(log: EventLog, names: TopicNames, env: Environment) {
    this.#log = log
    this.#names = names
    this.#env = env
  }

  /** P1: resolves once every event is durable. @throws SyncError of the log. */
  async append(connector: string, events: readonly ChangeEvent[]): Promise<void> {
    if (this.#failure === NOT_OPEN)
      throw new SyncError('retryable', 'LOG_UNAVAILABLE', `intake is not open: ${NOT_OPEN}`)
    try {
      if (events.length === 1) await this.#log.append(this.#names.of(connector, events[0]!), events)
      else await Promise.all(this.#byTopic(connector, events).map(([topic, batch]) => this.#log.append(topic, batch)))
    } catch (thrown) {
      this.#failed(asSyncError(thrown).message)
      throw thrown
    }
    this.#failure = undefined
  }

  #byTopic(connector: string, events: readonly ChangeEvent[]): [string, ChangeEvent[]][] {
    const topics = new Map<string, ChangeEvent[]>()
    for (const event of events) {
      const topic = this.#names.source(connector, objectOf(event))
      const batch = topics.get(topic)
      if (batch) batch.push(event)
      else topics.set(topic, [event])
    }
    return [...topics]
  }

  /** Topics exist, and every flow has its place in them. */
  open(): void {
    this.#failure = undefined
  }

  /** Green when intake can append. */
  health(): { ok: boolean; reason?: string } {
    return this.#failure === undefined ? { ok: true } : { ok: false, reason: this.#failure }
  }

  #failed(reason: string): void {
    const probing = this.#failure !== undefined
    this.#failure = reason
    if (!probing) this.#probe()
  }

  #probe(): void {
    this.#env.clock.after(
      PROBE_MS,
      () => {
        if (this.#failure === undefined) return
        this.#log.describe([]).then(
          () => {
            this.#failure = undefined
          },
          () => this.#probe(),
        )
      },
      { background: true },
    )
  }
}
