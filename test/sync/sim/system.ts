import type { SideName } from '../../../src/config/config.ts'
import type { Clock } from '../../../src/environment.ts'
import { FIELDS, KEY, kept, same, type Value, type Values } from './fields.ts'

export interface Traits {
  readonly side: SideName
  /** How far the system's clock is ahead of the true time, and how far ahead of it we measure it to be. */
  readonly skewMs: number
  readonly measuredMs: number
  readonly granularityMs: number
  readonly choosesId: boolean
  readonly conditional: boolean
  /** A deleted record goes to a trash, from which it can be taken back. */
  readonly trash: boolean
  readonly rewrites: boolean
  readonly uniqueKey: boolean
  /** Says whose the taken key is. */
  readonly tellsTaken: boolean
  readonly batch: { readonly read: number; readonly write: number; readonly delete: number }
  readonly page: number
}

export interface SystemRecord {
  readonly id: string
  version: string
  deleted: boolean
  values: Values
  /** Of the latest change. */
  seq: number
}

/** One change of one record, as it truly was. The oracle judges by these. */
export interface Change {
  readonly seq: number
  readonly side: SideName
  readonly id: string
  readonly at: number
  readonly version: string
  /** undefined: a person. */
  readonly by?: string
  readonly op: 'create' | 'update' | 'delete' | 'restore'
  readonly before?: Values
  readonly after: Values
  /** Fields named by the change, whether their value is another one or not. */
  readonly fields: readonly string[]
  readonly hard?: boolean
  /** When a webhook that shows it reached the log first; undefined: none ever did. */
  toldAt?: number
  /** Of ours: the answer reached the process that wrote, and it lived on. */
  answeredAt?: number
}

export type Refusal = 'none' | 'changed' | 'gone' | 'taken'

/** One simulated system: its records, its clock, and everything that ever happened to it. */
export class SimSystem {
  readonly traits: Traits
  readonly records = new Map<string, SystemRecord>()
  readonly changes: Change[] = []
  onChange: (change: Change, record: SystemRecord) => void = () => {}
  readonly #clock: Clock
  readonly #newId: () => string
  readonly #seq: () => number

  constructor(traits: Traits, { clock, newId, seq }: { clock: Clock; newId: () => string; seq: () => number }) {
    this.traits = traits
    this.#clock = clock
    this.#newId = newId
    this.#seq = seq
  }

  get side(): SideName {
    return this.traits.side
  }

  get alive(): SystemRecord[] {
    return [...this.records.values()].filter(record => !record.deleted)
  }

  get trashed(): SystemRecord[] {
    return [...this.records.values()].filter(record => record.deleted)
  }

  rewrite(name: string, value: Value): Value {
    const plain = kept(value)
    const field = FIELDS.find(each => each.name === name)!
    if (!this.traits.rewrites || !field.rewritten || typeof plain !== 'string') return plain
    return kept(plain.trim().toLowerCase())
  }

  holderOf(key: Value, except?: string): SystemRecord | undefined {
    if (key === null) return undefined
    return [...this.records.values()].find(
      record => record.id !== except && same(record.values[KEY.name], this.rewrite(KEY.name, key)),
    )
  }

  create(values: Values, { id, by }: { id?: string; by?: string } = {}): SystemRecord | undefined {
    if (this.traits.uniqueKey && this.holderOf(values[KEY.name] ?? null)) return undefined
    const record: SystemRecord = {
      id: id ?? this.#newId(),
      version: '',
      deleted: false,
      values: this.#rewritten(Object.fromEntries(FIELDS.map(({ name }) => [name, values[name] ?? null]))),
      seq: 0,
    }
    this.records.set(record.id, record)
    this.#changed(record, { op: 'create', fields: FIELDS.map(field => field.name), ...(by && { by }) })
    return record
  }

  update(record: SystemRecord, values: Values, by?: string, op: 'update' | 'restore' = 'update'): boolean {
    const key = values[KEY.name]
    if (this.traits.uniqueKey && key !== undefined && this.holderOf(key, record.id)) return false
    const before = { ...record.values }
    record.values = { ...record.values, ...this.#rewritten(values) }
    record.deleted = false
    this.#changed(record, { op, before, fields: Object.keys(values), ...(by && { by }) })
    return true
  }

  delete(record: SystemRecord, { by, hard = !this.traits.trash }: { by?: string; hard?: boolean } = {}): void {
    record.deleted = true
    if (hard) this.records.delete(record.id)
    this.#changed(record, {
      op: 'delete',
      before: { ...record.values },
      fields: [],
      ...(by && { by }),
      ...(hard && { hard }),
    })
  }

  #rewritten(values: Values): Values {
    return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, this.rewrite(name, value)]))
  }

  #changed(record: SystemRecord, change: Pick<Change, 'op' | 'fields'> & Partial<Change>): void {
    const { skewMs, granularityMs, conditional } = this.traits
    const now = this.#clock.now()
    let stamp = Math.floor((now + skewMs) / granularityMs) * granularityMs
    // A version that names a state must be one of its own.
    if (conditional && record.version && stamp <= Date.parse(record.version)) stamp = Date.parse(record.version) + 1
    record.version = new Date(stamp).toISOString()
    record.seq = this.#seq()
    const full: Change = {
      ...change,
      seq: record.seq,
      side: this.side,
      id: record.id,
      at: now,
      version: record.version,
      after: { ...record.values },
    }
    this.changes.push(full)
    this.onChange(full, record)
  }
}
