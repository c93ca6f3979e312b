import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { Clock } from '../environment.ts'
import type { FlowReport, StatusReport } from './operations.ts'

/** Gauges even where a count only grows: they are copied from a report when somebody scrapes, never counted here. */
const FLOW_SERIES: readonly { name: string; help: string; of: (flow: FlowReport, now: number) => number }[] = [
  { name: 'flow_lag_events', help: 'Events that the flow has not finished.', of: flow => flow.lag ?? Number.NaN },
  { name: 'flow_done_events', help: 'Events that went through all steps since the start.', of: flow => flow.done },
  {
    name: 'flow_dead_letters',
    help: 'Dead letters that nobody has resolved.',
    of: flow => flow.deadLetters ?? Number.NaN,
  },
  { name: 'flow_parked_events', help: 'Events that wait for a later try, or behind one.', of: flow => flow.parked },
  { name: 'flow_retries', help: 'Tries beyond the first since the start.', of: flow => flow.retried },
  {
    name: 'flow_unclassified_errors',
    help: 'Errors that no component classified. Must stay 0.',
    of: flow => flow.unclassified,
  },
  { name: 'flow_running', help: '1 while the flow takes events.', of: flow => Number(flow.state === 'running') },
  {
    name: 'flow_oldest_unfinished_seconds',
    help: 'Age of the oldest event taken in and not finished.',
    of: ({ oldestUnfinishedAt }, now) => (oldestUnfinishedAt ? (now - Date.parse(oldestUnfinishedAt)) / 1000 : 0),
  },
]

export interface Metrics {
  readonly registry: Registry
  /** The series of flows and systems are taken from this report at each scrape. */
  watch(status: () => Promise<StatusReport>): void
}

export function createMetrics(clock: Clock): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  return { registry, watch: status => watch(registry, clock, status) }
}

function watch(registry: Registry, clock: Clock, status: () => Promise<StatusReport>): void {
  // One report per scrape, shared by all series of it.
  let report: Promise<StatusReport> | undefined
  const current = () => {
    report ??= status().finally(() => {
      setImmediate(() => {
        report = undefined
      })
    })
    return report
  }
  for (const { name, help, of } of FLOW_SERIES) {
    new Gauge({
      name: `twenty_sync_${name}`,
      help,
      labelNames: ['flow'],
      registers: [registry],
      async collect() {
        this.reset()
        for (const flow of (await current()).flows) this.set({ flow: flow.name }, of(flow, clock.now()))
      },
    })
  }
  new Gauge({
    name: 'twenty_sync_flow_skipped_events',
    help: 'Events that ended without harm and without effect since the start, by reason.',
    labelNames: ['flow', 'reason'],
    registers: [registry],
    async collect() {
      this.reset()
      for (const { name, skipped } of (await current()).flows) {
        for (const [reason, count] of Object.entries(skipped)) this.set({ flow: name, reason }, count)
      }
    },
  })
  new Gauge({
    name: 'twenty_sync_poll_dropped_records',
    help: 'Changed records that polls saw and that deliberately gave no event, since the start, by reason.',
    labelNames: ['connector', 'reason'],
    registers: [registry],
    async collect() {
      this.reset()
      for (const { name, poll } of (await current()).connectors) {
        for (const [reason, count] of Object.entries(poll?.dropped ?? {})) this.set({ connector: name, reason }, count)
      }
    },
  })
  new Gauge({
    name: 'twenty_sync_system_ready',
    help: '1 while the system answers and the config fits it.',
    labelNames: ['system'],
    registers: [registry],
    async collect() {
      this.reset()
      for (const { name, ready } of (await current()).systems) this.set({ system: name }, Number(ready))
    },
  })
}
