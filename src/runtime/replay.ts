import type { Expression } from '../config/definition.ts'
import type { Environment } from '../environment.ts'
import { asSyncError, SyncError } from '../errors.ts'
import { canonicalJson, shortHash } from '../identity.ts'
import type { EventLog, StartPosition } from '../log/event-log.ts'
import type { StateStore } from '../state/state-store.ts'
import type { CompiledFlow } from './compiled-flow.ts'
import type { DeadLetters } from './dead-letters.ts'
import { FlowKeys } from './flow-keys.ts'
import { type Ranges, rangesOf } from './replay-range.ts'
import { ReplayRun } from './replay-run.ts'
import type { TopicNames } from './topics.ts'
import type { WriteLedger } from './write-ledger.ts'

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
  /** Offsets in the range; some may have no event any more. */
  readonly total: number
  /** Offsets that are done with, by this run and by those that it goes on from. */
  readonly read: number
  /** Events that this run found in the range. */
  readonly found: number
  /** Those of them that the request meant. What follows counts these, in this run. */
  readonly matched: number
  readonly done: number
  readonly skipped: number
  /** Became dead letters; in a dry run, would have. */
  readonly dead: number
  /** Why the last of those that failed did. */
  readonly lastError?: { readonly code: string; readonly message: string }
  readonly perSecond: number
  readonly finished: boolean
  /** Dry run only, since the last report. */
  readonly plans: readonly PlannedWrite[]
}

interface ReplayRecord {
  readonly ranges: Ranges
  readonly startedAt: string
  /** All of it is done, and what is left is to clear away. */
  readonly finished?: boolean
}

export interface ReplayDependencies {
  readonly flow: CompiledFlow
  readonly log: EventLog
  readonly state: StateStore
  readonly env: Environment
  readonly deadLetters: DeadLetters
  readonly ledger: WriteLedger
  readonly names: TopicNames
  /** Groups of the replays that this process has under way, so that none is begun twice. */
  readonly underWay?: Set<string>
}

/**
 * Reads a range of the flow's topics again, in a group of its own, through the flow as it is configured now. The range
 * is fixed at the start, by offset in each partition; the same request after a kill goes on at the group's committed
 * offsets. @throws SyncError rejected `REPLAY_UNDER_WAY`; whatever stops the flow.
 */
export async function* replay(
  deps: ReplayDependencies,
  request: ReplayRequest,
  signal: AbortSignal,
): AsyncIterable<ReplayProgress> {
  const { where, perSecond: _rate, ...identity } = request
  const id = shortHash(canonicalJson({ ...identity, where: where?.source }))
  const group = deps.names.replayGroup(deps.flow.identity, id)
  if (deps.underWay?.has(group)) throw underWay(deps.flow.name)
  deps.underWay?.add(group)
  try {
    yield* resume(deps, request, { id, group }, signal)
  } finally {
    deps.underWay?.delete(group)
  }
}

async function* resume(
  deps: ReplayDependencies,
  request: ReplayRequest,
  { id, group }: { id: string; group: string },
  signal: AbortSignal,
): AsyncIterable<ReplayProgress> {
  const key = new FlowKeys(deps.flow.identity).replay(id)
  const stored = await recordAt(deps.state, key)
  const record = stored ?? (await begin(deps, request, group, key))
  const run = new ReplayRun(deps, request, { id, group, ranges: record.ranges, resumed: stored !== undefined })
  if (record.finished) yield run.over()
  else yield* run.run(signal)
  if (!run.finished) return
  // The mark goes before the offsets: a kill between the two must not make the range begin anew.
  await deps.state.commit([{ key, value: { ...record, finished: true } }])
  await forget(deps.log, record.ranges, group)
  await deps.state.commit([{ key }])
}

/** Fixes the range. Where another instance was given the same command at the same time, both have the range of one. */
async function begin(
  deps: ReplayDependencies,
  request: ReplayRequest,
  group: string,
  key: string,
): Promise<ReplayRecord> {
  const { log, state, env } = deps
  const ranges = await rangesOf(log, [...deps.flow.topics.keys()], request)
  try {
    // Offsets that an earlier replay of this name left behind are not this one's.
    for (const topic of Object.keys(ranges)) await log.resetGroup(topic, group)
  } catch (thrown) {
    const others = asSyncError(thrown).code === 'GROUP_IN_USE' ? await recordAt(state, key) : undefined
    if (!others) throw thrown
    return others
  }
  const record = { ranges, startedAt: new Date(env.clock.now()).toISOString() }
  const won = await state.commit([{ key, value: record, ifVersion: null }])
  return won ? record : ((await recordAt(state, key)) ?? record)
}

async function recordAt(state: StateStore, key: string): Promise<ReplayRecord | undefined> {
  const [entry] = await state.get([key])
  return entry?.value as ReplayRecord | undefined
}

async function forget(log: EventLog, ranges: Ranges, group: string): Promise<void> {
  for (const topic of Object.keys(ranges)) {
    await log.resetGroup(topic, group).catch(error => {
      // Another instance helped and has yet to see that all is done; it forgets the group then.
      if (asSyncError(error).code !== 'GROUP_IN_USE') throw error
    })
  }
}

function underWay(flow: string): SyncError {
  return new SyncError(
    'rejected',
    'REPLAY_UNDER_WAY',
    `this very replay of flow "${flow}" is under way, begun by another command; wait for it, or stop it there and give the command again`,
  )
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
