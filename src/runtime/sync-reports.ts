import type { SideName } from '../config/config.ts'
import type { Fields } from '../event.ts'
import type { Conflict } from '../sync/conflict.ts'
import type { Decided, Decision } from '../sync/decisions.ts'
import type { GuardedKind } from '../sync/guard.ts'
import type { LinkState } from '../sync/link-state.ts'
import type { ReconcileReport } from '../sync/reconcile-report.ts'
import type { Suggestion } from '../sync/suggestions.ts'
import type { FlowState } from './supervisor.ts'

export type ConflictKind = Conflict['kind']

/** A record as people name it. */
export interface RecordName {
  readonly system: string
  readonly object: string
}

export interface SyncReport {
  readonly name: string
  readonly left: RecordName
  readonly right: RecordName
  readonly state: FlowState | 'not running'
  readonly reason?: { readonly code: string; readonly message: string }
  readonly nextTryAt?: string
  /** False while the first walk of both sides is under way. */
  readonly matched: boolean
  readonly walk: Readonly<Record<SideName, { readonly seen: number; readonly total?: number; readonly done: boolean }>>
  /** Records that have their counterpart. Counted now and then: of a large sync it may be some minutes old. */
  readonly pairs: number
  /** Pairs with something to write or to read. */
  readonly due: number
  /** Of these, those whose last try failed. */
  readonly failing: number
  /** Writes that wait for a person, because the hour's limit is used up. */
  readonly guarded: Readonly<Partial<Record<GuardedKind, number>>>
  /** Open tasks in Twenty. */
  readonly questions: number
  /** Questions that are in no task yet: no place is free, the last call failed, or the system refused the task. */
  readonly unasked?: { readonly waiting: number; readonly failing: number; readonly refused: number }
  readonly conflicts: Readonly<Partial<Record<ConflictKind, number>>>
  /** Events of either side that are not taken in; null while the log cannot be asked. */
  readonly lag: number | null
  readonly reconciled?: { readonly at: string; readonly report: Omit<ReconcileReport, 'samples'> }
  readonly reconcileDueAt?: string
  readonly lastError?: { readonly code: string; readonly message: string; readonly at: string }
}

export interface ListedConflict extends Conflict {
  readonly sync: string
  readonly leftName: RecordName
  readonly rightName: RecordName
  /** Where its task is, as an address. */
  readonly taskUrl?: string
}

export interface SideReport extends RecordName {
  readonly id: string
  /** By the side's own clock. */
  readonly version: string
  readonly confirmedAt?: string
  readonly deletedAt?: string
  readonly missing?: true
  /** False: left out by `where`. */
  readonly takesPart: boolean
  /** Mapped fields as the side has them. */
  readonly native: Fields
}

export interface SaidValue {
  readonly value: unknown
  readonly at: string
  readonly by?: string
}

export interface FieldReport {
  readonly name: string
  readonly left: { readonly path: string; readonly shown?: unknown }
  readonly right: { readonly path: string; readonly shown?: unknown }
  readonly direction: 'both' | 'to-left' | 'to-right'
  readonly policy: string
  /** What both sides should have. */
  readonly agreed?: SaidValue & { readonly from: SideName }
  readonly held?: {
    readonly kind: 'ask' | 'loop'
    readonly since: string
    readonly left: SaidValue
    readonly right: SaidValue
    /** What both sides had before. */
    readonly before?: Pick<SaidValue, 'value'> & Partial<SaidValue>
  }
  /** Why its value is as it is. */
  readonly why?: {
    readonly rule: string
    readonly from: SideName
    readonly at: string
    readonly decidedAt: string
    readonly by?: string
    readonly event?: string
    /** `topic/partition/offset`, while the log has it. */
    readonly place?: string
    readonly lost?: SaidValue & { readonly side: SideName }
  }
  readonly problem?: string
}

export interface LinkReport {
  readonly sync: string
  readonly id: string
  readonly state: LinkState
  readonly left?: SideReport
  readonly right?: SideReport
  readonly leftName: RecordName
  readonly rightName: RecordName
  readonly fields: readonly FieldReport[]
  readonly conflict?: Conflict
  readonly taskUrl?: string
  /** Of an ambiguous one: records without a counterpart that have the same key. */
  readonly sameKey?: readonly (RecordName & { readonly id: string; readonly native: Fields })[]
  /** Writes that were begun: what, until when nobody else may write. */
  readonly intent?: { readonly writes: readonly string[]; readonly until: string }
  readonly endedAt?: string
  readonly apart?: true
  readonly suggestions: readonly Suggestion[]
}

export interface ConflictQuery {
  readonly sync?: string
  readonly kind?: ConflictKind
}

export interface LinkListQuery {
  readonly sync?: string
  /** Id of a record on either side, or a beginning: also those that ended. */
  readonly record?: string
  readonly state?: LinkState
  /** Also those that ended, although no `state` asks for them. */
  readonly all?: boolean
  readonly limit?: number
}

/** A pair in short. A side without a record has no `id`. */
export interface ListedLink {
  readonly sync: string
  readonly id: string
  readonly state: LinkState
  readonly left: RecordName & { readonly id?: string }
  readonly right: RecordName & { readonly id?: string }
}

/** `id`: of the pair or of a record on either side, or a beginning. With `system` and `object`, of a record there. */
export interface LinkQuery {
  readonly id: string
  readonly sync?: string
  readonly system?: string
  readonly object?: string
}

export interface ResolveQuery {
  readonly id: string
  readonly sync?: string
  /** `side` may be `left`, `right`, or the name of a system. */
  /** Who decided, for `why`. */
  readonly by?: string
  readonly decision: Exclude<Decision, { kind: 'take' }> | { kind: 'take'; side: string; fields?: readonly string[] }
}

export interface ResolvedConflict extends Decided {
  readonly sync: string
  /** False: nothing runs that could act on it now. */
  readonly acting: boolean
}

export interface PassQuery {
  readonly sync: string
  /** So many more. Without any: what waits now. */
  readonly creates?: number
  readonly updates?: number
  readonly deletes?: number
}

export type Passed = Readonly<Record<GuardedKind, number>>

export interface ReconcileQuery {
  readonly sync: string
  readonly dryRun?: boolean
  readonly apply?: boolean
}

export type ReconcileProgress =
  | { readonly side: SideName; readonly name: RecordName; readonly seen: number; readonly total?: number }
  /** The last one. */
  | { readonly report: ReconcileReport; readonly leftName: RecordName; readonly rightName: RecordName }

export interface RecordQuery {
  readonly system: string
  readonly object: string
  readonly id: string
}

export interface WhyReport extends RecordName {
  readonly id: string
  /** Which fields a flow wrote is only remembered where something here reads the system's changes. */
  readonly writesKept: boolean
  readonly syncs: readonly LinkReport[]
  /** Writes of flows to the record, newest last. */
  readonly flows: readonly {
    readonly flow: string
    /** Absent where the ledger tells of it. */
    readonly step?: string
    readonly operation: string
    readonly event: string
    readonly place?: string
    /** Subject of the event: the record because of which it was done. */
    readonly about?: string
    readonly fields: readonly string[]
    readonly version?: string
    readonly at?: string
  }[]
  /** What flows did because of the record's events, as long as both are remembered; newest last, 100 at most. */
  readonly effects: readonly {
    readonly flow: string
    readonly step: string
    readonly system: string
    readonly operation: string
    readonly event: string
    /** Of the event. */
    readonly type: string
    readonly place: string
    readonly at?: string
    /** What the system's answer named; many answers name nothing. */
    readonly wrote?: { readonly object: string; readonly id: string }
    readonly skipped?: string
    /** Begun, and its outcome is not known. */
    readonly open?: true
  }[]
}

export type Verdict =
  | 'in step'
  | 'never arrived'
  | 'not used'
  | 'filtered'
  | 'stale'
  | 'echo'
  | 'held'
  | 'conflict'
  | 'guard'
  | 'parked'
  | 'dead letter'
  | 'waiting'
  | 'failing'
  | 'not running'
  | 'no counterpart'
  | 'deleted'
  | 'unlinked'
  | 'done'

export interface Finding {
  /** The flow or sync that it is about; absent: about the record as a whole. */
  readonly flow?: string
  readonly sync?: string
  readonly verdict: Verdict
  readonly says: string
  /** What to do next; a command where there is one. */
  readonly next?: string
}

export interface WhyNotReport extends RecordName {
  readonly id: string
  /** Of this record, as far as the log still has them; newest last. */
  readonly events: number
  readonly lastEvent?: { readonly id: string; readonly type: string; readonly time: string; readonly place: string }
  readonly findings: readonly Finding[]
}

/** What a person or another machine can ask and decide about syncs. */
export interface SyncOperations {
  /** Oldest first. */
  listConflicts(query: ConflictQuery): Promise<ListedConflict[]>
  /** In no order. */
  listLinks(query: LinkListQuery, signal: AbortSignal): AsyncIterable<ListedLink>
  showLink(query: LinkQuery): Promise<LinkReport>
  resolveConflict(query: ResolveQuery): Promise<ResolvedConflict>
  /** Lets writes beyond the limit of the hour pass. @returns how many more may. */
  passGuard(query: PassQuery): Promise<Passed>
  /** Compares both sides completely; the last item is the report. Without a daemon it only compares. */
  reconcile(query: ReconcileQuery, signal: AbortSignal): AsyncIterable<ReconcileProgress>
  why(query: RecordQuery): Promise<WhyReport>
  whyNot(query: RecordQuery): Promise<WhyNotReport>
}
