import type { Clock } from '../environment.ts'
import type { StateStore, Write } from '../state/state-store.ts'
import { eachSummary } from './each-progress.ts'
import type { FlowKeys } from './flow-keys.ts'
import type { Run, RunRecord, StepRecord } from './run.ts'

/** Writes of one commit. More would hold up everybody else who uses the state. */
const MOST_WRITES = 200

/** A commit that waits for the one before it. */
export interface WaitingCommit {
  readonly writes: readonly Write[]
  readonly status: RunRecord['status']
  readonly skip: string | undefined
  resolve(held: boolean): void
  reject(error: unknown): void
}

/** Commits of runs: each takes the run's own record along, under the version that was read. */
export class RunCommits {
  readonly #keys: FlowKeys
  readonly #state: StateStore
  readonly #clock: Clock
  readonly #rememberMs: number

  constructor(options: { keys: FlowKeys; state: StateStore; clock: Clock; rememberMs: number }) {
    this.#keys = options.keys
    this.#state = options.state
    this.#clock = options.clock
    this.#rememberMs = options.rememberMs
  }

  /**
   * Items of an `each` run side by side, and all write the one record: those that wait for a commit under way go together
   * in the next. False: this one's `ifVersion` did not hold.
   */
  commit(run: Run, writes: readonly Write[], status: RunRecord['status'] = 'running', skip?: string): Promise<boolean> {
    if (run.committing)
      return new Promise((resolve, reject) => {
        run.waiting.push({ writes, status, skip, resolve, reject })
      })
    run.committing = true
    return this.#write(run, writes, status, skip).finally(() => this.#next(run))
  }

  #next(run: Run): void {
    const group = takeGroup(run.waiting)
    run.committing = group.length > 0
    if (run.committing) this.#together(run, group).finally(() => this.#next(run))
  }

  async #together(run: Run, group: readonly WaitingCommit[]): Promise<void> {
    const [first] = group
    const writes = group.flatMap(waiting => waiting.writes)
    try {
      const held = await this.#write(run, writes, first!.status, first!.skip)
      if (!held && group.length > 1) return await this.#apart(run, group)
      for (const waiting of group) waiting.resolve(held)
    } catch (error) {
      for (const waiting of group) waiting.reject(error)
    }
  }

  /** Somebody's race was lost: each learns alone whether it was its own. */
  async #apart(run: Run, group: readonly WaitingCommit[]): Promise<void> {
    for (const { writes, status, skip, resolve, reject } of group)
      await this.#write(run, writes, status, skip).then(resolve, reject)
  }

  async #write(
    run: Run,
    writes: readonly Write[],
    status: RunRecord['status'],
    skip: string | undefined,
  ): Promise<boolean> {
    // P3: what the record says of an effect and what the effect's own key says are never apart.
    const waiting = [...run.unsaved]
    const own = run.mode === 'replay' ? [] : [this.#runWrite(run, status, skip)]
    const all = [...own, ...waiting, ...writes]
    if (all.length === 0) return true
    const wasDirty = run.dirty
    // What changes from here on is not in it.
    run.dirty = false
    const versions = await this.#state.commit(all).catch(error => {
      run.dirty ||= wasDirty
      throw error
    })
    if (!versions) run.dirty ||= wasDirty
    else {
      if (run.mode !== 'replay') run.version = versions[0]
      for (const write of waiting) run.unsaved.delete(write)
    }
    return versions !== false
  }

  #runWrite(run: Run, status: RunRecord['status'], skip: string | undefined): Write {
    const steps: Record<string, StepRecord> = {}
    for (const [key, record] of run.steps) steps[key] = status === 'done' ? summary(record) : record
    for (const [key, loop] of run.loops) {
      const each = loop.record()
      if (each) steps[key] = { each }
    }
    const value: RunRecord = {
      status,
      at: new Date(this.#clock.now()).toISOString(),
      steps,
      ...(run.claims.size > 0 && status === 'running' && { claims: [...run.claims.keys()] }),
      ...(skip && { skip }),
    }
    return { key: this.#keys.run(run.id), value, ifVersion: run.version ?? null, ttlMs: this.#rememberMs }
  }
}

/** The first ones that can share a commit: no two may write one key, and what ends the run goes alone. */
function takeGroup(waiting: WaitingCommit[]): WaitingCommit[] {
  const keys = new Set<string>()
  let count = 0
  for (const { writes, status } of waiting) {
    if (count > 0 && (status !== 'running' || keys.size + writes.length > MOST_WRITES)) break
    if (writes.some(({ key }) => keys.has(key))) break
    for (const { key } of writes) keys.add(key)
    count++
    if (status !== 'running') break
  }
  return waiting.splice(0, count)
}

/** What stays of a step for long: the reference and the reason, not what the answer said. */
export function summary(record: StepRecord): StepRecord {
  const { ref, skipped, each } = record
  return { ...(ref && { ref }), ...(skipped && { skipped }), ...(each && { each: eachSummary(each) }) }
}
