import type { RestConfig } from '../../clients/rest/config.ts'
import { isFields, topLevel, valueAt } from '../../clients/rest/paths.ts'
import { idOf, type RestRecord, recordOf } from '../../clients/rest/record.ts'
import type { ResourceConfig } from '../../clients/rest/resource-config.ts'
import { instantOf } from '../../clients/rest/times.ts'
import type { ResourceWebhookConfig } from '../../clients/rest/webhook-config.ts'
import { SyncError } from '../../errors.ts'
import type { IncomingRequest } from '../connector.ts'

/** One change that a delivery tells of. */
export interface ToldChange {
  readonly object: string
  readonly resource: ResourceConfig
  readonly action: 'created' | 'updated' | 'deleted'
  readonly id: string
  /** Absent: the delivery only says which record it is about, or not since when it is so. */
  readonly record?: RestRecord
  readonly changed?: readonly string[]
  /** When it happened, by the API's clock. */
  readonly timeMs?: number
  readonly by?: string
}

/**
 * What a change of a delivery says; undefined where it is about no resource of the config.
 * @throws SyncError rejected `NOT_A_DELIVERY` with status 400 when it names no record.
 */
export function toldChange(
  change: unknown,
  body: unknown,
  config: RestConfig,
  request: IncomingRequest,
): ToldChange | undefined {
  const { kind: kindPath } = config.webhook ?? {}
  const told = kindPath === undefined ? undefined : (valueAt(change, kindPath) ?? valueAt(body, kindPath))
  const kind = typeof told === 'string' || typeof told === 'number' ? String(told) : undefined
  const about = resourceFor(kind, config, request)
  if (!about) return undefined
  const [object, resource, webhook] = about
  const id = idOf(valueAt(change, webhook.id))
  if (id === undefined) throw malformed(`it names no record at \`${webhook.id}\``)
  const record = webhook.record === undefined ? undefined : recordOf(valueAt(change, webhook.record), resource)
  const isWhole = record?.id === id && record.updatedAt !== 0
  const changed = webhook.changed === undefined ? undefined : namesIn(valueAt(change, webhook.changed), resource)
  const timeMs = webhook.time === undefined ? undefined : instantOf(valueAt(change, webhook.time))
  const by = webhook.by === undefined ? undefined : valueAt(change, webhook.by)
  return {
    object,
    resource,
    action: matches(kind, webhook.deleted) ? 'deleted' : matches(kind, webhook.created) ? 'created' : 'updated',
    id,
    ...(isWhole && { record }),
    ...(changed && { changed }),
    ...(timeMs !== undefined && { timeMs }),
    ...(typeof by === 'string' && by !== '' && { by }),
  }
}

/** The changes of a delivery. @throws SyncError rejected `NOT_A_DELIVERY`. */
export function changesIn(body: unknown, items: string | undefined): readonly unknown[] {
  if (items === undefined) return Array.isArray(body) ? body : [body]
  const list = valueAt(body, items)
  if (Array.isArray(list)) return list
  throw malformed(`there is no list at \`${items}\``)
}

function resourceFor(
  kind: string | undefined,
  { resources }: RestConfig,
  { query }: IncomingRequest,
): [string, ResourceConfig, ResourceWebhookConfig] | undefined {
  const told = Object.entries(resources).flatMap(([object, resource]) =>
    resource.webhook ? [[object, resource, resource.webhook] as [string, ResourceConfig, ResourceWebhookConfig]] : [],
  )
  const addressed = query.object === undefined ? told : told.filter(([object]) => object === query.object)
  const named = addressed.find(([, , webhook]) => matches(kind, webhook.events) || matches(kind, webhook.deleted))
  if (named) return named
  const [only, ...others] = addressed
  return only && others.length === 0 && only[2].events === undefined ? only : undefined
}

function matches(kind: string | undefined, patterns: readonly string[] | undefined): boolean {
  if (kind === undefined || !patterns) return false
  return patterns.some(pattern => (pattern.endsWith('*') ? kind.startsWith(pattern.slice(0, -1)) : kind === pattern))
}

/** Top-level names, without what is no content. undefined: it does not say. */
function namesIn(value: unknown, { id = 'id', updatedAt, ignore = [] }: ResourceConfig): string[] | undefined {
  const names = Array.isArray(value)
    ? value.filter(name => typeof name === 'string')
    : isFields(value)
      ? Object.keys(value)
      : undefined
  if (!names) return undefined
  const none = new Set([id, ...ignore, ...(updatedAt === undefined ? [] : [topLevel(updatedAt)])])
  return [...new Set(names.map(topLevel))].filter(name => !none.has(name))
}

function malformed(why: string): SyncError {
  return new SyncError('rejected', 'NOT_A_DELIVERY', `the body is no delivery as the config describes it: ${why}`, {
    status: 400,
  })
}
