import { COMPOSITES, MAIN_SUB_FIELD } from '../../clients/twenty/composites.ts'
import { isFields } from '../../clients/twenty/metadata.ts'
import { normalise, sameValue } from '../../clients/twenty/normalise.ts'
import type { Row } from '../../clients/twenty/records.ts'
import type { TwentyField } from '../../clients/twenty/schema.ts'
import { instantOf } from '../../clients/twenty/times.ts'
import { isTwentyId, writeValue } from '../../clients/twenty/write-value.ts'
import { SyncError } from '../../errors.ts'
import type { Fields } from '../../event.ts'
import type { Plan } from '../sink.ts'
import type { RowIndex } from './row-index.ts'
import { uniqueKeys } from './values.ts'
import type { Wish } from './wish.ts'

/** What `deliver` needs of a plan; JSON, since it is stored with the intent. */
export interface Private extends Fields {
  /** What to send, without the id. */
  readonly values: Fields
  /** Of the row that was read: a different one in the answer means that the write made a new record. */
  readonly createdAt?: unknown
  /** The row lies in the trash and is to come back. */
  readonly restore?: boolean
  readonly destroy?: boolean
  /** This effect made the record, in an earlier try. */
  readonly ours?: boolean
  /** Rows of the note's or task's target object that are to be made. */
  readonly links?: readonly Fields[]
  /** Skip, do not fail, when the record is gone by the time of the write. */
  readonly skipMissing?: boolean
}

/** @throws SyncError rejected when the item cannot be done; nothing is read or sent. */
export function planWish(wish: Wish, index: RowIndex): Plan {
  const { action } = wish.item
  if (action === 'find') return planFind(wish, index)
  const own = action === 'create' || action === 'upsert' ? index.byId(wish.object.name, newId(wish)) : undefined
  if (own) return planOwn(wish, own)
  const { live, deleted } = matchOf(wish, index)
  if (action === 'delete') return planDelete(wish, live ?? (wish.destroy ? deleted : undefined))
  if (live) return planUpdate(wish, live)
  if (deleted) return planDeleted(wish, deleted)
  if (action === 'update') return planMissing(wish)
  refuseTakenKeys(wish, index)
  return planCreate(wish)
}

export function privateOf(plan: Plan): Private {
  return isFields(plan.private) ? (plan.private as Private) : { values: {} }
}

/** A result of a Twenty step: the record, flat, with its object. */
export function resultOf(object: string, row: Row, created: boolean): Fields {
  return { ...row, object, created }
}

/** The id that a created record gets: the effect's own, unless the config says one. */
export function newId(wish: Wish): string {
  const said = wish.values.get('id')?.given
  return isTwentyId(said) ? said.toLowerCase() : wish.item.id
}

function matchOf(wish: Wish, index: RowIndex): { live?: Row; deleted?: Row } {
  const { object } = wish
  const byId = wish.id === undefined ? undefined : index.byId(object.name, wish.id)
  const rows = wish.id === undefined ? index.matching(object.name, wish.keys) : byId ? [byId] : []
  const live = rows.filter(row => !row.deletedAt)
  // One in the trash matters only where no live one is the match.
  const found = live.length > 0 ? live : rows
  if (found.length > 1) throw ambiguous(wish, found)
  return live.length > 0 ? { live: live[0] } : { deleted: rows[0] }
}

function planFind(wish: Wish, index: RowIndex): Plan {
  const { live } = matchOf(wish, index)
  const result = live ? resultOf(wish.object.name, live, false) : null
  return { item: wish.item, operation: 'read', ...(live && { target: targetOf(wish, live.id) }), result }
}

/** An earlier try of this very effect made it. Deleted by somebody since: then it stays so (P7). */
function planOwn(wish: Wish, own: Row): Plan {
  if (!own.deletedAt && wish.item.action === 'upsert') return planUpdate(wish, own, true)
  if (own.deletedAt && wish.item.action === 'upsert') return planDeleted(wish, own)
  return unchanged(wish, own, true)
}

function planDeleted(wish: Wish, row: Row): Plan {
  if (wish.onDeleted === 'skip') return unchanged(wish, row, false)
  if (wish.onDeleted === 'restore') {
    const { values, before, after } = differences(wish, row)
    const result = resultOf(wish.object.name, { ...row, ...values, deletedAt: null }, false)
    const notes: Private = { values, restore: true, createdAt: row.createdAt }
    return {
      item: wish.item,
      operation: 'restore',
      target: targetOf(wish, row.id),
      before: { ...before, deletedAt: row.deletedAt },
      after: { ...after, deletedAt: null },
      result,
      private: notes,
    }
  }
  const message = `${wish.object.name} ${row.id} matches and lies in Twenty's trash since ${String(row.deletedAt)}; restore or destroy it there, or set onDeleted`
  throw new SyncError('rejected', 'MATCH_IS_DELETED', message)
}

function planMissing(wish: Wish): Plan {
  if (wish.onMissing === 'skip') return { item: wish.item, operation: 'none', result: null }
  throw new SyncError('rejected', 'MATCH_NOT_FOUND', `no ${wish.object.name} has ${soughtOf(wish)}`)
}

function planDelete(wish: Wish, row: Row | undefined): Plan {
  if (!row || changedSince(wish.item.args.unlessAfter, row)) return { item: wish.item, operation: 'none', result: null }
  const before = Object.fromEntries(
    [...wish.object.columns].flatMap(([column, field]) => {
      const value = normalise(field, row[column])
      return value === null ? [] : [[column, value]]
    }),
  )
  const notes: Private = { values: {}, destroy: wish.destroy }
  return {
    item: wish.item,
    operation: 'delete',
    target: targetOf(wish, row.id),
    before,
    result: resultOf(wish.object.name, row, false),
    private: notes,
  }
}

/** Of a delete that is done again: whoever has changed the record since wants it to be there. */
function changedSince(version: unknown, row: Row): boolean {
  return typeof version === 'string' && instantOf(version) !== instantOf(row.updatedAt)
}

function planCreate(wish: Wish): Plan {
  const values: Fields = {}
  const after: Fields = {}
  for (const [column, { field, given }] of wish.values) {
    if (column === 'id') continue
    values[column] = writeValue(wish.object, column, field, given, undefined)
    const kept = normalise(field, values[column])
    if (kept !== null) after[column] = kept
  }
  const target = targetOf(wish, newId(wish))
  const result = resultOf(target.object, { ...after, id: target.id }, true)
  return { item: wish.item, operation: 'create', target, after, result, private: { values } satisfies Private }
}

function planUpdate(wish: Wish, row: Row, ours = false): Plan {
  const { values, before, after } = wish.onMatch === 'keep' ? NOTHING : differences(wish, row)
  if (Object.keys(values).length === 0) return unchanged(wish, row, ours)
  const notes: Private = {
    values,
    createdAt: row.createdAt,
    ...(ours && { ours }),
    ...(wish.onMissing === 'skip' && { skipMissing: true }),
  }
  return {
    item: wish.item,
    operation: 'update',
    target: targetOf(wish, row.id),
    before,
    after,
    result: resultOf(wish.object.name, { ...row, ...values }, ours),
    private: notes,
  }
}

function unchanged(wish: Wish, row: Row, ours: boolean): Plan {
  const notes: Private = { values: {}, createdAt: row.createdAt, ...(ours && { ours }) }
  const result = resultOf(wish.object.name, row, ours)
  return { item: wish.item, operation: 'none', target: targetOf(wish, row.id), result, private: notes }
}

interface Differences {
  readonly values: Fields
  readonly before: Fields
  readonly after: Fields
}

const NOTHING: Differences = { values: {}, before: {}, after: {} }

/** Fields that the row has otherwise, composites whole. */
function differences(wish: Wish, row: Row): Differences {
  const result = { values: {} as Fields, before: {} as Fields, after: {} as Fields }
  for (const [column, { field, given }] of wish.values) {
    if (column === 'id') continue
    const wanted = wish.onMatch === 'fill-empty' ? filling(field, given, row[column]) : given
    if (wanted === undefined) continue
    const value = writeValue(wish.object, column, field, wanted, row[column])
    if (sameValue(field, value, row[column])) continue
    result.values[column] = value
    result.before[column] = normalise(field, row[column])
    result.after[column] = normalise(field, value)
  }
  return result
}

/** What may be written without touching what somebody has filled in; undefined for nothing. */
function filling(field: TwentyField, given: unknown, current: unknown): unknown {
  const kept = normalise(field, current)
  if (kept === null) return given
  if (!isFields(kept) || !isFields(given) || !COMPOSITES[field.type]) return undefined
  // First and last name stand for themselves; any other composite is one value.
  if (field.type === 'FULL_NAME') {
    const free = Object.entries(given).filter(([sub]) => kept[sub] === null)
    return free.length === 0 ? undefined : Object.fromEntries(free)
  }
  const main = MAIN_SUB_FIELD[field.type]
  return main !== undefined && kept[main] === null ? given : undefined
}

/** After a duplicate error: says which record holds a value that must be unique. */
function refuseTakenKeys(wish: Wish, index: RowIndex): void {
  const [holder] = index.matching(wish.object.name, uniqueKeys(wish.object, wish.values))
  if (!holder) return
  const trash = holder.deletedAt ? ', which lies in the trash: restore or destroy it there' : ''
  const message = `${wish.object.name} ${holder.id} has the same ${wish.object.uniquePaths.map(at => at.path).join(' or ')}${trash}; match by it to update that record instead`
  throw new SyncError('rejected', 'TWENTY_DUPLICATE', message)
}

function ambiguous(wish: Wish, rows: readonly Row[]): SyncError {
  const ids = rows.slice(0, 5).map(row => row.id)
  const message = `${rows.length} ${wish.object.plural} have ${soughtOf(wish)}: ${ids.join(', ')}; merge them in Twenty, or match by more`
  return new SyncError('rejected', 'AMBIGUOUS_MATCH', message, { details: { ids } })
}

function soughtOf(wish: Wish): string {
  if (wish.id !== undefined) return `id ${wish.id}`
  return wish.keys.map(keys => keys.map(({ at, value }) => `${at.path} "${value}"`).join(' and ')).join(' or ')
}

function targetOf(wish: Wish, id: string): { object: string; id: string } {
  return { object: wish.object.name, id }
}
