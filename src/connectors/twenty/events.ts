import type { ChangeEvent, Fields } from '../../event.ts'
import { type Change, eventId } from './event-id.ts'

export type Action = 'created' | 'updated' | 'deleted' | 'restored' | 'destroyed'

export interface EventParts {
  /** Name of the system, which is that of the connector. */
  readonly system: string
  readonly object: string
  readonly action: Action
  readonly record: Fields & { readonly id: string }
  /** Of the canonical record. */
  readonly hash: string
  /** RFC 3339, stamped by Twenty. */
  readonly time: string
  readonly changed?: readonly string[]
  readonly extensions?: Readonly<Record<string, string>>
}

export function eventOf({ system, object, action, record, hash, time, changed, extensions }: EventParts): ChangeEvent {
  // A search index of its own server says nothing about the record.
  const { searchVector: _, ...data } = record
  return {
    id: eventId(system, object, record.id, changeOf(action, record, hash)),
    type: `${object}.${action}`,
    source: `/${system}`,
    subject: `${object}/${record.id}`,
    time,
    key: record.id,
    ...(changed && { changed }),
    ...(extensions && { extensions }),
    data,
  }
}

function changeOf(action: Action, record: Fields, hash: string): Change {
  if (action === 'created' || action === 'destroyed') return { action }
  return { kind: record.deletedAt ? 'deleted' : 'present', updatedAtMs: instantOf(record.updatedAt) ?? 0, hash }
}

/** Milliseconds of a time as Twenty writes it; undefined for anything else. */
export function instantOf(value: unknown): number | undefined {
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN
  return Number.isNaN(ms) ? undefined : ms
}

/** When the record came to be as it is: its last change, or its way into the trash when that is later. */
export function timeOf(record: Fields): string | undefined {
  const updated = instantOf(record.updatedAt)
  const deleted = instantOf(record.deletedAt)
  const last = deleted === undefined ? updated : Math.max(deleted, updated ?? deleted)
  return last === undefined ? undefined : new Date(last).toISOString()
}
