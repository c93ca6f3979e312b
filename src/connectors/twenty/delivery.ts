import { isFields } from '../../clients/twenty/metadata.ts'
import type { TwentyObject } from '../../clients/twenty/schema.ts'
import { instantOf, timeOf } from '../../clients/twenty/times.ts'
import { SyncError } from '../../errors.ts'
import type { Fields } from '../../event.ts'
import { parseJson } from '../../json.ts'
import { NO_CONTENT } from './canonical-record.ts'
import type { Action } from './events.ts'

/** What a delivery of Twenty's webhook says. */
export type WebhookDelivery =
  | { readonly about: 'metadata' }
  | {
      readonly about: 'record'
      readonly object: string
      /** As sent; `upserted` and whatever else may come are the caller's to drop. */
      readonly action: string
      readonly record: Fields & { readonly id: string }
      readonly time: string
      readonly updatedFields?: readonly string[]
      readonly extensions: Readonly<Record<string, string>>
    }

const ACTIONS: ReadonlySet<string> = new Set(['created', 'updated', 'deleted', 'restored', 'destroyed'])

export function isAction(action: string): action is Action {
  return ACTIONS.has(action)
}

/** @throws SyncError rejected with status 400 when the body is no delivery of Twenty. */
export function parseDelivery(body: Buffer): WebhookDelivery {
  const payload = parseJson(body)
  if (!isFields(payload)) throw malformed('it is not a JSON object')
  const name = payload.eventName
  if (typeof name !== 'string') throw malformed('it has no eventName')
  // Schema changes come over the same subscription, with `event` in place of `record`.
  if (name.startsWith('metadata.') || (payload.record === undefined && payload.event !== undefined)) {
    return { about: 'metadata' }
  }
  const { record } = payload
  if (!isFields(record) || typeof record.id !== 'string' || !/^[\w-]{1,64}$/.test(record.id))
    throw malformed('its record has no id')
  const dot = name.lastIndexOf('.')
  const action = name.slice(dot + 1)
  const metadata = isFields(payload.objectMetadata) ? payload.objectMetadata : {}
  const object = typeof metadata.nameSingular === 'string' ? metadata.nameSingular : name.slice(0, Math.max(0, dot))
  if (object === '' || !/^\w{1,64}$/.test(object)) throw malformed('it names no object')
  const time = timeOfDelivery(action, record, payload.eventDate)
  if (!time) throw malformed('its record has no updatedAt')
  return {
    about: 'record',
    object,
    action,
    record: record as Fields & { id: string },
    time,
    ...(Array.isArray(payload.updatedFields) && { updatedFields: payload.updatedFields.map(String) }),
    extensions: extensionsOf(payload),
  }
}

/** The record of `destroyed` is its last state, older than the act; the delivery alone knows when that was. */
function timeOfDelivery(action: string, record: Fields, eventDate: unknown): string | undefined {
  const own = timeOf(record)
  const sent = instantOf(eventDate)
  if (sent === undefined) return own
  const wanted = own === undefined || action === 'destroyed'
  return wanted ? new Date(Math.max(sent, instantOf(own) ?? sent)).toISOString() : own
}

function extensionsOf(payload: Fields): Record<string, string> {
  const found: Record<string, string> = {}
  for (const name of ['userId', 'workspaceMemberId', 'eventDate', 'webhookId']) {
    const value = payload[name]
    if (typeof value === 'string' && value !== '') found[name.toLowerCase()] = value
  }
  return found
}

/**
 * Names of the record's keys that changed, without those that are no content. A relation is listed as `company`,
 * `companyId` or both, depending on the version; the record has `companyId`.
 */
export function changedOf(
  updatedFields: readonly string[] | undefined,
  record: Fields,
  object: TwentyObject | undefined,
): string[] | undefined {
  if (!updatedFields) return undefined
  const names = updatedFields
    .filter(name => !NO_CONTENT.has(name))
    .map(
      name => object?.fields.get(name)?.joinColumn ?? (!(name in record) && `${name}Id` in record ? `${name}Id` : name),
    )
  return [...new Set(names)]
}

function malformed(why: string): SyncError {
  return new SyncError('rejected', 'NOT_A_TWENTY_DELIVERY', `the body is no delivery of a Twenty webhook: ${why}`, {
    status: 400,
  })
}
