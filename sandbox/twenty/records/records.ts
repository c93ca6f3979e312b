import { randomUUID } from 'node:crypto'
import { actorOf, type Caller } from '../caller.ts'
import { type SandboxClock, serverNow } from '../clock.ts'
import { badRequest, duplicate, notFound } from '../errors.ts'
import type { Faults } from '../faults.ts'
import type { Schema } from '../schema/schema.ts'
import type { ObjectMeta, Row } from '../schema/types.ts'
import { cascade } from './cascade.ts'
import { type Action, type Change, type ChangeBatch, changedFields } from './changes.ts'
import { applyPatch, type InputContext, type Patch, readInput } from './input.ts'
import { newRow } from './new-row.ts'
import { Table } from './table.ts'

export const MAX_RECORDS = 200
export const MAX_AFFECTED = 100

export interface RecordsOptions {
  readonly schema: Schema
  readonly faults: Faults
  readonly clock: SandboxClock
  readonly uuid?: () => string
  /** Called once per call, object and action, after the rows are stored. */
  readonly changed: (batch: ChangeBatch) => void
}

/**
 * The rows of the workspace and the rules by which they change. Every method either applies wholly or throws
 * a TwentyError and changes nothing; upsert alone may stop half-way, as the real one does.
 */
export class Records implements InputContext {
  readonly schema: Schema
  readonly #faults: Faults
  readonly #clock: SandboxClock
  readonly #uuid: () => string
  readonly #changed: (batch: ChangeBatch) => void
  readonly #tables = new Map<string, Table>()
  readonly #positions = new Map<string, number>()

  constructor(options: RecordsOptions) {
    this.schema = options.schema
    this.#faults = options.faults
    this.#clock = options.clock
    this.#uuid = options.uuid ?? randomUUID
    this.#changed = options.changed
  }

  get versions() {
    return this.#faults.versions
  }

  table(object: string): Table {
    const table = this.#tables.get(object) ?? new Table(this.schema.bySingular(object)!)
    this.#tables.set(object, table)
    return table
  }

  dropTable(object: string): void {
    this.#tables.delete(object)
  }

  /** The live row. @throws TwentyError 404 when it is missing or soft-deleted. */
  live(object: ObjectMeta, id: string): Row {
    const row = this.table(object.nameSingular).get(id)
    if (!row || row.deletedAt !== null) throw notFound()
    return row
  }

  read(object: ObjectMeta, input: unknown, creating: boolean): Patch {
    return readInput(object, input, this, creating)
  }

  /** One insert: a clash of any row with the table or with another row refuses them all. */
  create(object: ObjectMeta, inputs: readonly unknown[], caller: Caller, quiet = false): Row[] {
    if (inputs.length > MAX_RECORDS && !quiet) throw tooMany(MAX_RECORDS)
    return this.insert(
      object,
      inputs.map(input => this.read(object, input, true)),
      caller,
      quiet,
    )
  }

  insert(object: ObjectMeta, patches: readonly Patch[], caller: Caller, quiet = false): Row[] {
    const table = this.table(object.nameSingular)
    const now = this.#now()
    const stored: Row[] = []
    try {
      for (const patch of patches) {
        const id = (patch.id as string | undefined) ?? this.#uuid()
        const fixed = { id, now, position: this.#nextPosition(object), caller, versions: this.versions }
        const row = newRow(object, patch, fixed)
        if (table.get(id)) throw duplicate('id', 'PK', { id, object: object.nameSingular })
        this.#refuseClash(table, row)
        table.put(row)
        stored.push(row)
      }
    } catch (error) {
      for (const row of stored) table.remove(row.id as string)
      throw error
    }
    if (!quiet)
      this.#emit(
        object,
        'created',
        caller,
        stored.map(record => ({ action: 'created', record })),
      )
    return stored
  }

  update(object: ObjectMeta, id: string, input: unknown, caller: Caller): Row {
    const before = this.live(object, id)
    const patch = this.read(object, input, false)
    return this.write(object, [{ before, patch }], 'updated', caller)[0]!
  }

  /** The same patch for every row. */
  updateMany(object: ObjectMeta, rows: readonly Row[], input: unknown, caller: Caller): Row[] {
    if (rows.length > MAX_AFFECTED) throw tooManyAffected('update')
    const patch = this.read(object, input, false)
    const writes = rows.map(before => ({ before, patch }))
    return this.write(object, writes, 'updated', caller)
  }

  softDelete(object: ObjectMeta, rows: readonly Row[], caller: Caller): Row[] {
    if (rows.length > MAX_AFFECTED) throw tooManyAffected('delete')
    const now = this.#now()
    return this.write(
      object,
      rows.map(before => ({ before, patch: { deletedAt: now } })),
      'deleted',
      caller,
    )
  }

  restore(object: ObjectMeta, rows: readonly Row[], caller: Caller): Row[] {
    if (rows.length > MAX_AFFECTED) throw tooManyAffected('restore')
    return this.write(
      object,
      rows.map(before => ({ before, patch: { deletedAt: null } })),
      'restored',
      caller,
    )
  }

  destroy(object: ObjectMeta, rows: readonly Row[], caller: Caller): Row[] {
    if (rows.length > MAX_AFFECTED) throw tooManyAffected('destroy')
    const table = this.table(object.nameSingular)
    for (const row of rows) table.remove(row.id as string)
    this.#emit(
      object,
      'destroyed',
      caller,
      rows.map(record => ({ action: 'destroyed', record })),
    )
    cascade(this, object, rows, caller, this.versions.cascadeEvents)
    return [...rows]
  }

  /** Stores changed rows and tells of them. All rows are checked before the first is stored. */
  write(
    object: ObjectMeta,
    writes: readonly { readonly before: Row; readonly patch: Patch }[],
    action: 'updated' | 'deleted' | 'restored',
    caller: Caller,
    silent = false,
  ): Row[] {
    const table = this.table(object.nameSingular)
    const done: Row[] = []
    const rows: Row[] = []
    const changes: Change[] = []
    try {
      for (const { before, patch } of writes) {
        const after = this.#after(object, before, patch, action, caller)
        const changed = changedFields(object, before, after, this.versions.updatedFieldsNameRelations)
        if (changed.length === 0 && !this.versions.noopTouchesUpdatedAt) {
          rows.push(before)
          continue
        }
        after.updatedAt = this.#later(before.updatedAt as string)
        this.#refuseClash(table, after)
        table.put(after)
        done.push(before)
        rows.push(after)
        if (changed.length > 0) changes.push({ action, record: after, updatedFields: changed })
      }
    } catch (error) {
      for (const before of done) table.put(before)
      throw error
    }
    if (!silent) this.#emit(object, action, caller, changes)
    return rows
  }

  #after(object: ObjectMeta, before: Row, patch: Patch, action: Action, caller: Caller): Record<string, unknown> {
    const { id: _id, position, ...rest } = patch
    const after = applyPatch(before, rest, object)
    if (typeof position === 'number') after.position = position
    const stamps = action !== 'deleted' || this.versions.stampsUpdatedByOnSoftDelete
    if (caller.kind !== 'system' && this.versions.stampsUpdatedBy && stamps) after.updatedBy = actorOf(caller)
    return after
  }

  #refuseClash(table: Table, row: Row): void {
    if (row.deletedAt !== null && !this.versions.softDeletedRowsAreUnique) return
    const clash = table.clash(row, this.versions.softDeletedRowsAreUnique)
    if (!clash) return
    const column = clash.index.paths
      .map(path => path.map((part, at) => (at ? capital(part) : part)).join(''))
      .join(', ')
    const object = table.object.nameSingular
    throw duplicate(column, clash.index.name, { id: clash.holder.id as string, object })
  }

  #emit(object: ObjectMeta, action: Action, caller: Caller, changes: readonly Change[]): void {
    if (changes.length > 0) this.#changed({ object, action, changes, caller })
  }

  #now(): string {
    return new Date(serverNow(this.#clock, this.#faults)).toISOString()
  }

  /** Now, but after `before`: one row never has the same time twice, unless timestamps are coarse. */
  #later(before: string): string {
    const now = serverNow(this.#clock, this.#faults)
    if (this.#faults.clock.granularityMs > 1) return new Date(now).toISOString()
    return new Date(Math.max(now, Date.parse(before) + 1)).toISOString()
  }

  #nextPosition(object: ObjectMeta): number {
    const position = (this.#positions.get(object.nameSingular) ?? 0) + 1
    this.#positions.set(object.nameSingular, position)
    return position
  }
}

function capital(part: string): string {
  return part.charAt(0).toUpperCase() + part.slice(1)
}

function tooMany(limit: number) {
  return badRequest(`Maximum number of records to upsert is ${limit}.`, 'TOO_MANY_RECORDS_TO_UPDATE')
}

function tooManyAffected(verb: string) {
  return badRequest(`Cannot ${verb} more than ${MAX_AFFECTED} records at once`, 'TOO_MANY_RECORDS_TO_UPDATE')
}
