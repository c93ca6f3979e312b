import { derivedId } from '../../identity.ts'

/** A change of a record, as far as it decides the event's identity. */
export type Change =
  | { readonly action: 'created' | 'destroyed' }
  | { readonly kind: 'present' | 'deleted'; readonly updatedAtMs: number; readonly hash: string }

/**
 * The same change of the same record has the same id, by webhook, by poll, in every process. A record is created and
 * destroyed once, so these go by the action alone; anything else by when it was and what the record says then.
 */
export function eventId(system: string, object: string, recordId: string, change: Change): string {
  const parts = 'action' in change ? [change.action] : [change.kind, String(change.updatedAtMs), change.hash]
  return derivedId('twenty', system, object, recordId, ...parts)
}
