import { randomUUID } from 'node:crypto'
import type { SandboxRestSettings } from './settings.ts'

export type RestRow = Record<string, unknown> & { readonly id: string }

/** A row that is there, or lies in the trash. */
interface Kept {
  readonly row: RestRow
  /** Order of the list; never changes. */
  readonly place: number
  readonly version: number
}

export interface StoreChange {
  readonly collection: string
  readonly action: 'created' | 'updated' | 'deleted'
  readonly row: RestRow
  readonly changed: readonly string[]
  readonly by: string
}

export type Stored = { readonly row: RestRow } | { readonly taken: RestRow } | 'gone'

/** The records, by collection. */
export class Store {
  readonly #settings: SandboxRestSettings
  readonly #now: () => number
  readonly #heard: (change: StoreChange) => void
  readonly #collections = new Map<string, Map<string, Kept>>()
  #places = 0

  constructor(settings: SandboxRestSettings, now: () => number, heard: (change: StoreChange) => void) {
    this.#settings = settings
    this.#now = now
    this.#heard = heard
  }

  /** In the order of the list; those in the trash too where they are kept. */
  all(collection: string): { row: RestRow; place: number }[] {
    return [...this.#of(collection).values()].sort((left, right) => left.place - right.place)
  }

  /** Every collection that has had a record. */
  everything(): Record<string, RestRow[]> {
    return Object.fromEntries([...this.#collections.keys()].map(name => [name, this.all(name).map(({ row }) => row)]))
  }

  get(collection: string, id: string): RestRow | undefined {
    return this.#of(collection).get(id)?.row
  }

  etag(collection: string, id: string): string {
    return `"${this.#of(collection).get(id)?.version ?? 0}"`
  }

  create(collection: string, values: Record<string, unknown>, by: string): Stored {
    const id = typeof values.id === 'string' && values.id !== '' ? values.id : randomUUID()
    const holder = this.get(collection, id) ?? this.#holder(collection, values, id)
    if (holder) return { taken: holder }
    const at = this.#time()
    const row: RestRow = { ...values, id, ...(this.#settings.updatedAt && { created_at: at, updated_at: at }) }
    this.#of(collection).set(id, { row, place: ++this.#places, version: 1 })
    this.#heard({ collection, action: 'created', row, changed: Object.keys(values), by })
    return { row }
  }

  /** @param whole: what is not among the values goes away. */
  update(collection: string, id: string, values: Record<string, unknown>, by: string, whole = false): Stored {
    const kept = this.#of(collection).get(id)
    if (!kept || kept.row.deleted_at) return 'gone'
    const holder = this.#holder(collection, values, id)
    if (holder) return { taken: holder }
    const { id: _, created_at, updated_at, deleted_at: __, ...content } = values
    const before: Record<string, unknown> = whole ? { created_at: kept.row.created_at } : kept.row
    const changed = Object.keys(content).filter(
      name => JSON.stringify(content[name]) !== JSON.stringify(kept.row[name]),
    )
    const row: RestRow = {
      ...before,
      ...content,
      id,
      ...(this.#settings.updatedAt && { updated_at: this.#time(kept.row.updated_at) }),
    }
    this.#of(collection).set(id, { ...kept, row, version: kept.version + 1 })
    this.#heard({ collection, action: 'updated', row, changed, by })
    return { row }
  }

  delete(collection: string, id: string, by: string): Stored {
    const kept = this.#of(collection).get(id)
    if (!kept || kept.row.deleted_at) return 'gone'
    const at = this.#time(kept.row.updated_at)
    const row: RestRow = { ...kept.row, ...(this.#settings.softDelete && { deleted_at: at, updated_at: at }) }
    if (this.#settings.softDelete) this.#of(collection).set(id, { ...kept, row, version: kept.version + 1 })
    else this.#of(collection).delete(id)
    this.#heard({ collection, action: 'deleted', row, changed: [], by })
    return { row }
  }

  /** Gone without a trace or a webhook, as when somebody tidies up a database. */
  vanish(collection: string, ids: readonly string[]): void {
    for (const id of ids) this.#of(collection).delete(id)
  }

  clear(): void {
    this.#collections.clear()
  }

  #of(collection: string): Map<string, Kept> {
    const known = this.#collections.get(collection) ?? new Map<string, Kept>()
    this.#collections.set(collection, known)
    return known
  }

  #holder(collection: string, values: Record<string, unknown>, id: string): RestRow | undefined {
    const unique = this.#settings.unique.filter(name => values[name] !== undefined && values[name] !== null)
    if (unique.length === 0) return undefined
    return [...this.#of(collection).values()].find(
      ({ row }) => row.id !== id && !row.deleted_at && unique.some(name => row[name] === values[name]),
    )?.row
  }

  /** Cut to the granularity, and never before the last one. */
  #time(earlier?: unknown): string {
    const { granularityMs, skewMs } = this.#settings
    const ms = Math.floor((this.#now() + skewMs) / granularityMs) * granularityMs
    const last = typeof earlier === 'string' ? Date.parse(earlier) : 0
    return new Date(Math.max(ms, last)).toISOString()
  }
}
