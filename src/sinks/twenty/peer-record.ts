import { isFields } from '../../clients/twenty/metadata.ts'
import type { Row } from '../../clients/twenty/records.ts'
import { timeOf } from '../../clients/twenty/times.ts'
import { actionOf, type ChangeEvent, type Fields, recordIdOf } from '../../event.ts'
import type { PeerChange, PeerRecord } from '../../sync/peer.ts'

/** Older than anything: of a row without `updatedAt`, which Twenty never sends. */
const NEVER = new Date(0).toISOString()

export function recordOf({ searchVector: _, ...data }: Row): PeerRecord {
  return { id: data.id, version: timeOf(data) ?? NEVER, deleted: Boolean(data.deletedAt), data }
}

export function changeOf(event: ChangeEvent): PeerChange {
  const action = actionOf(event)
  const data = { ...event.data, id: recordIdOf(event) }
  const record = recordOf(data)
  const by = authorOf(event, action)
  if (action === 'destroyed') {
    // The last state is older than the act.
    return { kind: 'destroyed', record: { ...record, version: event.time }, ...(by && { by }) }
  }
  const deleted = action === 'deleted' || record.deleted
  const isRestored = !deleted && event.changed?.includes('deletedAt')
  return {
    kind: deleted ? 'deleted' : 'present',
    record: { ...record, deleted },
    // Only the webhook names what that very change touched.
    ...(event.extensions?.via === 'webhook' && event.changed && { changed: event.changed }),
    ...(isRestored && { restored: true }),
    ...(by && { by }),
  }
}

/** A member's name, or that of an API key, workflow or app. */
function authorOf({ data, extensions }: ChangeEvent, action: string): string | undefined {
  const { updatedBy, createdBy } = data
  const actor = isFields(updatedBy) ? updatedBy : action === 'created' && isFields(createdBy) ? createdBy : undefined
  if (!actor || typeof actor.name !== 'string' || actor.name === '') return undefined
  // Not every version stamps who deletes, and nothing can be stamped on what is destroyed: the name may be an earlier author's.
  const isStamped = action !== 'deleted' && action !== 'destroyed'
  return isStamped || isSameMember(actor, extensions) ? actor.name : undefined
}

function isSameMember(actor: Fields, extensions: ChangeEvent['extensions']): boolean {
  return typeof actor.workspaceMemberId === 'string' && actor.workspaceMemberId === extensions?.workspacememberid
}
