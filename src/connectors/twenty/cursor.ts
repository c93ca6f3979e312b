import { isFields } from '../../clients/twenty/metadata.ts'

/** Where the polls of a workspace are; JSON, stored after each page. */
export interface PollCursor {
  readonly objects: Readonly<Record<string, ObjectCursor>>
  /** Our clock, milliseconds: when the ids were last walked whole. */
  readonly idsWalkedAt?: number
}

export interface ObjectCursor {
  /** Server time; what was touched before it is known. Absent until the first walk is complete. */
  readonly since?: string
  /** Server time at the start of the first walk: what was created before it is not new. */
  readonly knownFrom?: string
  /** A walk under way. */
  readonly walk?: {
    /** Server time at its start. */
    readonly start: string
    /** Twenty's cursor behind the last page that was done. */
    readonly after: string
  }
}

/** Anything else than a cursor of ours begins anew. */
export function cursorFrom(value: unknown): PollCursor {
  if (!isFields(value) || !isFields(value.objects)) return { objects: {} }
  return value as unknown as PollCursor
}

export function withObject(cursor: PollCursor, name: string, object: ObjectCursor): PollCursor {
  return { ...cursor, objects: { ...cursor.objects, [name]: object } }
}
