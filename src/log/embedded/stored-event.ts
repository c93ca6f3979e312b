import { isUtf8 } from 'node:buffer'
import { decodeEvent, type WireEvent } from '../../cloudevents.ts'
import type { ChangeEvent } from '../../event.ts'

/** Headers that nearly every event has, stored by place; the rest follow as name and value. */
const PLACES = ['ce_id', 'ce_source', 'ce_type', 'ce_subject', 'ce_time', 'ce_changed'] as const
/** Not stored: these are the same for every event of this log. */
const CONSTANT = { 'content-type': 'application/json', ce_specversion: '1.0' } as const
const KNOWN: ReadonlySet<string> = new Set([...PLACES, ...Object.keys(CONSTANT), 'ce_partitionkey'])

type Packed = (string | null)[]

/** One column instead of a name and a value per header: `[key, id, source, type, subject, time, changed, name, value, …]`. */
export function packAttributes({ key, headers }: WireEvent): string {
  const packed: Packed = [key]
  for (const name of PLACES) packed.push(headers[name] ?? null)
  for (const name in headers) if (!KNOWN.has(name)) packed.push(name, headers[name]!)
  return JSON.stringify(packed)
}

/** @param value text, or the bytes where they are none. */
export function unpackEvent(attributes: string, value: string | Uint8Array): ChangeEvent {
  const packed = JSON.parse(attributes) as Packed
  const key = packed[0]!
  const headers: Record<string, string> = { ...CONSTANT, ce_partitionkey: key }
  for (let place = 0; place < PLACES.length; place++) {
    const header = packed[place + 1]
    if (header !== null) headers[PLACES[place]!] = header!
  }
  for (let i = PLACES.length + 1; i < packed.length; i += 2) headers[packed[i]!] = packed[i + 1]!
  return decodeEvent(typeof value === 'string' ? new TextWire(key, headers, value) : { key, headers, value })
}

/**
 * Whether SQLite may keep the value as text, which it gives back at twice the speed of bytes. A zero byte would end the
 * text early, and what is not UTF-8 would come back changed.
 */
export function isStorableAsText(value: Uint8Array): boolean {
  return isUtf8(value) && !value.includes(0)
}

/** Most readers want the parsed data; the bytes are made again for the few who ask for them. */
class TextWire implements WireEvent {
  readonly key: string
  readonly headers: Readonly<Record<string, string>>
  readonly text: string

  constructor(key: string, headers: Readonly<Record<string, string>>, text: string) {
    this.key = key
    this.headers = headers
    this.text = text
  }

  get value(): Uint8Array {
    return Buffer.from(this.text)
  }
}
