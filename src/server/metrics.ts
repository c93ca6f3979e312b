import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { Admission } from './limits.ts'

/** What one connector's intake did since the start. */
export interface IntakeCounts {
  /** Events that were appended. */
  readonly received: number
  /** Requests that were taken and gave no event, by reason. */
  readonly dropped: Readonly<Record<string, number>>
  /** Requests that were answered 4xx. */
  readonly refused: number
}

interface Tally {
  received: number
  dropped: Record<string, number>
  refused: Map<string, number>
}

const APPEND_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/**
 * The server's own series. Plain numbers while requests run; they become series when somebody scrapes, which keeps
 * label hashing off the way of a request. Labels are connector names, our own codes and statuses: bounded.
 */
export class ServerMetrics {
  readonly #connectors = new Map<string, Tally>()
  readonly #responses = new Map<string, Map<number, number>>()
  readonly #append: Histogram

  constructor(registry: Registry, admission: Admission) {
    const registers = [registry]
    const each = this.#connectors
    new Counter({
      name: 'twenty_sync_events_received_total',
      help: 'Events that a connector took in by HTTP and that are in the log.',
      labelNames: ['connector'],
      registers,
      collect() {
        this.reset()
        for (const [connector, tally] of each) this.inc({ connector }, tally.received)
      },
    })
    new Counter({
      name: 'twenty_sync_requests_dropped_total',
      help: 'Requests that were accepted and deliberately gave no event, by reason.',
      labelNames: ['connector', 'reason'],
      registers,
      collect() {
        this.reset()
        for (const [connector, { dropped }] of each) {
          for (const reason in dropped) this.inc({ connector, reason }, dropped[reason])
        }
      },
    })
    new Counter({
      name: 'twenty_sync_requests_refused_total',
      help: 'Requests that were answered 4xx, by reason.',
      labelNames: ['connector', 'reason'],
      registers,
      collect() {
        this.reset()
        for (const [connector, { refused }] of each) {
          for (const [reason, count] of refused) this.inc({ connector, reason }, count)
        }
      },
    })
    const responses = this.#responses
    new Counter({
      name: 'twenty_sync_http_responses_total',
      help: 'Answers by route (a connector, or one of the server’s own) and status.',
      labelNames: ['route', 'status'],
      registers,
      collect() {
        this.reset()
        for (const [route, statuses] of responses) {
          for (const [status, count] of statuses) this.inc({ route, status: String(status) }, count)
        }
      },
    })
    new Gauge({
      name: 'twenty_sync_http_requests_in_flight',
      help: 'Requests that are being worked on.',
      registers,
      collect() {
        this.set(admission.inFlight)
      },
    })
    new Gauge({
      name: 'twenty_sync_http_body_bytes',
      help: 'Bytes of request bodies in memory.',
      registers,
      collect() {
        this.set(admission.bodyBytes)
      },
    })
    this.#append = new Histogram({
      name: 'twenty_sync_intake_append_seconds',
      help: 'From a parsed request to its events being durable.',
      buckets: APPEND_BUCKETS,
      registers,
    })
  }

  received(connector: string, events: number): void {
    this.#tally(connector).received += events
  }

  dropped(connector: string, reason: string): void {
    const { dropped } = this.#tally(connector)
    dropped[reason] = (dropped[reason] ?? 0) + 1
  }

  refused(connector: string, reason: string): void {
    const { refused } = this.#tally(connector)
    refused.set(reason, (refused.get(reason) ?? 0) + 1)
  }

  answered(route: string, status: number): void {
    let statuses = this.#responses.get(route)
    if (!statuses) {
      statuses = new Map()
      this.#responses.set(route, statuses)
    }
    statuses.set(status, (statuses.get(status) ?? 0) + 1)
  }

  appended(seconds: number): void {
    this.#append.observe(seconds)
  }

  counts(connector: string): IntakeCounts {
    const { received, dropped, refused } = this.#tally(connector)
    return { received, dropped: { ...dropped }, refused: [...refused.values()].reduce((sum, count) => sum + count, 0) }
  }

  #tally(connector: string): Tally {
    let tally = this.#connectors.get(connector)
    if (!tally) {
      tally = { received: 0, dropped: {}, refused: new Map() }
      this.#connectors.set(connector, tally)
    }
    return tally
  }
}
