import type { SyncError } from '../errors.ts'
import type { ChangeEvent, Fields } from '../event.ts'

/** A record as one side shows it. */
export interface PeerRecord {
  readonly id: string
  /**
   * `updatedAt` by the side's own clock, RFC 3339 with milliseconds. Later states of a record never have an earlier one;
   * equal ones may differ where the side's timestamps are coarse.
   */
  readonly version: string
  /** In the trash. A side without one has no deleted records. */
  readonly deleted: boolean
  /** Native values. An absent field is unknown, null is empty. */
  readonly data: Fields
}

/** What an event of the side's topic says about a record. */
export interface PeerChange {
  readonly kind: 'present' | 'deleted' | 'destroyed'
  /** For `destroyed`, the last state, or as much of it as is known. */
  readonly record: PeerRecord
  /** Names of the fields which that very change touched. Absent where a poll compared states: it cannot tell. */
  readonly changed?: readonly string[]
  /**
   * The event names the record and no more: neither its state nor `record.version` is told, so read it before judging.
   * Absent for `destroyed`.
   */
  readonly incomplete?: true
  /** This very change brought the record back out of the trash. */
  readonly restored?: true
  /** Who did it, for people: a member's name, an integration. */
  readonly by?: string
}

export interface PeerPage {
  readonly records: readonly PeerRecord[]
  /** Where the next page begins; JSON. Absent on the last one. */
  readonly next?: unknown
  readonly total?: number
}

export interface PeerOptions {
  /** No call starts once it is aborted, not even one that has waited for its turn. */
  readonly signal: AbortSignal
  /** `live` goes before `replay` in the side's limiter. */
  readonly priority: 'live' | 'replay'
}

export type PeerWrite =
  | {
      readonly op: 'create'
      /** UUID v5 of the effect: the record's id where the side lets us choose it, the idempotency key where it honours one. */
      readonly id: string
      readonly values: Fields
    }
  | {
      readonly op: 'update' | 'restore'
      readonly id: string
      /** Native values by path, `name.firstName` included; only what changes. */
      readonly values: Fields
      /** Native values of the touched top-level fields as last seen, to complete composites from. */
      readonly current: Fields
      /** Version that the caller's decision is based on. A side that can refuses the write when it is another one now. */
      readonly version: string
    }
  | { readonly op: 'delete'; readonly id: string; readonly version: string }

export type PeerOutcome =
  /** `record` is the state right after this write, `exact` unless it was read in a second call and may hold later edits. */
  | { readonly status: 'written'; readonly record: PeerRecord; readonly exact: boolean }
  | { readonly status: 'deleted'; readonly version?: string }
  /** Not written: the record has another version than the caller thought. */
  | { readonly status: 'changed'; readonly record: PeerRecord }
  /** Not written: there is no such record (any more). */
  | { readonly status: 'gone' }
  /** Not written: a unique value is taken. `record`: by this one, where the side tells. */
  | { readonly status: 'taken'; readonly record?: PeerRecord }
  /** `outcomeUnknown` on the error says whether it may have been written. */
  | { readonly status: 'failed'; readonly error: SyncError }

/**
 * One object of one system, as a sync sees it. Made by the system's definition; holds no state of its own.
 * Methods throw SyncError for what concerns the call as a whole; retryable ones are tried again by the caller.
 */
export interface Peer {
  readonly system: string
  readonly object: string
  /** The id of a record that we create is ours to choose. */
  readonly choosesId: boolean
  /** A write names the version that it is based on, and the side refuses it when there is a newer one. */
  readonly conditional: boolean
  /** A deleted record can be brought back under its id. */
  readonly restores: boolean
  /** Two changes closer than this may have equal versions. */
  readonly granularityMs: number
  /** Most records of one call. */
  readonly batch: { readonly read: number; readonly write: number; readonly delete: number }
  /** How far the side's clock is ahead of ours, from Date headers; 0 while unknown. */
  clockOffsetMs(): number
  /** One page of all records; deleted ones left out. A walk sees every record that existed all the while. */
  list(cursor: unknown, options: PeerOptions): Promise<PeerPage>
  /** Same order; undefined: there is none, not even a deleted one that the side can show. At most `batch.read` ids. */
  get(ids: readonly string[], options: PeerOptions): Promise<(PeerRecord | undefined)[]>
  /**
   * Records whose value at the path is one of these, deleted ones included where the side can show them. However many
   * values: the side makes as few calls of them as it can, and one that cannot search reads its list once for all.
   */
  find(path: string, values: readonly unknown[], options: PeerOptions): Promise<PeerRecord[]>
  /** One outcome per write, same order. At most `batch.write` writes (`batch.delete` of deletes), of one `op`, no record twice. */
  write(writes: readonly PeerWrite[], options: PeerOptions): Promise<PeerOutcome[]>
  changeOf(event: ChangeEvent): PeerChange
  /** A native value as the side keeps it, so that equal means equal; '' , null and empty are null. The path may be unknown. */
  normalise(path: string, value: unknown): unknown
  /** Reports unknown fields and wrong types, with a suggestion. */
  verify(
    uses: readonly {
      readonly path: string
      readonly writes: boolean
      problem(message: string, suggestion?: string): void
    }[],
    options: PeerOptions,
  ): Promise<void>
}
