import type { HttpAnswer, HttpCall } from '../../clients/http.ts'
import type { CallOptions, RestClient } from '../../clients/rest/client.ts'
import { isFields, topLevel, valueAt, withValue } from '../../clients/rest/paths.ts'
import { filled, isGone, readOne, recordIn } from '../../clients/rest/read.ts'
import { idOf, type RestRecord } from '../../clients/rest/record.ts'
import type { CreateConfig, ResourceConfig } from '../../clients/rest/resource-config.ts'
import { asSyncError, SyncError } from '../../errors.ts'
import type { Fields } from '../../event.ts'
import type { PeerOutcome, PeerRecord, PeerWrite } from '../../sync/peer.ts'
import { Condition } from './condition.ts'

export interface WriterParts {
  readonly client: RestClient
  readonly object: string
  readonly resource: ResourceConfig
  show(record: RestRecord): PeerRecord
  normalise(path: string, value: unknown): unknown
}

type Create = Extract<PeerWrite, { op: 'create' }>
type Update = Extract<PeerWrite, { op: 'update' | 'restore' }>
type Delete = Extract<PeerWrite, { op: 'delete' }>

/** One write each; what becomes of one says nothing about the others. */
export class Writer {
  readonly #parts: WriterParts

  constructor(parts: WriterParts) {
    this.#parts = parts
  }

  async write(write: PeerWrite, options: CallOptions): Promise<PeerOutcome> {
    try {
      if (write.op === 'create') return await this.#create(write, options)
      if (write.op === 'update') return await this.#update(write, options)
      if (write.op === 'delete') return await this.#delete(write, options)
      throw this.#notConfigured('way to bring a deleted record back')
    } catch (thrown) {
      return { status: 'failed', error: asSyncError(thrown) }
    }
  }

  async #create({ id, values }: Create, options: CallOptions): Promise<PeerOutcome> {
    const { client, resource } = this.#parts
    const config = resource.create ?? this.#missing('create')
    const record = config.idKey === undefined ? nested(values) : withValue(nested(values), config.idKey, id)
    const call: HttpCall = {
      method: config.method ?? 'POST',
      url: filled(config.path, id),
      json: wrapped(record, config.wrap),
      // P3: the same create carries the same key for ever.
      ...(config.idempotencyHeader !== undefined && { headers: { [config.idempotencyHeader.toLowerCase()]: id } }),
    }
    const answer = await client.exchange(call, options)
    if (isTaken(answer, config)) return this.#taken(answer, config, id, options)
    if (!isGood(answer)) throw client.errorOf(answer, call)
    return this.#written(answer, config, call, choosesId(config) ? id : undefined, options)
  }

  async #update(write: Update, options: CallOptions): Promise<PeerOutcome> {
    const { client, resource } = this.#parts
    const config = resource.update ?? this.#missing('update')
    const whole = (config.sends ?? (config.method === 'PUT' ? 'record' : 'changes')) === 'record'
    const condition = new Condition(this.#parts, config.ifMatch)
    const found = whole || condition.reads ? await readOne(client, resource, write.id, options) : undefined
    if (!found && (whole || condition.reads)) return { status: 'gone' }
    if (found && this.#isOther(found.record, write))
      return { status: 'changed', record: this.#parts.show(found.record) }
    const call: HttpCall = {
      method: config.method ?? 'PATCH',
      url: filled(config.path, write.id),
      json: wrapped(whole && found ? over(found.record.data, write.values) : changes(write), config.wrap),
      headers: condition.headers(found, write.version),
    }
    const answer = await client.exchange(call, options)
    const outcome = await this.#refusal(answer, condition, write.id, options)
    if (outcome) return outcome
    if (!isGood(answer)) throw client.errorOf(answer, call)
    return this.#written(answer, config, call, write.id, options)
  }

  async #delete({ id, version }: Delete, options: CallOptions): Promise<PeerOutcome> {
    const { client, resource, show } = this.#parts
    const config = resource.delete ?? this.#missing('delete')
    const condition = new Condition(this.#parts, config.ifMatch)
    const found = condition.reads ? await readOne(client, resource, id, options) : undefined
    if (condition.reads && !found) return { status: 'gone' }
    if (found && condition.isOtherVersion(found.record, version))
      return { status: 'changed', record: show(found.record) }
    const call: HttpCall = {
      method: config.method ?? 'DELETE',
      url: filled(config.path, id),
      headers: condition.headers(found, version),
    }
    const answer = await client.exchange(call, options)
    const outcome = await this.#refusal(answer, condition, id, options)
    if (outcome) return outcome
    if (!isGood(answer)) throw client.errorOf(answer, call)
    const last = recordIn(bodyOf(answer), resource.get.item, resource)
    return { status: 'deleted', ...(last?.id === id && last.updatedAt && { version: show(last).version }) }
  }

  /** Coarse times hide an edit within one of them; the values that are about to be written do not. */
  #isOther(record: RestRecord, { version, values, current }: Update): boolean {
    const { normalise } = this.#parts
    if (new Condition(this.#parts, undefined).isOtherVersion(record, version)) return true
    return Object.keys(values).some(path => {
      const thought = valueAt(current, path)
      if (thought === undefined) return false
      return JSON.stringify(normalise(path, thought)) !== JSON.stringify(normalise(path, valueAt(record.data, path)))
    })
  }

  async #refusal(
    answer: HttpAnswer,
    condition: Condition,
    id: string,
    options: CallOptions,
  ): Promise<PeerOutcome | undefined> {
    if (isGone(answer)) return { status: 'gone' }
    if (!condition.refused(answer.status)) return undefined
    const { client, resource, show } = this.#parts
    const now = await readOne(client, resource, id, options)
    return now ? { status: 'changed', record: show(now.record) } : { status: 'gone' }
  }

  async #taken(answer: HttpAnswer, config: CreateConfig, id: string, options: CallOptions): Promise<PeerOutcome> {
    const { client, resource, show } = this.#parts
    const told = config.taken?.id === undefined ? undefined : idOf(valueAt(bodyOf(answer), config.taken.id))
    const candidate = told ?? (choosesId(config) ? id : undefined)
    const holder = candidate === undefined ? undefined : await readOne(client, resource, candidate, options)
    return { status: 'taken', ...(holder && { record: show(holder.record) }) }
  }

  /** The write was done, whatever follows: from here on a failure leaves its outcome unknown. */
  async #written(
    answer: HttpAnswer,
    config: { readonly item?: string; readonly returns?: 'record' | 'id' },
    call: HttpCall,
    knownId: string | undefined,
    options: CallOptions,
  ): Promise<PeerOutcome> {
    const { client, resource, show } = this.#parts
    const record = recordIn(bodyOf(answer), config.item, resource)
    const fits = record !== undefined && (knownId === undefined || record.id === knownId)
    if (fits && config.returns !== 'id' && record.updatedAt !== 0) {
      return { status: 'written', record: show(record), exact: true }
    }
    const id = knownId ?? record?.id ?? lastPart(answer.headers.location)
    const target = `${client.name}: ${call.method} ${call.url}`
    if (id === undefined) throw unknown(`${target} answered without the id of what it made; see \`item\``)
    try {
      const now = await readOne(client, resource, id, options)
      if (now) return { status: 'written', record: show(now.record), exact: false }
    } catch (cause) {
      throw unknown(`${target} was done, but the record cannot be read: ${asSyncError(cause).message}`, cause)
    }
    throw unknown(`${target} was done, but the API knows no record ${id}`)
  }

  #missing(call: 'create' | 'update' | 'delete'): never {
    throw this.#notConfigured(`\`${call}\``)
  }

  #notConfigured(what: string): SyncError {
    const { client, object } = this.#parts
    const message = `systems.${client.name}.resources.${object} has no ${what}`
    return new SyncError('rejected', 'CALL_NOT_CONFIGURED', message)
  }
}

export function choosesId({ idKey, path }: CreateConfig): boolean {
  return idKey !== undefined || path.includes('{id}')
}

function isGood({ status }: HttpAnswer): boolean {
  return status >= 200 && status < 300
}

function isTaken(answer: HttpAnswer, { taken }: CreateConfig): boolean {
  if (!taken?.statuses.includes(answer.status)) return false
  if (taken.code === undefined) return true
  return (taken.codes ?? []).includes(String(valueAt(bodyOf(answer), taken.code)))
}

/** undefined for what is no JSON: a status says enough. */
function bodyOf(answer: HttpAnswer): unknown {
  try {
    return answer.json()
  } catch {
    return undefined
  }
}

function wrapped(record: Fields, name: string | undefined): Fields {
  return name === undefined ? record : { [name]: record }
}

function nested(values: Fields): Fields {
  return over({}, values)
}

function over(record: Fields, values: Fields): Fields {
  return Object.entries(values).reduce((whole, [path, value]) => withValue(whole, path, value), record)
}

/** The top-level fields that change, whole: an API may replace a map where another would merge it. */
function changes({ values, current }: Update): Fields {
  const touched = [
    ...new Set(
      Object.keys(values)
        .filter(path => path.includes('.'))
        .map(topLevel),
    ),
  ]
  const base = touched.flatMap(name => (isFields(current[name]) ? [[name, current[name]] as const] : []))
  return over(Object.fromEntries(base), values)
}

function lastPart(location: string | undefined): string | undefined {
  const part = location
    ?.replace(/[?#].*$/, '')
    .replace(/\/+$/, '')
    .split('/')
    .at(-1)
  return part ? decodeURIComponent(part) : undefined
}

function unknown(message: string, cause?: unknown): SyncError {
  return new SyncError('retryable', 'INVALID_ANSWER', message, { outcomeUnknown: true, cause })
}
