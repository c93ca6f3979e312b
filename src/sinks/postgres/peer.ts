import type { PostgresClient } from '../../clients/postgres/client.ts'
import type { Table } from '../../clients/postgres/column.ts'
import { isPossible } from '../../clients/postgres/possible.ts'
import { type Row, rowOf } from '../../clients/postgres/row.ts'
import { encode, isEmpty, normalise } from '../../clients/postgres/value.ts'
import { actionOf, type ChangeEvent, recordIdOf } from '../../event.ts'
import { nearest } from '../../nearest.ts'
import type { Peer, PeerChange, PeerOptions, PeerOutcome, PeerPage, PeerRecord, PeerWrite } from '../../sync/peer.ts'
import { placeOf, unknownPath, writeFault } from './path.ts'
import { countLive, type Statement, selectAny, selectInner, selectPage } from './statements.ts'
import { choosesId, Writer } from './write.ts'

const READ = 1000
const WRITE = 200

/** A table as a side of a sync. What depends on its columns is told once the database was asked: by any call. */
export class PostgresPeer implements Peer {
  readonly system: string
  readonly object: string
  readonly conditional = true
  readonly batch = { read: READ, write: WRITE, delete: WRITE }
  readonly #client: PostgresClient

  constructor(client: PostgresClient, object: string) {
    this.system = client.name
    this.object = object
    this.#client = client
    client.tableConfig(object)
  }

  /** False before the first call: then nobody relies on an id of ours. */
  get choosesId(): boolean {
    const table = this.#client.knownTable(this.object)
    return table !== undefined && choosesId(table)
  }

  get restores(): boolean {
    return this.#client.tableConfig(this.object).deletedAt !== undefined
  }

  get granularityMs(): number {
    const digits = this.#client.knownTable(this.object)?.updatedAt.secondDigits ?? 6
    return Math.max(1, 10 ** (3 - digits))
  }

  clockOffsetMs(): number {
    return this.#client.clockOffsetMs()
  }

  async list(cursor: unknown, options: PeerOptions): Promise<PeerPage> {
    const table = await this.#table(options)
    const after = typeof cursor === 'string' ? cursor : undefined
    const total = after === undefined ? await this.#total(table, options) : undefined
    const records = await this.#rows(table, selectPage(table, after, READ), options)
    return {
      records,
      ...(records.length === READ && { next: records.at(-1)!.id }),
      ...(total !== undefined && { total }),
    }
  }

  async get(ids: readonly string[], options: PeerOptions): Promise<(PeerRecord | undefined)[]> {
    const table = await this.#table(options)
    const possible = ids.filter(id => isPossible(table.id, id))
    if (possible.length === 0) return ids.map(() => undefined)
    const rows = await this.#rows(table, selectAny(table, table.id, possible), options)
    const byId = new Map(rows.map(row => [row.id, row]))
    return ids.map(id => byId.get(String(normalise(table.id, id))))
  }

  async find(path: string, values: readonly unknown[], options: PeerOptions): Promise<PeerRecord[]> {
    const table = await this.#table(options)
    const { column, inner } = placeOf(table, path) ?? unknownPath(table, path)
    const wanted = values.filter(value => !isEmpty(value))
    if (inner.length > 0) {
      const texts = wanted.map(value => (typeof value === 'object' ? JSON.stringify(value) : String(value)))
      return texts.length === 0 ? [] : this.#rows(table, selectInner(table, column, inner, texts), options)
    }
    const element = { ...column, isArray: false }
    const texts = wanted.flatMap(value => {
      try {
        const text = encode(element, value)
        return text !== null && isPossible(element, text) ? [text] : []
      } catch {
        // What the column cannot hold is held by no row.
        return []
      }
    })
    return texts.length === 0 ? [] : this.#rows(table, selectAny(table, column, texts), options)
  }

  async write(writes: readonly PeerWrite[], options: PeerOptions): Promise<PeerOutcome[]> {
    return new Writer(this.#client, await this.#table(options), options).write(writes)
  }

  changeOf(event: ChangeEvent): PeerChange {
    const action = actionOf(event)
    const kind = action === 'deleted' || action === 'destroyed' ? action : 'present'
    const { version = event.time, by } = event.extensions ?? {}
    return {
      kind,
      record: { id: recordIdOf(event), version, deleted: kind !== 'present', data: event.data },
      ...(event.changed && { changed: event.changed }),
      ...(action === 'restored' && { restored: true as const }),
      ...(by && { by }),
    }
  }

  normalise(path: string, value: unknown): unknown {
    const table = this.#client.knownTable(this.object)
    const place = table && placeOf(table, path)
    if (place?.inner.length === 0) return normalise(place.column, value)
    return isEmpty(value) ? null : value
  }

  async verify(uses: Parameters<Peer['verify']>[0], options: PeerOptions): Promise<void> {
    const table = await this.#client.table(this.object, options, true)
    for (const { path, writes, problem } of uses) {
      const place = placeOf(table, path)
      if (!place) {
        problem(`table ${table.name} has no column ${path}`, nearest(path, [...table.columns.keys()]))
        continue
      }
      const { column } = place
      if (column.kind === 'refused')
        problem(`column ${column.name} is ${column.type}, which is neither read nor written`)
      else if (writes && writeFault(table, column)) problem(`column ${column.name} ${writeFault(table, column)}`)
    }
  }

  #table(options: PeerOptions): Promise<Table> {
    return this.#client.table(this.object, options)
  }

  async #rows(table: Table, { text, values }: Statement, options: PeerOptions): Promise<Row[]> {
    const { rows } = await this.#client.query(text, values, options)
    return rows.map(row => rowOf(table, row))
  }

  async #total(table: Table, options: PeerOptions): Promise<number> {
    const { text, values } = countLive(table)
    const { rows } = await this.#client.query(text, values, options)
    return Number(rows[0]?.[0])
  }
}
