import type { Message } from 'kafkajs'
import { decodeEvent, encodeEvent } from '../../cloudevents.ts'
import { SyncError } from '../../errors.ts'
import type { ChangeEvent } from '../../event.ts'
import type { LoggedEvent } from '../event-log.ts'
import type { FetchedMessage } from './record-decoder.ts'

/** A message and its size on the wire, not compressed. */
export interface OutgoingRecord {
  readonly message: Message
  readonly bytes: number
}

/** Offsets, lengths and timestamps of a record. */
const RECORD_OVERHEAD_BYTES = 70
const NO_BYTES = Buffer.alloc(0)

/** @param framed the value in place of the event's own bytes, from a schema registry. */
export function outgoingRecord(event: ChangeEvent, now: number, framed?: Buffer): OutgoingRecord {
  const { key, value: own, headers } = encodeEvent(event)
  const value = framed ?? bufferOf(own)
  let bytes = RECORD_OVERHEAD_BYTES + Buffer.byteLength(key) + value.byteLength
  for (const name in headers) bytes += name.length + Buffer.byteLength(headers[name]!) + 4
  return { message: { key, value, headers: { ...headers }, timestamp: String(now) }, bytes }
}

/** The bytes of the event's value: as received, where they are known. */
export function valueBytesOf(event: ChangeEvent): Buffer {
  return bufferOf(encodeEvent(event).value)
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** @param value the message's own, or what a schema registry made of it; an error where nothing could be made of it. */
export function loggedEvent(
  topic: string,
  partition: number,
  message: FetchedMessage,
  value: Buffer | SyncError = message.value ?? NO_BYTES,
): LoggedEvent {
  const place = { topic, partition, offset: Number(message.offset), appendedAt: Number(message.timestamp) }
  const key = message.key?.toString('utf8') ?? ''
  if (value instanceof SyncError) return { ...place, event: unreadable(place, key, value) }
  try {
    return { ...place, event: decodeEvent({ key, value, headers: message.headers ?? {} }) }
  } catch (error) {
    return { ...place, event: unreadable(place, key, error) }
  }
}

/**
 * P2: a record that is no CloudEvent, from a foreign producer, neither stops its partition nor vanishes: it comes as an
 * event whose `data` throws why, and so ends in the dead letters of whoever reads it.
 */
function unreadable(place: Omit<LoggedEvent, 'event'>, key: string, error: unknown): ChangeEvent {
  const id = `${place.topic}/${place.partition}/${place.offset}`
  return {
    id,
    type: 'record.unreadable',
    source: `/${place.topic}`,
    subject: `record/${id}`,
    time: new Date(place.appendedAt).toISOString(),
    key: key || id,
    get data(): never {
      throw error
    },
  }
}
