import type { Clock } from '../environment.ts'
import { SyncError } from '../errors.ts'
import type { Entry, StateStore, Write } from '../state/state-store.ts'
import type { FlowKeys } from './flow-keys.ts'
import type { Run } from './run.ts'
import type { ActionStep } from './step.ts'

/** A day's count is of no use when the day is over everywhere. */
const KEEP_DAY_MS = 3 * 86_400_000

/** How often a step may act. */
export interface CapLimits {
  readonly perRecord?: number
  /** By UTC, when it is done. */
  readonly perDay?: number
}

interface Count {
  readonly key: string
  readonly most: number
  readonly what: string
  readonly ttlMs?: number
}

/** P7: how often capped steps acted, counted in the commit that holds the intent. */
export class Caps {
  readonly #keys: FlowKeys
  readonly #state: StateStore
  readonly #clock: Clock
  readonly #turns = new Map<string, Promise<unknown>>()

  constructor(options: { keys: FlowKeys; state: StateStore; clock: Clock }) {
    this.#keys = options.keys
    this.#state = options.state
    this.#clock = options.clock
  }

  /** One event after the other: side by side they would only make each other count again. */
  inTurn<T>(step: ActionStep, work: () => Promise<T>): Promise<T> {
    if (!step.caps) return work()
    const before = this.#turns.get(step.id) ?? Promise.resolve()
    const done = before.then(work, work)
    const settled = done.catch(() => {})
    this.#turns.set(step.id, settled)
    return done
  }

  /**
   * The counts with this effect in them. None where a person sent the event back, which is the approval, and none where an
   * earlier try was counted. @throws SyncError rejected `CAP_REACHED`.
   */
  async counted(run: Run, step: ActionStep, isCounted: boolean): Promise<Write[]> {
    if (!step.caps || run.mode === 'redrive' || isCounted) return []
    const counts = this.#countsOf(run, step.id, step.caps)
    const entries = await this.#state.get(counts.map(({ key }) => key))
    return counts.map(({ key, most, what, ttlMs }, at) => {
      const before = countIn(entries[at])
      if (before >= most) throw reached(step.id, what, most)
      return { key, value: before + 1, ifVersion: entries[at]?.version ?? null, ...(ttlMs && { ttlMs }) }
    })
  }

  /** The counts without an effect that surely did not happen. */
  async withdrawn(keys: readonly string[]): Promise<Write[]> {
    const entries = keys.length > 0 ? await this.#state.get(keys) : []
    return keys.flatMap((key, at) => {
      const entry = entries[at]
      if (!entry) return []
      const ttlMs = key.startsWith(this.#keys.capOfDays) ? KEEP_DAY_MS : undefined
      return [{ key, value: Math.max(0, countIn(entry) - 1), ifVersion: entry.version, ...(ttlMs && { ttlMs }) }]
    })
  }

  #countsOf({ event }: Run, step: string, { perRecord, perDay }: CapLimits): Count[] {
    const day = new Date(this.#clock.now()).toISOString().slice(0, 10)
    const counts: Count[] = []
    if (perRecord !== undefined) {
      const key = this.#keys.capOfRecord(step, `${event.source}\n${event.key}`)
      counts.push({ key, most: perRecord, what: `of record ${event.key}` })
    }
    if (perDay !== undefined) {
      counts.push({ key: this.#keys.capOfDay(step, day), most: perDay, what: `of ${day}`, ttlMs: KEEP_DAY_MS })
    }
    return counts
  }
}

function countIn(entry: Entry | undefined): number {
  return (entry?.value as number | undefined) ?? 0
}

function reached(step: string, what: string, most: number): SyncError {
  const message =
    `step "${step}" has acted ${most} ${most === 1 ? 'time' : 'times'} ${what}, which is its cap: held for a person. ` +
    'Redrive to approve this one, or discard'
  return new SyncError('rejected', 'CAP_REACHED', message)
}
