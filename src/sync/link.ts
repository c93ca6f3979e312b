import type { SideName } from '../config/config.ts'
import type { Fields } from '../event.ts'

/**
 * What is known of one pair of records, as one state row. The row is the lock: whoever writes to a side has first
 * committed an intent to it. Values of fields are canonical: comparable whichever side they come from. Times are
 * milliseconds by our clock: a side's own time, corrected by how far its clock is ahead.
 */
export interface Link {
  readonly id: string
  left?: Side
  right?: Side
  readonly fields: Record<string, Field>
  /** A write that was begun. Until it is closed nobody else writes to either side. */
  intent?: Intent
  /** Why nothing is written although something may be due. */
  hold?: Hold
  /** The pair is no more; the row stays as a tombstone, so that nothing late brings a record back. */
  ended?: { readonly at: number; readonly why: 'deleted' | 'unlinked' }
  /** A person said that it has no counterpart yet: it is not matched by key. */
  apart?: boolean
  /** What a person decided about a deletion on one side: the other record goes too, or the deleted one comes back. */
  decided?: { readonly kind: 'delete' | 'restore'; readonly at: number }
  /** Counts agreements; what was stamped on the sides is the number at that time. */
  agreement: number
  /** State and agreement as last written to the sides' own fields for them. */
  stamped?: { left?: string; right?: string }
  /** Records made on a side so far: a new one gets a new id. */
  made?: { left?: number; right?: number }
  /** The open question in Twenty about this pair. */
  task?: { readonly id: string; readonly openedAt: number }
}

export interface Side {
  id: string
  version: string
  /** Native values of the mapped top-level fields, as last seen. */
  native: Fields
  /** Match keys, normalised. */
  keys: string[]
  /** False: the sync's `where` leaves the record out. */
  takesPart: boolean
  /** Why `where` cannot be judged for it. */
  problem?: string
  /** When the side itself last told or confirmed this state, by our clock. */
  confirmedAt: number
  /** Believed: a delete event, or missing in a complete pull. */
  deleted?: { readonly version: string; readonly at: number; readonly proof: 'event' | 'pull' | 'ours' }
  /** Not found when it was asked for; no proof of a deletion. */
  missing?: boolean
  /** A write of ours brought it back out of the trash without meaning to: it goes there again. */
  undeleted?: boolean
  /** What was told leaves open how the record is: read it before anything else. */
  unclear?: boolean
  /** When that arose, by our clock: what was asked for before does not answer it. */
  unclearSince?: number
  /** Writes of ours, newest last. */
  wrote: OwnWrite[]
}

/** An edit with a version between `before` and `version` was overwritten by this write before anybody saw it. */
export interface OwnWrite {
  readonly before: string
  readonly version: string
  /** What each written field showed before, and what it was given. */
  readonly replaced: Readonly<Record<string, unknown>>
  readonly given: Readonly<Record<string, unknown>>
  /** It was to bring the record back out of the trash. */
  readonly restores?: boolean
  /** The answer is not the state right after it: `version` is the one that was read later, and may be somebody's edit. */
  readonly inexact?: boolean
}

export interface Field {
  /** Value that both sides should have; absent: nothing was agreed yet. */
  agreed?: Agreed
  left: FieldSide
  right: FieldSide
  /** Contested or oscillating: neither side is written until somebody decides. */
  held?: Held
  /** Why it is as it is. */
  why?: Why
  /** Latest agreements, for the loop breaker. */
  recent?: { readonly hash: string; readonly at: number; readonly from: SideName; readonly reaction: boolean }[]
}

export interface Agreed {
  readonly value: unknown
  /** When its side first showed it. */
  readonly at: number
  readonly from: SideName
  readonly by?: string
}

export interface FieldSide {
  /** As the side shows it; absent: never seen. */
  shown?: unknown
  /** The side's own form of the agreed value, where it rewrites what it is given. */
  accepted?: { readonly value: unknown }
  /** A change that somebody made on this side and that is not merged yet. */
  said?: Statement
  /** The side's value has no counterpart on the other side. */
  problem?: string
}

export interface Statement {
  readonly value: unknown
  readonly at: number
  readonly version: string
  /** Made without knowledge of the agreed value: the two contend. */
  readonly unaware: boolean
  /** What its side showed before: what it added to a list, and what it took away. */
  readonly base?: unknown
  readonly event?: string
  readonly by?: string
}

export interface Held {
  readonly kind: 'ask' | 'loop'
  /** When the question arose, by our clock. A later edit on either side answers an `ask`. */
  readonly since: number
  readonly left: Candidate
  readonly right: Candidate
  /** What both sides had before the two changes, and since when where that is known; absent: nothing, or a `loop`. */
  readonly before?: Pick<Candidate, 'value'> & Partial<Candidate>
}

export interface Candidate {
  readonly value: unknown
  readonly at: number
  readonly by?: string
}

/** Where a field's value came from. */
export interface Why {
  readonly from: SideName
  readonly at: number
  /** The rule that decided. */
  readonly rule: string
  readonly event?: string
  readonly by?: string
  readonly lost?: Candidate & { readonly side: SideName }
  /** When it was decided. */
  readonly decidedAt: number
}

export interface Intent {
  readonly owner: string
  /** By our clock; afterwards others may look what became of it. */
  readonly until: number
  readonly left?: IntendedWrite
  readonly right?: IntendedWrite
}

export interface IntendedWrite {
  readonly op: 'create' | 'update' | 'restore' | 'delete'
  /** For a create, the id that we proposed. */
  readonly id: string
  /** Canonical values. */
  readonly values: Readonly<Record<string, unknown>>
  /** Number of the agreement that it carries. */
  readonly agreement: number
  /** State that it writes to the side's own field for it. */
  readonly stamp?: string
  /** The call ended without an answer. */
  readonly open?: boolean
}

export type Hold =
  /** One side's record was deleted and the config, or an edit on the other side, leaves it to a person. */
  | { readonly kind: 'delete'; readonly side: SideName; readonly since: number; readonly reason: string }
  /** Several records share a match key, or the one that has it is in the trash. */
  | { readonly kind: 'ambiguous'; readonly key: string; readonly since: number; readonly deleted?: boolean }
  /** A side refused the write. */
  | {
      readonly kind: 'rejected'
      readonly side: SideName
      readonly code: string
      readonly message: string
      readonly since: number
      /** Agreement that was refused: a new one is tried. */
      readonly agreement: number
    }
  /** A side did not find its record; a delete event or a complete pull will tell. */
  | { readonly kind: 'missing'; readonly side: SideName; readonly since: number }
  /** Whether a record was created cannot be known. */
  | { readonly kind: 'unknown'; readonly side: SideName; readonly since: number }

export const SIDES: readonly SideName[] = ['left', 'right']

export function other(side: SideName): SideName {
  return side === 'left' ? 'right' : 'left'
}

export function isAlive(side: Side | undefined): side is Side {
  return side !== undefined && side.deleted === undefined && !side.missing
}

/** A side has to be read before anything is decided about the pair. */
export function isUnclear(link: Link): boolean {
  return SIDES.some(side => link[side]?.unclear === true)
}

/** Everything about it but when it was last confirmed. */
export function fingerprint(link: Link): string {
  return JSON.stringify(link).replaceAll(/"confirmedAt":\d+/g, '')
}
