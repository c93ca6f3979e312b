import type { SyncConfig } from '../config/config.ts'
import { type IntendedWrite, SIDES } from './link.ts'
import type { LinkTransaction } from './link-transaction.ts'
import type { Due } from './plan.ts'
import type { SyncKeys } from './sync-keys.ts'

export type GuardedKind = 'creates' | 'updates' | 'deletes'

export const GUARDED: readonly GuardedKind[] = ['creates', 'updates', 'deletes']

const KIND_OF: Readonly<Record<IntendedWrite['op'], GuardedKind>> = {
  create: 'creates',
  update: 'updates',
  restore: 'creates',
  delete: 'deletes',
}

const WINDOW_MS = 3_600_000

/** What was written in the running hour, and how much more a person let pass. */
export interface GuardState {
  readonly since: number
  readonly used: Readonly<Record<GuardedKind, number>>
  readonly passed: Readonly<Record<GuardedKind, number>>
}

const NONE: Readonly<Record<GuardedKind, number>> = { creates: 0, updates: 0, deletes: 0 }

/** P7: writes beyond the limit of an hour wait until a person lets them pass. */
export class Guard {
  readonly #keys: SyncKeys
  readonly #limits: SyncConfig['guard']

  constructor(keys: SyncKeys, limits: SyncConfig['guard']) {
    this.#keys = keys
    this.#limits = limits
  }

  /** How it stands within the transaction; `take` then counts. */
  async open(transaction: LinkTransaction, now: number): Promise<OpenGuard> {
    const state = await this.#state(transaction, now)
    return new OpenGuard(state, this.#limits, changed => transaction.set(this.#keys.guard, changed))
  }

  /** How it stands: what is taken from this one counts nowhere else. */
  async preview(transaction: LinkTransaction, now: number): Promise<OpenGuard> {
    return new OpenGuard(await this.#state(transaction, now), this.#limits, () => {})
  }

  async #state(transaction: LinkTransaction, now: number): Promise<GuardState> {
    const stored = (await transaction.value(this.#keys.guard)) as GuardState | undefined
    if (stored && now - stored.since < WINDOW_MS) return stored
    return { since: now, used: NONE, passed: stored?.passed ?? NONE }
  }

  /** A person lets so many more pass. */
  async pass(transaction: LinkTransaction, kind: GuardedKind, count: number, now: number): Promise<void> {
    const guard = await this.open(transaction, now)
    guard.pass(kind, count)
  }
}

export class OpenGuard {
  #state: GuardState
  readonly #limits: SyncConfig['guard']
  readonly #save: (state: GuardState) => void

  constructor(state: GuardState, limits: SyncConfig['guard'], save: (state: GuardState) => void) {
    this.#state = state
    this.#limits = limits
    this.#save = save
  }

  /**
   * Counts writes that go together, all of them or none. What a person let pass is used up first: it is meant for what
   * waits now, and must not widen the limit of later hours.
   * @returns the kind that has to wait.
   */
  take(kinds: readonly GuardedKind[]): GuardedKind | undefined {
    const used = { ...this.#state.used }
    const passed = { ...this.#state.passed }
    for (const kind of kinds) {
      if (passed[kind] > 0) passed[kind]--
      else if (used[kind] < this.#limits[kind]) used[kind]++
      else return kind
    }
    if (kinds.length > 0) this.#change({ ...this.#state, used, passed })
    return undefined
  }

  /** It was not written after all. */
  giveBack(kind: GuardedKind): void {
    const { used, passed } = this.#state
    if (used[kind] > 0) this.#change({ ...this.#state, used: { ...used, [kind]: used[kind] - 1 } })
    else this.#change({ ...this.#state, passed: { ...passed, [kind]: passed[kind] + 1 } })
  }

  pass(kind: GuardedKind, count: number): void {
    const { passed } = this.#state
    this.#change({ ...this.#state, passed: { ...passed, [kind]: passed[kind] + count } })
  }

  #change(state: GuardState): void {
    this.#state = state
    this.#save(state)
  }
}

/** One per side that is written. What stamps the sync's own fields alone overwrites nothing of anybody. */
export function guardedKinds(due: Due): GuardedKind[] {
  return SIDES.flatMap(side => {
    const write = due[side]
    if (!write || (write.op === 'update' && Object.keys(write.values).length === 0)) return []
    return [KIND_OF[write.op]]
  })
}
