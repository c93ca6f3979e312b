/**
 * The one shape of everything that flows.
 *
 * Words used throughout, in their usual meaning:
 *   event       something that happened to one record, immutable
 *   record      a row of an outside system: a person, a company, a submitted form
 *   topic       an ordered, durable sequence of events, one per connector and object; split in partitions
 *   partition   the unit of order and of ownership; all events of one key are in one partition
 *   key         what is kept in order: the record id, or what the connector's `key` says
 *   offset      the position of an event in its partition
 *   group       a consumer group: a flow's own committed offsets
 *   lag         how many events a group has not finished
 *   cursor      a poll's own position in the system that it reads
 *   replay      reading a range of a topic again
 *   dead letter an event that a flow gave up on, kept with the reason
 *   drain       finishing what was begun and taking nothing new
 */

/** A JSON object. */
export type Fields = Record<string, unknown>

/**
 * One event: CloudEvents 1.0 attributes plus `data`.
 * Order is promised per `source` and `key` only. Events are never changed after they were made.
 */
export interface ChangeEvent {
  /** The same upstream change has the same id by webhook, poll or re-read. */
  readonly id: string
  /** `<object>.<action>`: `person.updated`; `lead-form.received` of a connector without objects. */
  readonly type: string
  /** Name of the connector that took it in, as a URI reference: `/twenty`, `/lead-form`. */
  readonly source: string
  /** `<object>/<record id>`. */
  readonly subject: string
  /** RFC 3339 with milliseconds; stamped by the source alone, decides which of two changes is newer. */
  readonly time: string
  /** What is kept in order: record id, the connector's `key`, or the event id. CloudEvents `partitionkey`. */
  readonly key: string
  /** Names of the fields that changed; absent when unknown. */
  readonly changed?: readonly string[]
  /** Further CloudEvents extension attributes: lower-case letters and digits only, at most 20. */
  readonly extensions?: Readonly<Record<string, string>>
  /** The record after the change, or the body that came in. An absent field is unknown, null is cleared. */
  readonly data: Fields
  /** The JSON bytes of `data` as received. When present, the log stores these very bytes. */
  readonly raw?: Uint8Array
}

/** The object of a connector whose sender has no objects of its own: a web form, say. */
export const RECEIVED = 'received'

/**
 * `person.created`; and `lead-form.received` for what is of no object, because the connector then says what it is.
 * With the prefix before it, that is the name of its topic.
 */
export function typeOf(connector: string, object: string, action: string): string {
  return `${object === RECEIVED ? connector : object}.${action}`
}

/** `person` of `person/4444…`. Decides the topic. */
export function objectOf(event: { readonly subject: string }): string {
  const slash = event.subject.indexOf('/')
  return slash < 0 ? event.subject : event.subject.slice(0, slash)
}

/** `4444…` of `person/4444…`. */
export function recordIdOf(event: { readonly subject: string }): string {
  return event.subject.slice(event.subject.indexOf('/') + 1)
}

/** `created` of `person.created`. */
export function actionOf(event: { readonly type: string }): string {
  return event.type.slice(event.type.lastIndexOf('.') + 1)
}
