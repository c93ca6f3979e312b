import { Agent } from 'node:https'
import { SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry'
import { Ajv } from 'ajv'
import ajvFormats from 'ajv-formats'
import type { Clock } from '../../environment.ts'
import { SyncError } from '../../errors.ts'
import type { ChangeEvent } from '../../event.ts'
import type { KafkaLogConfig } from './client.ts'
import { within } from './timings.ts'
import { valueBytesOf } from './wire.ts'

const MAGIC = 0
/** Magic byte and schema id. */
const FRAME_BYTES = 5
const REQUEST_MS = 10_000
/** An id that the registry does not know is asked for again after this long, not for every message. */
const UNKNOWN_FOR_MS = 60_000
const NEWEST_FOR_MS = 300_000
/** Registered for a topic that has no schema yet: any JSON object. Tighten it in the registry. */
const ANY_OBJECT = JSON.stringify({ $schema: 'http://json-schema.org/draft-07/schema#', type: 'object' })

/** As Node and OpenSSL speak of certificates and versions. */
const TLS = /certificate|SSL routines|secure TLS connection/

interface Schema {
  isValid(payload: object, options?: { errorHook(path: string[], value: unknown): void }): boolean
  fromBuffer(bytes: Buffer): unknown
}

/** Values framed for a Confluent Schema Registry, subject `<topic>-value`; the JSON inside stays byte for byte. */
export class RegistryFormat {
  readonly #registry: SchemaRegistry
  readonly #clock: Clock
  readonly #host: string
  readonly #newest = new Map<string, { id: Promise<number>; until: number }>()
  readonly #unknown = new Map<number, number>()

  /** @param tls certificates of a registry with `https://`. */
  constructor(config: NonNullable<KafkaLogConfig['registry']>, clock: Clock, tls: KafkaLogConfig['tls']) {
    const auth =
      config.username === undefined ? undefined : { username: config.username, password: config.password ?? '' }
    const retry = { retries: 2, initialRetryTimeInSecs: 0.2, maxRetryTimeInSecs: 1 }
    // Our own instance: the library's default refuses keywords and formats that schemas in the wild have.
    const ajvInstance = new Ajv({ strict: false, allErrors: true })
    ;(ajvFormats as unknown as (ajv: Ajv) => void)(ajvInstance)
    this.#host = new URL(config.url).host
    const isSecure = config.url.startsWith('https:') && typeof tls === 'object'
    const agent = isSecure ? new Agent({ ...tls, keepAlive: true }) : undefined
    this.#registry = new SchemaRegistry(
      { host: config.url, auth, retry, ...(agent && { agent }) },
      { [SchemaType.JSON]: { ajvInstance } },
    )
    this.#clock = clock
  }

  /** @throws SyncError rejected `SCHEMA_MISMATCH`; retryable `REGISTRY_UNAVAILABLE`; fatal `LOG_AUTH`, `LOG_TLS`. */
  async encode(topic: string, event: ChangeEvent): Promise<Buffer> {
    const id = await this.#newestId(`${topic}-value`)
    const schema = await this.#schema(id)
    const wrong: string[] = []
    if (!schema.isValid(event.data, { errorHook: (path, what) => wrong.push(`${path.join('')} ${String(what)}`) })) {
      const message = `event ${event.id} does not fit schema ${id} of topic "${topic}": ${wrong.slice(0, 3).join('; ')}`
      throw new SyncError('rejected', 'SCHEMA_MISMATCH', message, { details: wrong })
    }
    const frame = Buffer.alloc(FRAME_BYTES)
    frame.writeInt32BE(id, 1)
    return Buffer.concat([frame, valueBytesOf(event)])
  }

  /** JSON bytes of a framed value; plain JSON passes as it is. An error where the schema cannot be had for good. */
  async decode(value: Buffer): Promise<Buffer | SyncError> {
    if (value.length < FRAME_BYTES || value[0] !== MAGIC) return value
    const id = value.readInt32BE(1)
    const unknownUntil = this.#unknown.get(id)
    if (unknownUntil !== undefined && this.#clock.elapsed() < unknownUntil) return unknownSchema(id)
    const schema = await this.#schema(id).catch((error: unknown) => {
      if (!(error instanceof SyncError) || error.kind !== 'rejected') throw error
      this.#unknown.set(id, this.#clock.elapsed() + UNKNOWN_FOR_MS)
      return error
    })
    if (schema instanceof SyncError) return schema
    const payload = value.subarray(FRAME_BYTES)
    if ('validate' in schema) return payload
    return Buffer.from(JSON.stringify(schema.fromBuffer(payload)))
  }

  /** The library gives the text only, with the inside of OpenSSL around it, under a status that nobody sent. */
  #tlsError(what: string, message: string, cause: unknown): SyncError {
    const reason = message.replace(/^.*status \d+: /, '').replace(/^.*SSL routines:[^:]*:([^:]*):.*$/s, '$1')
    const text = `schema registry at ${this.#host}, ${what}: ${reason}: check log.tls and the address in log.registry`
    return new SyncError('fatal', 'LOG_TLS', text, { cause })
  }

  #newestId(subject: string): Promise<number> {
    const known = this.#newest.get(subject)
    if (known && this.#clock.elapsed() < known.until) return known.id
    const id = this.#ask(`newest schema of ${subject}`, this.#registry.getLatestSchemaId(subject)).catch(error => {
      if (error.status !== 404) throw error
      const registered = this.#registry.register({ type: SchemaType.JSON, schema: ANY_OBJECT }, { subject })
      return this.#ask(`registering ${subject}`, registered).then(schema => schema.id)
    })
    this.#newest.set(subject, { id, until: this.#clock.elapsed() + NEWEST_FOR_MS })
    id.catch(() => this.#newest.delete(subject))
    return id
  }

  async #schema(id: number): Promise<Schema> {
    return this.#ask(`schema ${id}`, this.#registry.getSchema(id)) as Promise<Schema>
  }

  async #ask<T>(what: string, answer: Promise<T>): Promise<T> {
    try {
      return await within(this.#clock, REQUEST_MS, `schema registry, ${what}`, answer)
    } catch (cause) {
      if (cause instanceof SyncError) throw cause
      const { status, message } = cause as { status?: number; message: string }
      if (status !== 401 && TLS.test(message)) throw this.#tlsError(what, message, cause)
      const text = `schema registry, ${what}: ${message}`
      if (status === 401 || status === 403) throw new SyncError('fatal', 'LOG_AUTH', text, { cause, status })
      if (status === 404) throw new SyncError('rejected', 'SCHEMA_UNKNOWN', text, { cause, status })
      throw new SyncError('retryable', 'REGISTRY_UNAVAILABLE', text, { cause, ...(status !== undefined && { status }) })
    }
  }
}

function unknownSchema(id: number): SyncError {
  return new SyncError('rejected', 'SCHEMA_UNKNOWN', `the schema registry does not know schema ${id}`)
}
