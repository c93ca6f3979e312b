/** As kafkajs hands a record over: its own bytes, after their length. */
interface RecordBytes {
  readonly buffer: Buffer
}

/** What the records of a batch have in common. */
export interface RecordBatch {
  readonly firstOffset: string
  readonly firstTimestamp: string
  readonly maxTimestamp: string
  readonly timestampType: number
  readonly isControlBatch: boolean
}

export interface FetchedMessage {
  readonly key: Buffer | null
  readonly value: Buffer | null
  /** As text, the last of a name. Records in the formats before 0.11 have none. */
  readonly headers?: Readonly<Record<string, string>>
  readonly offset: number | string
  /** Milliseconds since the epoch. */
  readonly timestamp: number | string
}

const LOG_APPEND_TIME = 1

/**
 * A record in the format of Kafka 0.11 and later. In place of kafkajs's own decoder, which makes an object, two buffers and
 * a copy of all headers so far for each header: a third of what a flow leaves to the garbage collector.
 * @see https://kafka.apache.org/documentation/#record
 */
export function decodeRecord({ buffer }: RecordBytes, batch: RecordBatch): FetchedMessage {
  // The first byte is not in use.
  const reader = new RecordReader(buffer, 1)
  const timestampDelta = reader.integer()
  const offset = Number(batch.firstOffset) + reader.integer()
  const isStamped = batch.timestampType === LOG_APPEND_TIME
  const timestamp = isStamped ? Number(batch.maxTimestamp) : Number(batch.firstTimestamp) + timestampDelta
  const key = reader.bytes()
  const value = reader.bytes()
  const headers: Record<string, string> = {}
  for (let count = reader.integer(); count > 0 && !reader.isAtEnd; count--) {
    const name = reader.text()
    const text = reader.text()
    if (name !== undefined && text !== undefined) headers[name] = text
  }
  const ofBatch = { isControlRecord: batch.isControlBatch, batchContext: batch }
  return { key, value, headers, offset, timestamp, ...ofBatch } as FetchedMessage
}

class RecordReader {
  readonly #bytes: Buffer
  #at: number

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes
    this.#at = at
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length
  }

  /** Seven bits a byte, the lowest first; the sign is the lowest of all. */
  integer(): number {
    let value = 0
    for (let factor = 1; ; factor *= 128) {
      const byte = this.#bytes[this.#at++]!
      value += (byte & 0x7f) * factor
      if (!(byte >= 0x80)) return value % 2 === 0 ? value / 2 : -(value + 1) / 2
    }
  }

  bytes(): Buffer | null {
    const length = this.integer()
    if (length < 0) return null
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  text(): string | undefined {
    const length = this.integer()
    if (length < 0) return undefined
    this.#at += length
    return this.#bytes.toString('utf8', this.#at - length, this.#at)
  }
}
