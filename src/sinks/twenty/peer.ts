import type { TwentyClient } from '../../clients/twenty/client.ts'
import { batchOf, type TwentyConfig } from '../../clients/twenty/config.ts'
import { MOST_AFFECTED, MOST_ROWS } from '../../clients/twenty/records.ts'
import type { TwentySchema } from '../../clients/twenty/schema.ts'
import { isTwentyId } from '../../clients/twenty/write-value.ts'
import type { PeerContext } from '../../config/definition.ts'
import { SyncError } from '../../errors.ts'
import type { Peer, PeerOptions, PeerOutcome, PeerPage, PeerRecord, PeerWrite } from '../../sync/peer.ts'
import { Lookup } from './lookup.ts'
import { isUnknownField, mayBeOutdated } from './outcomes.ts'
import { changeOf, recordOf } from './peer-record.ts'
import { comparableAt } from './peer-value.ts'
import { faultsOf } from './peer-verify.ts'
import { PeerWriter } from './peer-writer.ts'
import { RowIndex } from './row-index.ts'
import { keyText } from './values.ts'

/** An object of a workspace as a side of a sync. `normalise` needs the field list, which `verify` and every call load. */
export class TwentyPeer implements Peer {
  readonly system: string
  readonly object: string
  readonly choosesId = true
  /**
   * Twenty refuses an outdated change of one record (`PATCH ?filter=` naming its `updatedAt`), and deletes by such a filter;
   * both are used. Its batch, the upsert, takes no condition: it overwrites what was edited a moment ago, and brings back
   * what was put into the trash. Whoever updates or restores several at once has to `get` them right before.
   */
  readonly conditional = false
  readonly restores = true
  readonly granularityMs = 1
  readonly batch: Peer['batch']
  readonly changeOf = changeOf
  readonly #client: TwentyClient
  readonly #lookup: Lookup

  constructor(config: TwentyConfig, { name, object, client, env }: PeerContext) {
    this.system = name
    this.object = object
    const write = batchOf(config)
    this.batch = { read: MOST_ROWS, write, delete: Math.min(write, MOST_AFFECTED) }
    this.#client = client as TwentyClient
    this.#lookup = new Lookup(this.#client, env.clock)
  }

  clockOffsetMs(): number {
    return Math.round(this.#client.clockOffset?.offsetMs ?? 0)
  }

  async list(cursor: unknown, options: PeerOptions): Promise<PeerPage> {
    const object = await this.#object(options)
    const after = typeof cursor === 'string' ? cursor : undefined
    // Without an order: with one, pages of some versions repeat and leave out rows.
    const { rows, next, total } = await this.#client.find(object, { after }, options)
    if (next !== undefined && next === after) {
      // P7: a walk that stands still must not pass for a complete one, which proves what is missing.
      const message = `Twenty gives the same page of ${object.plural} again; a proxy may drop the query parameter starting_after`
      throw new SyncError('retryable', 'INVALID_ANSWER', message)
    }
    const records = rows.map(recordOf)
    return { records, ...(next !== undefined && { next }), ...(total !== undefined && { total }) }
  }

  async get(ids: readonly string[], options: PeerOptions): Promise<(PeerRecord | undefined)[]> {
    const object = await this.#object(options)
    const index = new RowIndex()
    // One id that is none would have the call refused as a whole.
    const known = ids.map(id => (isTwentyId(id) ? id.toLowerCase() : undefined))
    await this.#lookup.read([{ object, ids: known.filter(id => id !== undefined) }], index, options)
    return known.map(id => {
      const row = id === undefined ? undefined : index.byId(object.name, id)
      return row && recordOf(row)
    })
  }

  async find(path: string, values: readonly unknown[], options: PeerOptions): Promise<PeerRecord[]> {
    const object = await this.#object(options)
    const at = object.resolve(path)
    const keys = values
      .map(value => ({ at, value: keyText(at, value) }))
      .filter(({ value }) => value !== '')
      .map(key => [key])
    const index = new RowIndex()
    await this.#lookup.read([{ object, keys }], index, options)
    return index.matching(object.name, keys).map(recordOf)
  }

  async write(writes: readonly PeerWrite[], options: PeerOptions): Promise<PeerOutcome[]> {
    const outcomes = await this.#written(writes, options)
    const isOutdated = (outcome: PeerOutcome) => outcome.status === 'failed' && mayBeOutdated(outcome.error)
    if (!outcomes.some(outcome => isOutdated(outcome) || isUnknownField(outcome))) return outcomes
    const { latest } = this.#client.schemas
    const newest = await this.#client.schemas.refreshOnDemand(options).catch(() => latest)
    const doubtful = writes.filter((_, place) => isOutdated(outcomes[place]!))
    if (newest === latest || doubtful.length === 0) return outcomes
    const again = await this.#written(doubtful, options)
    return outcomes.map((outcome, place) => again[doubtful.indexOf(writes[place]!)] ?? outcome)
  }

  /** @throws SyncError retryable where the field list was never read by this process. */
  normalise(path: string, value: unknown): unknown {
    const schema = this.#client.schemas.latest
    if (schema) return comparableAt(schema.object(this.object), path, value)
    const message = `the field list of ${this.system} is not read yet, and without it no two values can be compared`
    throw new SyncError('retryable', 'FIELDS_NOT_READ', message)
  }

  async verify(uses: Parameters<Peer['verify']>[0], options: PeerOptions): Promise<void> {
    const known = await this.#client.schemas.get(options)
    let faults = faultsOf(uses, this.object, known)
    if (faults.length > 0) faults = faultsOf(uses, this.object, await this.#client.schemas.refreshOnDemand(options))
    for (const { use, message, suggestion } of faults) use.problem(message, suggestion)
  }

  async #written(writes: readonly PeerWrite[], options: PeerOptions): Promise<PeerOutcome[]> {
    const object = await this.#object(options)
    return new PeerWriter(this.#client, this.#lookup, object, options).write(writes)
  }

  async #object(options: PeerOptions): Promise<ReturnType<TwentySchema['object']>> {
    return (await this.#client.schemas.get(options)).object(this.object)
  }
}
