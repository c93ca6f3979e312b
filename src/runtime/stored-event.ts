import { decodeEvent, encodeEvent } from '../cloudevents.ts'
import type { LoggedEvent } from '../log/event-log.ts'

/** An event that waits in the state, its topic and partition apart: those are in the key. */
export interface StoredEvent {
  readonly offset: number
  readonly appendedAt: number
  readonly key: string
  readonly headers: Readonly<Record<string, string>>
  readonly value: string
}

export function stored({ offset, appendedAt, event }: LoggedEvent): StoredEvent {
  const { key, value, headers } = encodeEvent(event)
  return { offset, appendedAt, key, headers, value: Buffer.from(value).toString('utf8') }
}

export function restored(topic: string, partition: number, entry: StoredEvent): LoggedEvent {
  const { offset, appendedAt, key, headers, value } = entry
  return { topic, partition, offset, appendedAt, event: decodeEvent({ key, value: Buffer.from(value), headers }) }
}
