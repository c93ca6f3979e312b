import type { PostgresClient } from '../../clients/postgres/client.ts'
import type { Table } from '../../clients/postgres/column.ts'
import { saidBy } from '../../clients/postgres/errors.ts'
import { isPossible } from '../../clients/postgres/possible.ts'
import { type Row, rowOf } from '../../clients/postgres/row.ts'
import { asSyncError } from '../../errors.ts'
import type { PeerOptions, PeerOutcome, PeerWrite } from '../../sync/peer.ts'
import { columnTexts } from './path.ts'
import { type ColumnTexts, insert, remove, type Statement, selectAny, selectEqual, update } from './statements.ts'

type Create = PeerWrite & { readonly op: 'create' }
type Change = Exclude<PeerWrite, Create>

const UNIQUE_VIOLATION = '23505'
/** The protocol counts parameters in 16 bits. */
const MOST_VALUES = 60_000

/** Writes to one table. One outcome per write, in order; what concerns the call as a whole is the outcome of each. */
export class Writer {
  readonly #client: PostgresClient
  readonly #table: Table
  readonly #options: PeerOptions

  constructor(client: PostgresClient, table: Table, options: PeerOptions) {
    this.#client = client
    this.#table = table
    this.#options = options
  }

  async write(writes: readonly PeerWrite[]): Promise<PeerOutcome[]> {
    const creates = writes.filter(write => write.op === 'create')
    if (creates.length === writes.length && creates.length > 1 && choosesId(this.#table))
      return this.#createAll(creates)
    return Promise.all(writes.map(write => this.#guarded(() => this.#one(write))))
  }

  async #guarded(run: () => Promise<PeerOutcome>): Promise<PeerOutcome> {
    try {
      return await run()
    } catch (thrown) {
      return { status: 'failed', error: asSyncError(thrown) }
    }
  }

  #one(write: PeerWrite): Promise<PeerOutcome> {
    return write.op === 'create' ? this.#create(write) : this.#change(write)
  }

  /** One statement for all; when the database refuses one of them, each has its own, so that only that one fails. */
  async #createAll(creates: readonly Create[]): Promise<PeerOutcome[]> {
    const outcomes = new Map<Create, PeerOutcome>()
    const rows: { create: Create; texts: ColumnTexts }[] = []
    for (const create of creates) {
      try {
        rows.push({ create, texts: this.#texts(create) })
      } catch (thrown) {
        outcomes.set(create, { status: 'failed', error: asSyncError(thrown) })
      }
    }
    const perCall = Math.max(1, Math.floor(MOST_VALUES / (this.#table.columns.size + 1)))
    for (let from = 0; from < rows.length; from += perCall) {
      const some = rows.slice(from, from + perCall)
      for (const [create, outcome] of await this.#insertSome(some)) outcomes.set(create, outcome)
    }
    return creates.map(create => outcomes.get(create)!)
  }

  async #insertSome(rows: readonly { create: Create; texts: ColumnTexts }[]): Promise<[Create, PeerOutcome][]> {
    const each = (outcome: (create: Create, texts: ColumnTexts) => Promise<PeerOutcome>) =>
      Promise.all(
        rows.map(async ({ create, texts }): Promise<[Create, PeerOutcome]> => [create, await outcome(create, texts)]),
      )
    if (rows.length === 0) return []
    let written: Row[]
    try {
      written = await this.#rows(
        insert(
          this.#table,
          rows.map(({ texts }) => texts),
        ),
        true,
      )
    } catch (thrown) {
      const error = asSyncError(thrown)
      if (error.kind === 'rejected') return each(create => this.#guarded(() => this.#create(create)))
      return each(async () => ({ status: 'failed', error }))
    }
    const byId = new Map(written.map(row => [row.id, row]))
    return each((create, texts) => {
      const record = byId.get(ownId(this.#table, create.id))
      return record ? Promise.resolve(writtenAs(record)) : this.#guarded(() => this.#conflict(create, texts))
    })
  }

  async #create(create: Create): Promise<PeerOutcome> {
    const texts = this.#texts(create)
    const [record] = await this.#rows(insert(this.#table, [texts]), true)
    return record ? writtenAs(record) : this.#conflict(create, texts)
  }

  /** Nothing was inserted: an earlier try of ours was, or another row holds a unique value. */
  async #conflict({ id }: Create, texts: ColumnTexts): Promise<PeerOutcome> {
    const table = this.#table
    if (choosesId(table)) {
      const [ours] = await this.#rows(selectAny(table, table.id, [ownId(table, id)]))
      if (ours)
        return ours.deleted ? { status: 'taken', record: ours } : { status: 'written', record: ours, exact: false }
    }
    const record = await this.#holder(texts)
    return { status: 'taken', ...(record && { record }) }
  }

  async #holder(texts: ColumnTexts): Promise<Row | undefined> {
    for (const names of this.#table.unique) {
      const columns = names.map(name => this.#table.columns.get(name))
      const equal = new Map<Parameters<ColumnTexts['get']>[0], string | null>()
      for (const column of columns) if (column && texts.get(column) != null) equal.set(column, texts.get(column)!)
      if (equal.size < names.length) continue
      const [row] = await this.#rows(selectEqual(this.#table, equal))
      if (row) return row
    }
    return undefined
  }

  async #change(write: Change): Promise<PeerOutcome> {
    const table = this.#table
    if (!isPossible(table.id, write.id)) return { status: 'gone' }
    if (write.op === 'delete' && !table.deletedAt) {
      const { count } = await this.#run(remove(table, write), true)
      return count > 0 ? { status: 'deleted' } : this.#missed(write)
    }
    const texts: ColumnTexts = write.op === 'delete' ? new Map() : columnTexts(table, write.values, write.current)
    const mark = write.op === 'update' ? undefined : write.op
    try {
      const [record] = await this.#rows(update(table, write, texts, mark), true)
      if (!record) return this.#missed(write)
      return write.op === 'delete' ? { status: 'deleted', version: record.version } : writtenAs(record)
    } catch (thrown) {
      if (saidBy(asSyncError(thrown).cause)?.state !== UNIQUE_VIOLATION) throw thrown
      const record = await this.#holder(texts)
      return { status: 'taken', ...(record && { record }) }
    }
  }

  async #missed({ op, id }: Change): Promise<PeerOutcome> {
    const [record] = await this.#rows(selectAny(this.#table, this.#table.id, [id]))
    if (!record) return { status: 'gone' }
    // Somebody was faster, and it is as wanted.
    if (op === 'delete' && record.deleted) return { status: 'deleted', version: record.version }
    return { status: 'changed', record }
  }

  #texts({ id, values }: Create): ColumnTexts {
    const texts = columnTexts(this.#table, values, {})
    return choosesId(this.#table) ? new Map([[this.#table.id, ownId(this.#table, id)], ...texts]) : texts
  }

  async #rows(statement: Statement, writes = false): Promise<Row[]> {
    const { rows } = await this.#run(statement, writes)
    return rows.map(row => rowOf(this.#table, row))
  }

  #run({ text, values }: Statement, writes: boolean) {
    return this.#client.query(text, values, { ...this.#options, writes })
  }
}

/** The database makes no ids by itself that would have to be followed: a UUID or a text can be ours. */
export function choosesId({ id }: Table): boolean {
  const isText = ['text', 'character varying', 'citext'].includes(id.type)
  return (id.kind === 'uuid' || isText) && !id.readOnly
}

function ownId({ id }: Table, given: string): string {
  return id.kind === 'uuid' ? given.toLowerCase() : given
}

function writtenAs(record: Row): PeerOutcome {
  return { status: 'written', record, exact: true }
}
