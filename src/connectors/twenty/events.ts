import { instantOf } from '../../clients/twenty/times.ts'
import type { ChangeEvent, Fields } from '../../event.ts'
import { type Change, eventId } from './event-id.ts'

export const ACTIONS = ['created', 'updated', 'deleted', 'restored', 'destroyed'] as const
export type Action = (typeof ACTIONS)[number]

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
  /** How it was learnt. A webhook's `changed` is what that very change touched; a poll's is what differs since it last looked. */
  readonly via: 'webhook' | 'poll'
  readonly extensions?: Readonly<Record<string, string>>
}

export function eventOf({
  system,
  object,
  action,
  record,
  hash,
  time,
  changed,
  via,
  extensions,
}: EventParts): ChangeEvent {
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
    extensions: { via, ...extensions },
    data,
  }
}

function changeOf(action: Action, record: Fields, hash: string): Change {
  if (action === 'created' || action === 'destroyed') return { action }
  return { kind: record.deletedAt ? 'deleted' : 'present', updatedAtMs: instantOf(record.updatedAt) ?? 0, hash }
}
