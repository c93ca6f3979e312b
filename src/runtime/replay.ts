import type { Expression } from '../config/definition.ts'
import type { Environment } from '../environment.ts'
import { SyncError } from '../errors.ts'
import { canonicalJson, shortHash } from '../identity.ts'
import type { EventLog, LoggedEvent, StartPosition, TopicInfo } from '../log/event-log.ts'
import type { StateStore } from '../state/state-store.ts'
import type { DeadLetters } from './dead-letters.ts'
import { matches } from './event-finder.ts'
import { FlowKeys } from './flow-keys.ts'
import { type CompiledFlow, FlowRunner } from './flow-runner.ts'
import type { Run } from './run.ts'
import type { TopicNames } from './topics.ts'
import type { WriteLedger } from './write-ledger.ts'

const DEFAULT_RATE = 1000
const REPORT_MS = 250

export interface ReplayRequest {
  readonly from: StartPosition
  /** Default: the end now. */
  readonly to?: StartPosition
  /** Only events for which this is true. */
  readonly where?: Expression
  readonly dryRun?: boolean
  /** `all` also does effects that are not `safe`; those that were done before are never done again. */
  readonly effects?: 'safe' | 'all'
  /** Events per second; 0 is as fast as it goes. Default 1000. */
  readonly perSecond?: number
}

export interface PlannedWrite {
  readonly event: string
  readonly subject: string
  readonly step: string
  readonly operation: string
  readonly target?: string
  readonly before?: unknown
  readonly after?: unknown
}

export interface ReplayProgress {
  readonly id: string
  readonly resumed: boolean
  readonly total: number
  readonly read: number
  readonly matched: number
  readonly done: number
  readonly skipped: number
  readonly dead: number
  readonly perSecond: number
  readonly finished: boolean
  /** Dry run only, since the last report. */
  readonly plans: readonly PlannedWrite[]
}

type Ranges = Record<string, Record<number, { from: number; to: number }>>

interface ReplayRecord {
  readonly ranges: Ranges
  readonly startedAt: string
}

export interface ReplayDependencies {
  readonly flow: CompiledFlow
  readonly log: EventLog
  readonly state: StateStore
  readonly env: Environment
  readonly deadLetters: DeadLetters
  readonly ledger: WriteLedger
  readonly names: TopicNames
}

/**
 * Reads a range of the flow's topics again, in a group of its own, through the flow as it is configured now. The range
 * is fixed at the start; the same request after a kill goes on at the group's committed offsets.
 */
export async function* replay(
  deps: ReplayDependencies,
  request: ReplayRequest,
  signal: AbortSignal,
): AsyncIterable<ReplayProgress> {
  const { where, perSecond: _rate, ...identity } = request
  const id = shortHash(canonicalJson({ ...identity, where: where?.source }))
  const key = new FlowKeys(deps.flow.identity).replay(id)
  const [entry] = await deps.state.get([key])
  const record = (entry?.value as ReplayRecord | undefined) ?? (await begin(deps, request, key))
  const run = new ReplayRun(deps, request, { id, record, resumed: entry !== undefined })
  yield* run.run(signal)
  if (signal.aborted) return
  for (const topic of Object.keys(record.ranges)) await deps.log.resetGroup(topic, run.group)
  await deps.state.commit([{ key }])
}

async function begin(deps: ReplayDependencies, request: ReplayRequest, key: string): Promise<ReplayRecord> {
  const topics = await deps.log.describe([...deps.flow.topics.keys()])
  const ranges: Ranges = {}
  for (const topic of topics) ranges[topic.topic] = await rangesOf(deps.log, topic, request)
  const record = { ranges, startedAt: new Date(deps.env.clock.now()).toISOString() }
  await deps.state.commit([{ key, value: record }])
  return record
}

async function rangesOf(log: EventLog, topic: TopicInfo, request: ReplayRequest): Promise<Ranges[string]> {
  const ranges: Ranges[string] = {}
  for (const { partition, begin, end } of topic.partitions) {
    const from = await offsetAt(log, topic.topic, partition, request.from, begin, end)
    const to = request.to === undefined ? end : await offsetAt(log, topic.topic, partition, request.to, begin, end)
    if (to > from) ranges[partition] = { from, to }
  }
  return ranges
}

async function offsetAt(
  log: EventLog,
  topic: string,
  partition: number,
  position: StartPosition,
  begin: number,
  end: number,
): Promise<number> {
  if (position === 'earliest') return begin
  if (position === 'now') return end
  if ('offsets' in position) return Math.min(end, Math.max(begin, position.offsets[partition] ?? end))
  // The first event at or after the time says where it is.
  for await (const { offset } of log.read(topic, { partition, from: position })) return offset
  return end
}

class ReplayRun {
  readonly group: string
  readonly #deps: ReplayDependencies
  readonly #request: ReplayRequest
  readonly #ranges: Ranges
  readonly #id: string
  readonly #resumed: boolean
  readonly #total: number
  readonly #started: number
  readonly #complete = new AbortController()
  #plans: PlannedWrite[] = []
  #read = 0
  #matched = 0
  #admitted = 0
  #wake: () => void = () => {}

  constructor(
    deps: ReplayDependencies,
    request: ReplayRequest,
    facts: { id: string; record: ReplayRecord; resumed: boolean },
  ) {
    this.#deps = deps
    this.#request = request
    this.#ranges = facts.record.ranges
    this.#id = facts.id
    this.#resumed = facts.resumed
    this.group = deps.names.replayGroup(deps.flow.identity, facts.id)
    this.#total = spans(this.#ranges).reduce((sum, { from, to }) => sum + to - from, 0)
    this.#started = deps.env.clock.elapsed()
  }

  async *run(signal: AbortSignal): AsyncIterable<ReplayProgress> {
    this.#read = this.#resumed ? await this.#alreadyRead() : 0
    const before = this.#read
    const runner = this.#runner()
    const both = AbortSignal.any([signal, this.#complete.signal])
    if (this.#read >= this.#total) this.#complete.abort()
    let failure: unknown
    let ended = false
    const running = runner.run(both).then(
      () => {
        ended = true
        this.#wake()
      },
      error => {
        failure = error
        ended = true
        this.#wake()
      },
    )
    while (!ended) {
      await this.#nextReport()
      yield this.#progress(runner, before, false)
    }
    await running
    if (failure) throw failure
    yield this.#progress(runner, before, this.#complete.signal.aborted)
  }

  #runner(): FlowRunner {
    const { flow, log, state, env, deadLetters, ledger } = this.#deps
    const start = Object.fromEntries(
      Object.entries(this.#ranges)
        .filter(([, partitions]) => Object.keys(partitions).length > 0)
        .map(([topic, partitions]) => [topic, { offsets: mapValues(partitions, range => range.from) }]),
    )
    return new FlowRunner({
      flow,
      log,
      state,
      env,
      deadLetters,
      ledger,
      drainMs: 30_000,
      replay: {
        group: this.group,
        start,
        dryRun: this.#request.dryRun ?? false,
        allEffects: this.#request.effects === 'all',
        admit: events => this.#admit(events),
        // An event that lacks what the expression asks for is not one of those meant.
        wants: logged => !this.#request.where || matches(this.#request.where, logged),
        ended: (logged, run) => this.#ended(logged, run),
      },
    })
  }

  /** Behind the end of the range nothing is run, and nothing is committed. */
  async #admit(events: readonly LoggedEvent[]): Promise<readonly LoggedEvent[]> {
    const inRange = events.filter(
      ({ topic, partition, offset }) => offset < (this.#ranges[topic]?.[partition]?.to ?? 0),
    )
    await this.#keepRate(inRange.length)
    return inRange
  }

  /** P8: live traffic goes before; a replay never takes more than its rate. */
  async #keepRate(count: number): Promise<void> {
    const perSecond = this.#request.perSecond ?? DEFAULT_RATE
    if (perSecond === 0) return
    const { clock } = this.#deps.env
    this.#admitted += count
    const dueMs = (this.#admitted * 1000) / perSecond
    const ahead = dueMs - (clock.elapsed() - this.#started)
    if (ahead > 0) await clock.sleep(ahead, this.#complete.signal).catch(() => {})
  }

  #ended(logged: LoggedEvent, run: Run | undefined): void {
    this.#read++
    if (run) {
      this.#matched++
      for (const { step, plan } of run.plans) this.#plans.push(planned(logged, step, plan))
    }
    if (this.#read >= this.#total) this.#complete.abort()
  }

  async #alreadyRead(): Promise<number> {
    let read = 0
    for (const info of await this.#deps.log.describe(Object.keys(this.#ranges))) {
      const group = info.groups.find(candidate => candidate.group === this.group)
      for (const [partition, { from, to }] of Object.entries(this.#ranges[info.topic] ?? {})) {
        const committed = group?.committed[Number(partition)] ?? from
        read += Math.min(to, Math.max(from, committed)) - from
      }
    }
    return read
  }

  #nextReport(): Promise<void> {
    return new Promise(resolve => {
      const cancel = this.#deps.env.clock.after(REPORT_MS, resolve)
      this.#wake = () => {
        cancel()
        resolve()
      }
    })
  }

  #progress(runner: FlowRunner, before: number, finished: boolean): ReplayProgress {
    const plans = this.#plans
    this.#plans = []
    const { counters } = runner
    const seconds = (this.#deps.env.clock.elapsed() - this.#started) / 1000
    return {
      id: this.#id,
      resumed: this.#resumed,
      total: this.#total,
      read: Math.min(this.#read, this.#total),
      matched: this.#matched,
      done: counters.done,
      skipped: [...counters.skips.values()].reduce((sum, count) => sum + count, 0),
      dead: counters.dead,
      perSecond: seconds > 0 ? (this.#read - before) / seconds : 0,
      finished,
      plans,
    }
  }
}

function planned(logged: LoggedEvent, step: string, plan: Run['plans'][number]['plan']): PlannedWrite {
  return {
    event: logged.event.id,
    subject: logged.event.subject,
    step,
    operation: plan.operation,
    ...(plan.target && { target: `${plan.target.object}/${plan.target.id}` }),
    ...(plan.before && { before: plan.before }),
    ...(plan.after && { after: plan.after }),
  }
}

function spans(ranges: Ranges): { from: number; to: number }[] {
  return Object.values(ranges).flatMap(partitions => Object.values(partitions))
}

function mapValues<A, B>(record: Record<string, A>, map: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]))
}

/** `2026-11-01T00:00:00Z`, `earliest`, `now`, `3:1500` (partition:offset) or `3:1500,4:900`. @throws SyncError */
export function parsePosition(text: string): StartPosition {
  if (text === 'earliest' || text === 'now') return text
  if (/^\d+:\d+(,\d+:\d+)*$/.test(text)) {
    return { offsets: Object.fromEntries(text.split(',').map(part => part.split(':').map(Number) as [number, number])) }
  }
  const time = Date.parse(text)
  if (Number.isNaN(time)) {
    throw new SyncError(
      'rejected',
      'BAD_POSITION',
      `"${text}" is no position; give a time (2026-11-01T00:00:00Z), partition:offset (0:1500), earliest or now`,
    )
  }
  return { time }
}
