import { isolate } from '../../clients/isolate.ts'
import type { CallOptions } from '../../clients/twenty/calls.ts'
import type { TwentyClient } from '../../clients/twenty/client.ts'
import { either, unchangedSince } from '../../clients/twenty/filter.ts'
import type { Row } from '../../clients/twenty/records.ts'
import type { TwentyObject } from '../../clients/twenty/schema.ts'
import { instantOf } from '../../clients/twenty/times.ts'
import { writeValue } from '../../clients/twenty/write-value.ts'
import { asSyncError, SyncError } from '../../errors.ts'
import type { Fields } from '../../event.ts'
import type { PeerOutcome, PeerWrite } from '../../sync/peer.ts'
import type { Lookup } from './lookup.ts'
import { byId, noAnswer } from './outcomes.ts'
import { recordOf } from './peer-record.ts'
import { RowIndex } from './row-index.ts'
import { addValue, type KeySet, uniqueKeys, type Values } from './values.ts'

type Create = Extract<PeerWrite, { op: 'create' }>
type Update = Extract<PeerWrite, { op: 'update' | 'restore' }>
type Delete = Extract<PeerWrite, { op: 'delete' }>

/** A write with what goes over the wire for it. */
interface Sending<W> {
  readonly write: W
  readonly row: Row
  /** Values of it that no other record may have. */
  readonly unique: readonly KeySet[]
}

type Result = PeerOutcome | SyncError

/** Conditions of deletes that fit into one request line. */
const MOST_DELETES = 60

/** The writes of a sync to one object. */
export class PeerWriter {
  readonly #client: TwentyClient
  readonly #lookup: Lookup
  readonly #object: TwentyObject
  readonly #options: CallOptions

  constructor(client: TwentyClient, lookup: Lookup, object: TwentyObject, options: CallOptions) {
    this.#client = client
    this.#lookup = lookup
    this.#object = object
    this.#options = options
  }

  /** One outcome per write, same order; all are of one `op`. Does not throw. */
  async write(writes: readonly PeerWrite[]): Promise<PeerOutcome[]> {
    const deletes = writes.filter((write): write is Delete => write.op === 'delete')
    if (deletes.length > 0) return this.#delete(deletes)
    const results = new Map<PeerWrite, PeerOutcome>()
    const creates: Sending<Create>[] = []
    const updates: Sending<Update>[] = []
    for (const write of writes) {
      try {
        if (write.op === 'create') creates.push(this.#sending(write, {}))
        else if (write.op !== 'delete') updates.push(this.#sending(write, write.current))
      } catch (thrown) {
        results.set(write, failed(asSyncError(thrown)))
      }
    }
    const settle = (sent: readonly Sending<PeerWrite>[], outcomes: readonly PeerOutcome[]) =>
      sent.forEach((each, place) => void results.set(each.write, outcomes[place]!))
    if (creates.length > 0) settle(creates, await this.#create(creates))
    if (updates.length > 0) settle(updates, await this.#update(updates))
    return writes.map(write => results.get(write)!)
  }

  /** @throws SyncError rejected for a field or value that Twenty would refuse. */
  #sending<W extends Create | Update>(write: W, current: Fields): Sending<W> {
    const object = this.#object
    const values: Values = new Map()
    for (const [path, value] of Object.entries(write.values)) addValue(values, object, path, value)
    const row: Fields = {}
    for (const [column, { field, given }] of values) {
      row[column] = writeValue(object, column, field, given, current[column])
    }
    return { write, row: { ...row, id: write.id }, unique: uniqueKeys(object, values) }
  }

  async #create(creates: readonly Sending<Create>[]): Promise<PeerOutcome[]> {
    const send = async (some: readonly Sending<Create>[]): Promise<Result[]> => {
      const rows = byId(await this.#client.create(this.#object, some.map(rowOf), this.#options))
      return some.map(each => this.#written(each, rows.get(each.write.id)))
    }
    let refusal: SyncError
    try {
      return (await send(creates)).map(outcomeOf)
    } catch (thrown) {
      refusal = asSyncError(thrown)
    }
    if (refusal.code !== 'TWENTY_DUPLICATE') return this.#settled(creates, await isolate(creates, send, { refusal }))
    const found = await this.#holders(creates)
    if (found instanceof SyncError) return creates.map(() => failed(found))
    const left = creates.filter((_, place) => !found[place])
    // With some of them gone the rest deserves a try as a whole.
    const isAnother = left.length < creates.length
    const again = left.length > 0 ? await isolate(left, send, { refusal: isAnother ? undefined : refusal }) : []
    const outcomes = await this.#settled(left, again)
    return creates.map((each, place) => found[place] ?? outcomes[left.indexOf(each)]!)
  }

  async #update(updates: readonly Sending<Update>[]): Promise<PeerOutcome[]> {
    const [only] = updates
    if (updates.length === 1 && only!.write.op === 'update')
      return this.#settled(updates, [await this.#updateOne(only!)])
    const send = async (some: readonly Sending<Update>[]): Promise<Result[]> => {
      const [one] = some
      // By PATCH nothing in the trash comes back. Its version may be our own by now, as a batch may have been done in part.
      if (some.length === 1 && one!.write.op === 'update') {
        return [this.#written(one!, await this.#client.update(this.#object, one!.row, this.#options))]
      }
      const rows = byId(await this.#client.upsert(this.#object, some.map(rowOf), this.#options))
      return Promise.all(some.map(each => this.#upserted(each, rows.get(each.write.id))))
    }
    return this.#settled(updates, await isolate(updates, send))
  }

  /** Refused by Twenty itself when somebody changed or deleted the record since. */
  async #updateOne({ write, row: { id, ...values } }: Sending<Update>): Promise<Result> {
    try {
      const filter = unchangedSince(id, write.version)
      const [row] = await this.#client.updateWhere(this.#object, filter, values, this.#options)
      if (row) return { status: 'written', record: recordOf(row), exact: true }
      const [now] = await this.#read([id])
      return !now || now.deletedAt ? { status: 'gone' } : { status: 'changed', record: recordOf(now) }
    } catch (thrown) {
      return asSyncError(thrown)
    }
  }

  /** P7: where the record was destroyed after it was read, the upsert has made a new one; that is taken back. */
  async #upserted(sent: Sending<Update>, row: Row | undefined): Promise<Result> {
    if (!row || !isMadeAnew(row, sent.write)) return this.#written(sent, row)
    try {
      await this.#client.remove(this.#object, [row.id], { ...this.#options, destroy: true })
      return { status: 'gone' }
    } catch (thrown) {
      const { code, message } = asSyncError(thrown)
      const said = `${this.#object.name} ${row.id} was destroyed, came back by this write and could not be destroyed again: ${message}`
      return new SyncError('retryable', code, said, { cause: thrown, outcomeUnknown: true })
    }
  }

  #written({ write }: Sending<PeerWrite>, row: Row | undefined): Result {
    return row ? { status: 'written', record: recordOf(row), exact: true } : noAnswer(this.#object.name, write.id)
  }

  /** What was refused, made an outcome where there is one for it. */
  async #settled(sent: readonly Sending<Create | Update>[], results: readonly Result[]): Promise<PeerOutcome[]> {
    const isTaken = (result: Result | undefined) => result instanceof SyncError && result.code === 'TWENTY_DUPLICATE'
    const taken = sent.filter((_, place) => isTaken(results[place]))
    const found = taken.length > 0 ? await this.#holders(taken) : []
    return sent.map((each, place) => {
      const result = results[place]!
      if (!isTaken(result)) return outcomeOf(result)
      const holder = found instanceof SyncError ? undefined : found[taken.indexOf(each)]
      return holder ?? { status: 'taken' }
    })
  }

  /** Per write the record that has its id (P3: an earlier try made it) or one of its unique values. */
  async #holders(sent: readonly Sending<Create | Update>[]): Promise<(PeerOutcome | undefined)[] | SyncError> {
    const object = this.#object
    const index = new RowIndex()
    try {
      const ids = sent.map(each => each.write.id)
      await this.#lookup.read([{ object, ids, keys: sent.flatMap(each => each.unique) }], index, this.#options)
    } catch (thrown) {
      return asSyncError(thrown)
    }
    return sent.map(({ write, unique }): PeerOutcome | undefined => {
      const own = write.op === 'create' ? index.byId(object.name, write.id) : undefined
      if (own && !own.deletedAt) return { status: 'written', record: recordOf(own), exact: false }
      const [holder] = own ? [own] : index.matching(object.name, unique).filter(row => row.id !== write.id)
      return holder && { status: 'taken', record: recordOf(holder) }
    })
  }

  async #delete(deletes: readonly Delete[]): Promise<PeerOutcome[]> {
    const send = async (some: readonly Delete[]): Promise<Result[]> => {
      const condition = either(some.map(({ id, version }) => unchangedSince(id, version)))
      const removed = new Set(await this.#client.removeWhere(this.#object, condition, this.#options))
      const left = some.filter(({ id }) => !removed.has(id))
      const rows = left.length > 0 ? byId(await this.#read(left.map(({ id }) => id))) : new Map<string, Row>()
      return some.map(({ id }) => {
        const row = rows.get(id)
        if (removed.has(id)) return { status: 'deleted' }
        return !row || row.deletedAt ? { status: 'gone' } : { status: 'changed', record: recordOf(row) }
      })
    }
    const results: Result[] = []
    for (let from = 0; from < deletes.length; from += MOST_DELETES) {
      results.push(...(await isolate(deletes.slice(from, from + MOST_DELETES), send)))
    }
    return results.map(outcomeOf)
  }

  async #read(ids: readonly string[]): Promise<Row[]> {
    const index = new RowIndex()
    await this.#lookup.read([{ object: this.#object, ids }], index, this.#options)
    return ids.flatMap(id => index.byId(this.#object.name, id) ?? [])
  }
}

/** Two stamps of one insert. */
const SAME_INSERT_MS = 1000

/**
 * An upsert that found no row inserts one: made now, by the server's own clock, and so after the version that we know.
 * The later time alone would not do: an import may give a record any `createdAt`.
 */
function isMadeAnew({ createdAt, updatedAt }: Row, { current, version }: Update): boolean {
  const made = instantOf(createdAt)
  if (made === undefined) return false
  if (made > Date.parse(version) && Math.abs((instantOf(updatedAt) ?? 0) - made) < SAME_INSERT_MS) return true
  const known = instantOf(current.createdAt)
  return known !== undefined && known !== made
}

function rowOf({ row }: Sending<PeerWrite>): Row {
  return row
}

function outcomeOf(result: Result): PeerOutcome {
  if (!(result instanceof SyncError)) return result
  return result.code === 'TWENTY_NOT_FOUND' ? { status: 'gone' } : failed(result)
}

function failed(error: SyncError): PeerOutcome {
  return { status: 'failed', error }
}
