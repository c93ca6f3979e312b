import { SyncError } from './errors.ts'
import type { ChangeEvent, Fields } from './event.ts'

/** What every log driver stores: a key, the bytes of the value, and text headers. */
export interface WireEvent {
  readonly key: string
  readonly value: Uint8Array
  readonly headers: Readonly<Record<string, string>>
  /** The value as text, where a driver has it at hand; it may then make the bytes of `value` only when asked for them. */
  readonly text?: string
}

const ATTRIBUTE_HEADERS: ReadonlySet<string> = new Set(
  ['specversion', 'id', 'source', 'type', 'subject', 'time', 'partitionkey', 'changed'].map(name => `ce_${name}`),
)

/**
 * CloudEvents 1.0, binary content mode of the Kafka binding: the value is `data`, the attributes are `ce_` headers.
 * Received JSON is stored byte for byte.
 * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md
 */
export function encodeEvent(event: ChangeEvent): WireEvent {
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    ce_specversion: '1.0',
    ce_id: event.id,
    ce_source: event.source,
    ce_type: event.type,
    ce_subject: event.subject,
    ce_time: event.time,
    ce_partitionkey: event.key,
  }
  if (event.changed) headers.ce_changed = event.changed.join(',')
  for (const name in event.extensions) headers[`ce_${name}`] = event.extensions[name]!
  return { key: event.key, value: event.raw ?? Buffer.from(JSON.stringify(event.data)), headers }
}

/**
 * The event of a stored record; `data` is parsed when first read, since many readers look at attributes only.
 * Structured mode (`application/cloudevents+json`), as other producers may write it, is read too.
 * @throws SyncError rejected `NOT_A_CLOUD_EVENT` when attributes are missing; `data` throws it when it is not JSON.
 */
export function decodeEvent(wire: WireEvent): ChangeEvent {
  if (wire.headers['content-type']?.startsWith('application/cloudevents+json')) return decodeStructured(wire)
  const { headers } = wire
  if (!headers.ce_id || !headers.ce_type || !headers.ce_source) {
    throw new SyncError(
      'rejected',
      'NOT_A_CLOUD_EVENT',
      `record with key "${wire.key}" lacks ce_id, ce_type or ce_source`,
    )
  }
  return new StoredEvent(wire)
}

/** The same event, said to have changed these fields; undefined: which is not known. */
export function withChanged(event: ChangeEvent, changed: readonly string[] | undefined): ChangeEvent {
  const { key, value, headers } = encodeEvent(event)
  const { ce_changed: _, ...others } = headers
  return decodeEvent({ key, value, headers: { ...others, ...(changed && { ce_changed: changed.join(',') }) } })
}

/** The attributes are in the headers, `data` waits in the bytes. */
class StoredEvent implements ChangeEvent {
  readonly id: string
  readonly type: string
  readonly source: string
  readonly subject: string
  readonly time: string
  readonly key: string
  readonly changed?: readonly string[]
  readonly extensions?: Readonly<Record<string, string>>
  readonly #wire: WireEvent
  #data: Fields | undefined

  constructor(wire: WireEvent) {
    const { key, headers } = wire
    this.id = headers.ce_id!
    this.type = headers.ce_type!
    this.source = headers.ce_source!
    this.subject = headers.ce_subject ?? headers.ce_id!
    this.time = headers.ce_time ?? new Date(0).toISOString()
    this.key = headers.ce_partitionkey ?? key
    this.#wire = wire
    if (headers.ce_changed !== undefined) this.changed = headers.ce_changed === '' ? [] : headers.ce_changed.split(',')
    this.extensions = extensionsOf(headers)
  }

  get raw(): Uint8Array {
    return this.#wire.value
  }

  get data(): Fields {
    this.#data ??= parseData(this.#wire, this.id)
    return this.#data
  }
}

function extensionsOf(headers: Readonly<Record<string, string>>): Record<string, string> | undefined {
  let found: Record<string, string> | undefined
  for (const name in headers) {
    if (ATTRIBUTE_HEADERS.has(name) || !name.startsWith('ce_')) continue
    found ??= {}
    found[name.slice(3)] = headers[name]!
  }
  return found
}

function parseData(wire: WireEvent, id: string): Fields {
  try {
    return JSON.parse(wire.text ?? textOf(wire.value)) as Fields
  } catch (cause) {
    throw new SyncError('rejected', 'NOT_A_CLOUD_EVENT', `the value of event ${id} is not JSON`, { cause })
  }
}

function textOf(bytes: Uint8Array): string {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return buffer.toString('utf8')
}

function decodeStructured(wire: WireEvent): ChangeEvent {
  const { data, ...attributes } = parseData(wire, wire.key)
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(attributes)) headers[`ce_${name}`] = String(value)
  return decodeEvent({ key: wire.key, value: Buffer.from(JSON.stringify(data ?? {})), headers })
}
