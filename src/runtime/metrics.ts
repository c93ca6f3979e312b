import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { Clock } from '../environment.ts'
import type { FlowReport, StatusReport } from './operations.ts'
import type { SyncReport } from './sync-reports.ts'

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
  {
    name: 'flow_collected_records',
    help: 'Records that wait for the end of their window.',
    of: ({ collected }) => collected?.records ?? 0,
  },
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

const SYNC_SERIES: readonly { name: string; help: string; of: (sync: SyncReport, now: number) => number }[] = [
  { name: 'sync_running', help: '1 while the sync takes events.', of: ({ state }) => Number(state === 'running') },
  { name: 'sync_matched', help: '1 when both sides were walked and matched.', of: ({ matched }) => Number(matched) },
  {
    name: 'sync_lag_events',
    help: 'Events of both sides that the sync has not taken in.',
    of: ({ lag }) => lag ?? Number.NaN,
  },
  {
    name: 'sync_pairs',
    help: 'Records that have their counterpart, counted now and then.',
    of: ({ pairs }) => pairs,
  },
  { name: 'sync_due_pairs', help: 'Pairs with something to write or to read.', of: ({ due }) => due },
  {
    name: 'sync_failing_pairs',
    help: 'Pairs whose last write failed and is tried again.',
    of: ({ failing }) => failing,
  },
  { name: 'sync_open_tasks', help: 'Tasks in Twenty that ask a person.', of: ({ questions }) => questions },
  {
    name: 'sync_reconciled_age_seconds',
    help: 'Since the last complete comparison; NaN before the first.',
    of: ({ reconciled }, now) => (reconciled ? (now - Date.parse(reconciled.at)) / 1000 : Number.NaN),
  },
]

/** Counts of a sync by kind: one label more. */
const SYNC_KINDS: readonly { name: string; help: string; of: (sync: SyncReport) => object }[] = [
  { name: 'sync_conflicts', help: 'Pairs that wait for a person, by kind.', of: ({ conflicts }) => conflicts },
  {
    name: 'sync_guarded_writes',
    help: 'Writes over the limit of the hour that wait for a person, by kind.',
    of: ({ guarded }) => guarded,
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
  for (const { name, help, of } of SYNC_SERIES) {
    new Gauge({
      name: `twenty_sync_${name}`,
      help,
      labelNames: ['sync'],
      registers: [registry],
      async collect() {
        this.reset()
        for (const sync of (await current()).syncs) this.set({ sync: sync.name }, of(sync, clock.now()))
      },
    })
  }
  for (const { name, help, of } of SYNC_KINDS) {
    new Gauge({
      name: `twenty_sync_${name}`,
      help,
      labelNames: ['sync', 'kind'],
      registers: [registry],
      async collect() {
        this.reset()
        for (const sync of (await current()).syncs) {
          for (const [kind, count] of Object.entries(of(sync))) this.set({ sync: sync.name, kind }, count)
        }
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
