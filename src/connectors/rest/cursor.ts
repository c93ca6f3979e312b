import { isFields } from '../../clients/rest/paths.ts'

/** Where the polls of a system are; JSON, stored after each page. */
export interface PollCursor {
  readonly objects: Readonly<Record<string, ObjectCursor>>
}

export interface ObjectCursor {
  /** The API's time; what changed before it is known. Absent without `changedSince`. */
  readonly since?: string
  /** Our clock, milliseconds: when the resource was last walked whole. Absent until the first walk is complete. */
  readonly walkedAt?: number
  /** A walk over what changed that is under way. */
  readonly changes?: Walk
  /** A walk over everything that is under way. */
  readonly whole?: Walk
}

export interface Walk {
  /** Time at its start: the API's; ours where its records have no time. */
  readonly start: string
  /** Where its next page begins. */
  readonly next: unknown
}

/** Anything else than a cursor of ours begins anew. */
export function cursorFrom(value: unknown): PollCursor {
  return isFields(value) && isFields(value.objects) ? (value as unknown as PollCursor) : { objects: {} }
}

export function withObject(cursor: PollCursor, name: string, object: ObjectCursor): PollCursor {
  return { objects: { ...cursor.objects, [name]: object } }
}
