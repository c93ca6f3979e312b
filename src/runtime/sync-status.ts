import type { Engine } from '../engine.ts'
import type { Clock } from '../environment.ts'
import type { SyncContext } from '../sync/context.ts'
import type { GUARDED } from '../sync/guard.ts'
import type { ProgressStore } from '../sync/progress.ts'
import type { SyncRunner } from '../sync/sync-runner.ts'
import type { CompiledSync } from './assemble-syncs.ts'
import { iso, nameOf } from './link-report.ts'
import type { Supervisor } from './supervisor.ts'
import type { SyncReport } from './sync-reports.ts'

/** A sync that can be asked: of the daemon, or opened on the stored state. */
export interface OpenSync {
  readonly name: string
  readonly compiled: CompiledSync
  readonly context: SyncContext
  readonly store: SyncContext['store']
  readonly progress: Pick<ProgressStore, 'load'>
  /** Only in a daemon. */
  readonly supervisor?: Supervisor<SyncRunner>
}

/** Counting pairs reads every link: at most a hundredth of the time goes into it. */
const COUNT_EVERY_MS = 5000
const COUNT_SHARE = 100

/** Pairs of each sync, counted now and then. */
export class PairCounts {
  readonly #clock: Clock
  readonly #counts = new Map<string, { pairs: number; until: number }>()
  readonly #counting = new Map<string, Promise<number>>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  of(sync: OpenSync): Promise<number> {
    const known = this.#counts.get(sync.name)
    if (known && known.until > this.#clock.elapsed()) return Promise.resolve(known.pairs)
    let counting = this.#counting.get(sync.name)
    if (!counting) {
      counting = this.#count(sync).finally(() => this.#counting.delete(sync.name))
      this.#counting.set(sync.name, counting)
    }
    return counting
  }

  async #count({ name, store }: OpenSync): Promise<number> {
    const begun = this.#clock.elapsed()
    let pairs = 0
    for await (const { left, right, ended } of store.all()) if (left && right && !ended) pairs++
    const took = this.#clock.elapsed() - begun
    this.#counts.set(name, { pairs, until: begun + took + Math.max(COUNT_EVERY_MS, COUNT_SHARE * took) })
    return pairs
  }
}

/** How a sync stands: what the state knows, and what the daemon does about it. */
export async function syncReport(sync: OpenSync, engine: Engine, pairs: PairCounts): Promise<SyncReport> {
  const { compiled, store, supervisor } = sync
  const { config } = compiled
  const progress = await sync.progress.load()
  const conflicts: Record<string, number> = {}
  let questions = 0
  for await (const { kind, task } of store.conflicts()) {
    conflicts[kind] = (conflicts[kind] ?? 0) + 1
    if (task) questions++
  }
  const { matchedAt, reconciled } = progress
  const last = reconciled?.at ?? matchedAt
  const every = config.reconcileEveryMs
  return {
    name: config.name,
    left: nameOf(config, 'left'),
    right: nameOf(config, 'right'),
    matched: matchedAt !== undefined,
    walk: { left: walkOf(progress.left), right: walkOf(progress.right) },
    pairs: await pairs.of(sync),
    questions,
    conflicts,
    lag: await lagOf(compiled, engine),
    ...(reconciled && { reconciled: { at: iso(reconciled.at), report: reconciled.report } }),
    ...(last !== undefined && every !== undefined && { reconcileDueAt: iso(last + every) }),
    ...(supervisor ? liveOf(supervisor) : await storedOf(sync, engine)),
  }
}

type Doing = Pick<
  SyncReport,
  'state' | 'reason' | 'nextTryAt' | 'due' | 'failing' | 'guarded' | 'lastError' | 'unasked'
>

function liveOf({ status, runner }: Supervisor<SyncRunner>): Doing {
  const { due = 0, failing = 0, guarded = {}, lastError, questions } = runner.status
  return {
    state: status.state,
    ...(status.reason && { reason: status.reason }),
    ...(status.nextTryAt && { nextTryAt: iso(status.nextTryAt) }),
    due,
    failing,
    guarded,
    ...(questions && {
      unasked: { waiting: questions.waiting, failing: questions.failing, refused: questions.refused.length },
    }),
    ...(lastError && { lastError: { ...lastError, at: iso(lastError.at) } }),
  }
}

async function storedOf({ context, store }: OpenSync, { state }: Engine): Promise<Doing> {
  const [control] = await state.get([context.keys.control])
  const isPaused = (control?.value as { paused?: boolean } | undefined)?.paused
  let due = 0
  for await (const _ of store.due()) due++
  return { state: isPaused ? 'paused' : 'not running', due, failing: 0, guarded: {} }
}

async function lagOf({ topics, group }: CompiledSync, { log }: Engine): Promise<number | null> {
  const lags = await Promise.all([...new Set([topics.left, topics.right])].map(topic => log.lag(topic, group))).catch(
    () => undefined,
  )
  return lags ? lags.reduce((sum, lag) => sum + lag, 0) : null
}

function walkOf({ seen, total, done }: { seen: number; total?: number; done?: boolean }) {
  return { seen, ...(total !== undefined && { total }), done: done === true }
}

/** What waits at the guard, all kinds in full. */
export function waitingAtGuard(sync: OpenSync): Record<(typeof GUARDED)[number], number> {
  const { guarded = {} } = sync.supervisor?.runner.status ?? {}
  return { creates: guarded.creates ?? 0, updates: guarded.updates ?? 0, deletes: guarded.deletes ?? 0 }
}
