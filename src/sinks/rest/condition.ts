import type { RestClient } from '../../clients/rest/client.ts'
import { valueAt } from '../../clients/rest/paths.ts'
import type { Found } from '../../clients/rest/read.ts'
import type { RestRecord } from '../../clients/rest/record.ts'
import type { IfMatchConfig } from '../../clients/rest/resource-config.ts'
import { isoOf } from '../../clients/rest/times.ts'
import { SyncError } from '../../errors.ts'

/** How the API is told which version a write is based on. */
export class Condition {
  readonly #client: RestClient
  readonly #config: IfMatchConfig | undefined

  constructor({ client }: { readonly client: RestClient }, config: IfMatchConfig | undefined) {
    this.#client = client
    this.#config = config
  }

  /** The record is read first: what names its version is in no event. */
  get reads(): boolean {
    return this.#config?.by === 'etag' || this.#config?.by === 'field'
  }

  isOtherVersion({ updatedAt }: RestRecord, version: string): boolean {
    return updatedAt !== undefined && isoOf(updatedAt) !== version
  }

  refused(status: number): boolean {
    return this.#config !== undefined && (this.#config.refused ?? [412]).includes(status)
  }

  /** @throws SyncError retryable `INVALID_ANSWER` when the record does not have what the config promises. */
  headers(found: Found | undefined, version: string): Record<string, string> {
    const config = this.#config
    if (!config) return {}
    if (config.by === 'time') return { 'if-unmodified-since': new Date(version).toUTCString() }
    if (config.by === 'etag') return { 'if-match': found?.etag ?? this.#absent('no ETag header') }
    const value = found && valueAt(found.record.data, config.path)
    if (value === undefined || value === null) return this.#absent(`nothing at \`${config.path}\``)
    const header = (config.header ?? 'If-Match').toLowerCase()
    const text = String(value)
    const isTag = /^(W\/)?".*"$/.test(text)
    return { [header]: header === 'if-match' && !isTag ? `"${text}"` : text }
  }

  #absent(what: string): never {
    const message = `${this.#client.name}: a record has ${what}, so \`ifMatch\` cannot be kept`
    throw new SyncError('retryable', 'INVALID_ANSWER', message)
  }
}
