import type { SideName } from '../config/config.ts'
import type { StateStore } from '../state/state-store.ts'
import type { ReconcileReport } from './reconcile-report.ts'
import type { SyncKeys } from './sync-keys.ts'

/** How far the first walk of both sides came. */
export interface Progress {
  readonly left: WalkProgress
  readonly right: WalkProgress
  /** When both were walked and their records matched. */
  readonly matchedAt?: number
  /** The last complete comparison, samples left out. */
  readonly reconciled?: { readonly at: number; readonly report: Omit<ReconcileReport, 'samples'> }
}

export interface WalkProgress {
  readonly cursor?: unknown
  readonly seen: number
  readonly total?: number
  readonly done?: boolean
}

const NONE: Progress = { left: { seen: 0 }, right: { seen: 0 } }

export class ProgressStore {
  readonly #state: StateStore
  readonly #key: string
  #current: Progress = NONE

  constructor(state: StateStore, keys: SyncKeys) {
    this.#state = state
    this.#key = keys.progress
  }

  get current(): Progress {
    return this.#current
  }

  async load(): Promise<Progress> {
    const [entry] = await this.#state.get([this.#key])
    this.#current = (entry?.value as Progress | undefined) ?? NONE
    return this.#current
  }

  async walked(side: SideName, walk: WalkProgress): Promise<void> {
    await this.#save({ ...this.#current, [side]: walk })
  }

  async matched(at: number): Promise<void> {
    await this.#save({ ...this.#current, matchedAt: at })
  }

  async reconciled(at: number, { samples: _, ...report }: ReconcileReport): Promise<void> {
    await this.#save({ ...this.#current, reconciled: { at, report } })
  }

  /** Both sides are walked at once: what one of them saves next has to have what the other one is about to save. */
  async #save(next: Progress): Promise<void> {
    this.#current = next
    await this.#state.commit([{ key: this.#key, value: next }])
  }
}
