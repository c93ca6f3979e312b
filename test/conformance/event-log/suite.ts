import { afterEach, beforeEach } from 'vitest'
import type { ChangeEvent } from '../../../src/event.ts'
import type { EventLog, LoggedEvent, ReadOptions } from '../../../src/log/event-log.ts'
import { Collector, type CollectorOptions } from '../../support/collector.ts'
import { makeEvent } from '../../support/make-event.ts'
import { until } from '../../support/until.ts'

export interface OpenedLog {
  readonly log: EventLog
  /** Topic names begin with this. Default `conformance`. */
  readonly prefix?: string
  /**
   * The same log as another process would open it next: after an orderly close, or `hard`, as after kill -9 (the old one
   * must not flush, commit or revoke any more). Absent: the tests about restarts are left out.
   */
  reopen?(hard: boolean): Promise<EventLog>
  /** Removes every event that the topic has now, as its retention would. The offsets go on where they were. */
  expire(topic: string): Promise<void>
  /** Called after the test; closes what is still open. */
  dispose?(): Promise<void>
}

export interface EventLogFeatures {
  /** How many partitions a topic has when three are asked for: 3 or 1. */
  readonly partitions: number
  /** Positions by time work. */
  readonly timeLookup: boolean
  /** Events survive `reopen`. */
  readonly durable: boolean
  /** A compacted topic drops older events of a key at once. Kafka does it some time later. */
  readonly compactsAtOnce: boolean
  /** Longest wait for anything. Default 10 s; a group that rebalances over a broker needs more. */
  readonly deadlineMs?: number
}

let names = 0

/** What the tests of one driver share: the log of the running test, names that nobody used before, and waiting. */
export class LogSuite {
  readonly features: EventLogFeatures
  opened!: OpenedLog
  #collectors: Collector[] = []

  constructor(open: () => Promise<OpenedLog>, features: EventLogFeatures) {
    this.features = features
    beforeEach(async () => {
      this.opened = await open()
    })
    afterEach(async () => {
      for (const collector of this.#collectors.splice(0)) collector.abort()
      await this.opened.dispose?.()
    })
  }

  get log(): EventLog {
    return this.opened.log
  }

  /** A name that no other test, and no earlier run on the same broker, has used. */
  name(): string {
    return `${this.opened.prefix ?? 'conformance'}.${Date.now().toString(36)}-${process.pid}.t${++names}`
  }

  async topic(partitions = 3): Promise<string> {
    const name = this.name()
    await this.log.createTopics([{ name, partitions }])
    return name
  }

  collect(topic: string, group: string, options: CollectorOptions = {}, log = this.log): Collector {
    const collector = new Collector(log, [topic], group, { start: 'earliest', ...options })
    this.#collectors.push(collector)
    return collector
  }

  until(condition: () => boolean | Promise<boolean>, what?: string): Promise<void> {
    return until(condition, { deadlineMs: this.features.deadlineMs, what })
  }

  async read(topic: string, options?: ReadOptions, log = this.log): Promise<LoggedEvent[]> {
    const events: LoggedEvent[] = []
    for await (const event of log.read(topic, options)) events.push(event)
    return events
  }

  /** Appends `count` events of the keys in turn, one call; returns them. `data.n` counts from `first`. */
  async fill(topic: string, count: number, keys: readonly string[] = ['a'], first = 0): Promise<ChangeEvent[]> {
    const events = numbered(count, keys, first)
    await this.log.append(topic, events)
    return events
  }
}

export function numbered(count: number, keys: readonly string[] = ['a'], first = 0): ChangeEvent[] {
  return Array.from({ length: count }, (_, i) =>
    makeEvent({ key: keys[i % keys.length]!, data: { n: first + i, key: keys[i % keys.length]! } }),
  )
}

/** The `data.n` of each. */
export function numbersOf(events: readonly LoggedEvent[]): number[] {
  return events.map(logged => logged.event.data.n as number)
}

export function byKey(events: readonly LoggedEvent[]): Map<string, number[]> {
  const found = new Map<string, number[]>()
  for (const { event } of events) {
    const numbers = found.get(event.key)
    if (numbers) numbers.push(event.data.n as number)
    else found.set(event.key, [event.data.n as number])
  }
  return found
}

/** Later than every event appended so far, on a clock with millisecond ticks. */
export async function nextMillisecond(): Promise<number> {
  const now = Date.now()
  await until(() => Date.now() > now + 1)
  return Date.now()
}
