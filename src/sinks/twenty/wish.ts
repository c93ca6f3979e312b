import { isFields } from '../../clients/twenty/metadata.ts'
import type { TwentyObject, TwentySchema } from '../../clients/twenty/schema.ts'
import { isTwentyId } from '../../clients/twenty/write-value.ts'
import { durationMs } from '../../config/definition.ts'
import { SyncError } from '../../errors.ts'
import type { Fields } from '../../event.ts'
import type { Item } from '../sink.ts'
import { addValue, givenAt, type KeySet, keyText, type Values } from './values.ts'

export interface LinkTo {
  readonly object: string
  readonly id: string
}

/** An item read against the workspace's fields: what it wants, and how its record is found. */
export interface Wish {
  readonly item: Item
  readonly object: TwentyObject
  readonly id?: string
  /** Alternatives: each alone finds the record. */
  readonly keys: readonly KeySet[]
  /** By column of the row. */
  readonly values: Values
  readonly onMatch: 'overwrite' | 'fill-empty' | 'keep'
  readonly onDeleted: 'hold' | 'restore' | 'skip'
  readonly onMissing: 'fail' | 'skip'
  readonly destroy: boolean
  readonly links: readonly LinkTo[]
}

/**
 * @param assignees ids of workspace members by e-mail, as far as they exist.
 * @throws SyncError rejected: unknown names, no value to match by, an id that is none.
 */
export function wishOf(item: Item, schema: TwentySchema, assignees: ReadonlyMap<string, string>): Wish {
  const { args } = item
  const object = schema.object(String(args.object))
  const values = valuesOf(item, object, assignees)
  const { keys, implied } = keysOf(args, object, values)
  if (item.action === 'upsert' || item.action === 'create')
    for (const [column, value] of implied) values.set(column, value)
  const creates = item.action === 'create' ? 'keep' : args.onMatch
  return {
    item,
    object,
    ...(args.recordId !== undefined && { id: idOf(args.recordId, object) }),
    keys,
    values,
    onMatch: creates === 'keep' || creates === 'fill-empty' ? creates : 'overwrite',
    onDeleted: args.onDeleted === 'restore' || args.onDeleted === 'skip' ? args.onDeleted : 'hold',
    onMissing: args.onMissing === 'skip' ? 'skip' : 'fail',
    destroy: args.destroy === true,
    links: Array.isArray(args.link) ? args.link.flatMap(linkOf) : [],
  }
}

function valuesOf(item: Item, object: TwentyObject, assignees: ReadonlyMap<string, string>): Values {
  const { args } = item
  const given: Fields = { ...(isFields(args.values) ? args.values : {}) }
  if (args.body !== undefined) given[object.columns.has('bodyV2') ? 'bodyV2' : 'body'] = args.body
  if (typeof args.dueIn === 'string')
    given.dueAt = new Date(Date.parse(item.time) + durationMs(args.dueIn)).toISOString()
  if (typeof args.assignee === 'string' && args.assignee !== '') given.assigneeId = assigneeId(args.assignee, assignees)
  const values: Values = new Map()
  for (const [name, value] of Object.entries(given)) if (value !== undefined) addValue(values, object, name, value)
  return values
}

/** `implied`: what a map says of the record, so that a created one has it too. */
function keysOf(args: Fields, object: TwentyObject, values: Values): { keys: KeySet[]; implied: Values } {
  const implied: Values = new Map()
  if (args.match === undefined) return { keys: [], implied }
  if (isFields(args.match)) {
    const keys = Object.entries(args.match).map(([path, value]) => {
      const at = object.resolve(path)
      if (!values.has(at.column)) addValue(implied, object, at.sub ? `${at.column}.${at.sub}` : at.column, value)
      return { at, value: keyText(at, value) }
    })
    const missing = keys.find(key => key.value === '')
    if (missing || keys.length === 0) throw noValue(object, missing ? [missing.at.path] : [])
    return { keys: [keys], implied }
  }
  const paths = (Array.isArray(args.match) ? args.match : [args.match]).map(path => object.resolve(String(path)))
  const keys = paths.map(at => ({ at, value: keyText(at, givenAt(values, at)) })).filter(key => key.value !== '')
  if (keys.length === 0) {
    throw noValue(
      object,
      paths.map(at => at.path),
    )
  }
  return { keys: keys.map(key => [key]), implied }
}

function linkOf(value: unknown): LinkTo[] {
  if (value === null || value === undefined) return []
  if (Array.isArray(value)) return value.flatMap(linkOf)
  const [object, id] = typeof value === 'string' ? value.split('/') : isFields(value) ? [value.object, value.id] : []
  if (typeof object === 'string' && isTwentyId(id)) return [{ object, id }]
  const shown = JSON.stringify(value)?.slice(0, 80)
  throw new SyncError(
    'rejected',
    'INVALID_LINK',
    `link takes results of Twenty steps or texts like "person/<id>", not ${shown}`,
  )
}

function idOf(id: unknown, object: TwentyObject): string {
  if (isTwentyId(id)) return id.toLowerCase()
  throw new SyncError(
    'rejected',
    'INVALID_ID',
    `${object.name}: recordId is ${JSON.stringify(id)?.slice(0, 60)}, not a record's id`,
  )
}

function assigneeId(email: string, assignees: ReadonlyMap<string, string>): string {
  const id = assignees.get(email.toLowerCase())
  if (id) return id
  throw new SyncError('rejected', 'ASSIGNEE_NOT_FOUND', `no workspace member of Twenty has the e-mail ${email}`)
}

function noValue(object: TwentyObject, paths: readonly string[]): SyncError {
  const what = paths.length === 0 ? 'match names no field' : `${paths.join(', ')} has no value to match by`
  return new SyncError('rejected', 'MATCH_VALUE_MISSING', `${object.name}: ${what}`)
}
