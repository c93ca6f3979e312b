import { SyncError } from '../errors.ts'
import { actionOf } from '../event.ts'
import type { EventLog, LoggedEvent } from '../log/event-log.ts'
import type { StateStore } from '../state/state-store.ts'
import type { Assembly } from './assemble.ts'
import type { CompiledFlow } from './compiled-flow.ts'
import { type EachCounts, type EachRecord, NONE, sum } from './each-progress.ts'
import { FlowKeys } from './flow-keys.ts'
import { beginOf } from './launch.ts'
import type { RunRecord } from './run.ts'

/** What a flow made of a run's events, each counted once. */
export interface LaunchOutcomes {
  readonly flow: string
  readonly done: number
  /** Duplicates, filtered ones, and what was already as wanted. */
  readonly skipped: number
  /** Dead letters. */
  readonly failed: number
  /** Waiting for a later try. */
  readonly parked: number
  /** Not finished, or not begun. */
  readonly open: number
  /** Of its `each` steps, so far: what they go over in all, where that is known, and what became of it. */
  readonly items?: EachCounts & { readonly total?: number }
}

export interface LaunchReport {
  readonly run: string
  readonly topic: string
  readonly events: number
  /** The flows that read them. */
  readonly flows: readonly LaunchOutcomes[]
}

interface Sources {
  readonly log: EventLog
  readonly state: StateStore
  readonly assembly: Assembly
}

const AT_ONCE = 200
/** A broker's clock and ours may differ, and the log is searched by the broker's. */
const SKEW_MS = 600_000

/** @throws SyncError rejected `NO_SUCH_RUN` where the topic has no event of it. */
export async function launchReport(run: string, topic: string, sources: Sources): Promise<LaunchReport> {
  const { log, assembly } = sources
  const flows = assembly.flows.map(({ compiled }) => compiled).filter(flow => flow.topics.has(topic))
  const counts = new Map(flows.map(flow => [flow, new Counts()]))
  const seen = new Set<string>()
  const count = async (page: readonly LoggedEvent[]) => {
    for (const [flow, counted] of counts) await countOutcomes(flow, page, counted, sources)
  }
  let page: LoggedEvent[] = []
  for await (const logged of log.read(topic, { from: { time: beginOf(run) - SKEW_MS } })) {
    const { id, extensions } = logged.event
    if (extensions?.run !== run || seen.has(id)) continue
    seen.add(id)
    page.push(logged)
    if (page.length < AT_ONCE) continue
    await count(page)
    page = []
  }
  await count(page)
  if (seen.size === 0) throw new SyncError('rejected', 'NO_SUCH_RUN', `${topic} has no event of the run ${run}`)
  return {
    run,
    topic,
    events: seen.size,
    flows: [...counts].map(([flow, { done, skipped, failed, parked, open, items }]) => ({
      flow: flow.name,
      done,
      skipped,
      failed,
      parked,
      open,
      ...(items && { items }),
    })),
  }
}

class Counts {
  done = 0
  skipped = 0
  failed = 0
  parked = 0
  open = 0
  items: LaunchOutcomes['items']
  /** Where the flow is in each partition; read once, before the marks. */
  committed: Readonly<Record<number, number>> | undefined
}

async function countOutcomes(
  flow: CompiledFlow,
  page: readonly LoggedEvent[],
  counts: Counts,
  { log, state }: Sources,
): Promise<void> {
  const actions = flow.topics.get(page[0]?.topic ?? '')
  const taken = page.filter(({ event }) => !actions || actions.has(actionOf(event)))
  if (taken.length === 0) return
  if (!counts.committed) {
    const [info] = await log.describe([taken[0]!.topic])
    counts.committed = info?.groups.find(({ group }) => group === flow.group)?.committed ?? {}
  }
  const keys = new FlowKeys(flow.identity)
  const entries = await state.get(
    taken.flatMap(({ topic, partition, offset, event }) => [
      keys.run(event.id),
      keys.parked(topic, partition, offset),
      keys.collected(topic, partition, offset),
    ]),
  )
  for (const [at, { partition, offset }] of taken.entries()) {
    const record = entries[3 * at]?.value as RunRecord | undefined
    for (const each of loopsOf(record)) counts.items = added(counts.items, each)
    if (entries[3 * at + 1]) counts.parked++
    else if (record?.status === 'dead') counts.failed++
    else if (record?.status === 'running' || (!record && entries[3 * at + 2])) counts.open++
    else if (record) record.skip ? counts.skipped++ : counts.done++
    // A flow keeps no mark of what had no effect.
    else if ((counts.committed[partition] ?? 0) > offset) counts.skipped++
    else counts.open++
  }
}

/** Those of the flow itself, not those inside of them. */
function loopsOf(record: RunRecord | undefined): EachRecord[] {
  return Object.entries(record?.steps ?? {}).flatMap(([step, { each }]) => (each && !step.includes('/') ? [each] : []))
}

function added(items: LaunchOutcomes['items'], each: EachRecord): LaunchOutcomes['items'] {
  const isKnown = each.total !== undefined && (!items || items.total !== undefined)
  return { ...sum(items ?? NONE, each), ...(isKnown && { total: (items?.total ?? 0) + each.total! }) }
}
