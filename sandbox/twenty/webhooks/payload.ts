import type { Caller } from '../caller.ts'
import type { Change, ChangeBatch } from '../records/changes.ts'
import type { Webhook } from './registry.ts'

/** The one object that sends no events. */
const NO_EVENTS = new Set(['timelineActivity'])

/** Subscriptions that the event reaches. No other globs exist. */
export function recordSubscriptions(object: string, action: string, exactWorkflowRun: boolean): string[] {
  if (NO_EVENTS.has(object)) return []
  const exact = `${object}.${action}`
  if (exactWorkflowRun && exact === 'workflowRun.updated') return [exact]
  return [exact, `*.${action}`, `${object}.*`, '*.*']
}

export function metadataSubscriptions(metadataName: string, operation: string): string[] {
  return [
    `metadata.${metadataName}.${operation}`,
    `metadata.${metadataName}.*`,
    `metadata.*.${operation}`,
    'metadata.*.*',
    '*.*',
  ]
}

export function subscribed(webhook: Webhook, subscriptions: readonly string[]): boolean {
  return webhook.operations.some(operation => subscriptions.includes(operation))
}

/** The body of one delivery. The order of keys is that of the real server, and part of the signed bytes. */
export function recordPayload(
  webhook: Webhook,
  batch: ChangeBatch,
  change: Change,
  context: { workspaceId: string; eventDate: string; withSearchVector: boolean },
): Record<string, unknown> {
  const { object } = batch
  return {
    targetUrl: webhook.targetUrl,
    eventName: `${object.nameSingular}.${change.action}`,
    objectMetadata: { id: object.id, nameSingular: object.nameSingular },
    workspaceId: context.workspaceId,
    webhookId: webhook.id,
    eventDate: context.eventDate,
    ...userKeys(batch.caller),
    record: context.withSearchVector ? { ...change.record, searchVector: "'sandbox':1" } : change.record,
    ...(change.updatedFields ? { updatedFields: change.updatedFields } : {}),
  }
}

export interface MetadataEvent {
  readonly metadataName: string
  readonly operation: 'created' | 'updated' | 'deleted'
  readonly event: Readonly<Record<string, unknown>>
}

export function metadataPayload(
  webhook: Webhook,
  event: MetadataEvent,
  caller: Caller,
  context: { workspaceId: string; eventDate: string },
): Record<string, unknown> {
  return {
    targetUrl: webhook.targetUrl,
    eventName: `metadata.${event.metadataName}.${event.operation}`,
    workspaceId: context.workspaceId,
    webhookId: webhook.id,
    eventDate: context.eventDate,
    ...(caller.kind === 'user' ? { userId: caller.userId } : {}),
    ...(caller.kind === 'apiKey' ? { apiKeyId: caller.id } : {}),
    event: event.event,
  }
}

/** Only a person's change names its author. */
function userKeys(caller: Caller): Record<string, string> {
  return caller.kind === 'user' ? { userId: caller.userId, workspaceMemberId: caller.workspaceMemberId } : {}
}
