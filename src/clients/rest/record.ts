import { durationMs } from '../../config/definition.ts'
import type { Fields } from '../../event.ts'
import { isFields, readAt, valueAt, withValue } from './paths.ts'
import type { ResourceConfig } from './resource-config.ts'
import { instantOf } from './times.ts'

/** A record as the API gave it, with what its description says of it. */
export interface RestRecord {
  readonly id: string
  /** Milliseconds of `updatedAt` by the API's clock. Absent: the resource has none. */
  readonly updatedAt?: number
  readonly deleted: boolean
  readonly data: Fields
}

/** Of a record that never had an `updatedAt`: earlier than any that follows. */
const NEVER = 0

/** undefined: without an id it is no record. */
export function recordOf(value: unknown, config: ResourceConfig): RestRecord | undefined {
  if (!isFields(value)) return undefined
  const id = idOf(valueAt(value, config.id ?? 'id'))
  if (id === undefined) return undefined
  const mark = config.deleted === undefined ? undefined : valueAt(value, config.deleted)
  return {
    id,
    ...(config.updatedAt !== undefined && { updatedAt: instantOf(valueAt(value, config.updatedAt)) ?? NEVER }),
    deleted: isSet(mark),
    data: value,
  }
}

/** Ids are texts to us; numbers are written as the API writes them. */
export function idOf(value: unknown): string | undefined {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value)
  return typeof value === 'string' && value !== '' && value.length <= 512 ? value : undefined
}

function isSet(mark: unknown): boolean {
  return mark !== undefined && mark !== null && mark !== '' && mark !== false && mark !== 0 && mark !== 'false'
}

/** What an answer leaves out is empty where the fields are named; only of a whole record. */
export function completed(data: Fields, { fields }: ResourceConfig): Fields {
  let complete = data
  for (const path in fields) {
    if (readAt(complete, path) === undefined) complete = withValue(complete, path, null)
  }
  return complete
}

/** What a record says, without its id, its time and what is ignored. The order of keys, null, '' and absent do not count. */
export function contentOf(data: Fields, { id = 'id', updatedAt, ignore = [] }: ResourceConfig): Fields {
  const content: Fields = {}
  for (const [name, value] of Object.entries(data)) {
    if (name === id || name === updatedAt || ignore.includes(name)) continue
    if (value !== null && value !== '' && value !== undefined) content[name] = value
  }
  if (updatedAt?.includes('.')) return withoutPath(content, updatedAt)
  return content
}

function withoutPath(content: Fields, path: string): Fields {
  return valueAt(content, path) === undefined ? content : withValue(content, path, null)
}

/** How close two changes may be and still have one version. */
export function granularityMs(config: ResourceConfig, pollEvery: string | undefined): number {
  if (config.updatedAt === undefined) return durationMs(pollEvery ?? '1m')
  return durationMs(config.granularity ?? '1ms')
}
