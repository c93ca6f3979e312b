import { type ObjectMeta, type Row, type UniqueIndex, valueAt } from '../schema/types.ts'

/** A unique value of a row that another row already holds. */
export interface Clash {
  readonly index: UniqueIndex
  readonly holder: Row
}

/** The rows of one object, with the indexes that keep look-ups by id, unique value and foreign key cheap. */
export class Table {
  readonly object: ObjectMeta
  /** Grows with each change; counts cached under an older one are stale. */
  version = 0
  #live = 0
  readonly #rows = new Map<string, Row>()
  readonly #unique = new Map<string, Map<string, Set<string>>>()
  readonly #foreign = new Map<string, Map<string, Set<string>>>()
  #ids: string[] = []
  #added: string[] = []
  #removed = 0

  constructor(object: ObjectMeta) {
    this.object = object
  }

  /** Rows that are not soft-deleted. */
  get live(): number {
    return this.#live
  }

  get size(): number {
    return this.#rows.size
  }

  get(id: string): Row | undefined {
    return this.#rows.get(id.toLowerCase())
  }

  rows(): IterableIterator<Row> {
    return this.#rows.values()
  }

  /** Inserts or replaces. Rows are never changed in place, so a caller may keep the one before. */
  put(row: Row): void {
    const id = row.id as string
    const before = this.#rows.get(id)
    if (before) this.#unindex(before)
    else this.#added.push(id)
    this.#rows.set(id, row)
    this.#index(row)
    this.#live += Number(row.deletedAt === null) - Number(before?.deletedAt === null)
    this.version++
  }

  remove(id: string): void {
    const row = this.#rows.get(id)
    if (!row) return
    this.#unindex(row)
    this.#rows.delete(id)
    if (row.deletedAt === null) this.#live--
    this.#removed++
    this.version++
  }

  /** All ids in ascending order; may name some that are gone. The caller must not keep it over a change. */
  sortedIds(): readonly string[] {
    if (this.#removed > 1_000 && this.#removed > this.#ids.length / 4) {
      this.#ids = this.#ids.filter(id => this.#rows.has(id))
      this.#removed = 0
    }
    if (this.#added.length > 0) {
      const added = this.#added.splice(0)
      if (added.length > 50) {
        const all = new Set([...this.#ids, ...added])
        this.#ids = [...all].sort()
      } else for (const id of added) insertSorted(this.#ids, id)
    }
    return this.#ids
  }

  /** Ids of rows whose unique index has this key, soft-deleted ones included. */
  holders(index: UniqueIndex, key: string): ReadonlySet<string> {
    return this.#unique.get(index.name)?.get(key) ?? NONE
  }

  /** Rows whose foreign key `column` is `target`, soft-deleted ones included. */
  referencing(column: string, target: string): Row[] {
    const ids = this.#foreign.get(column)?.get(target)
    return ids ? [...ids].map(id => this.#rows.get(id)!) : []
  }

  /** The first unique value of `row` that another row holds. Holders named in `except` do not count. */
  clash(row: Row, softDeletedCount: boolean, except?: ReadonlySet<string>): Clash | undefined {
    for (const index of this.object.uniqueIndexes) {
      const key = uniqueKey(index, row)
      if (key === undefined) continue
      for (const id of this.holders(index, key)) {
        const holder = this.#rows.get(id)!
        if (id === row.id || except?.has(id)) continue
        if (holder.deletedAt === null || softDeletedCount) return { index, holder }
      }
    }
    return undefined
  }

  /** Builds all indexes again, after a field or a constraint was added or removed. */
  reindex(): void {
    this.#unique.clear()
    this.#foreign.clear()
    for (const row of this.#rows.values()) this.#index(row)
    this.version++
  }

  #index(row: Row): void {
    for (const index of this.object.uniqueIndexes) {
      const key = uniqueKey(index, row)
      if (key !== undefined) add(this.#unique, index.name, key, row.id as string)
    }
    for (const field of this.object.toOne) {
      const column = field.settings!.joinColumnName!
      const target = row[column]
      if (typeof target === 'string') add(this.#foreign, column, target, row.id as string)
    }
  }

  #unindex(row: Row): void {
    for (const index of this.object.uniqueIndexes) {
      const key = uniqueKey(index, row)
      if (key !== undefined) drop(this.#unique, index.name, key, row.id as string)
    }
    for (const field of this.object.toOne) {
      const column = field.settings!.joinColumnName!
      const target = row[column]
      if (typeof target === 'string') drop(this.#foreign, column, target, row.id as string)
    }
  }
}

const NONE: ReadonlySet<string> = new Set()

/** Undefined when any part is null or empty: such rows never clash. */
export function uniqueKey(index: UniqueIndex, row: Row): string | undefined {
  let key = ''
  for (const path of index.paths) {
    const value = valueAt(row, path)
    if (value === null || value === '') return undefined
    key += `${String(value)}\u0000`
  }
  return key
}

type Lookup = Map<string, Map<string, Set<string>>>

function add(lookup: Lookup, name: string, key: string, id: string): void {
  const keys = lookup.get(name) ?? new Map<string, Set<string>>()
  lookup.set(name, keys)
  const ids = keys.get(key)
  if (ids) ids.add(id)
  else keys.set(key, new Set([id]))
}

function drop(lookup: Lookup, name: string, key: string, id: string): void {
  const keys = lookup.get(name)
  const ids = keys?.get(key)
  ids?.delete(id)
  if (ids?.size === 0) keys!.delete(key)
}

function insertSorted(ids: string[], id: string): void {
  const at = firstAtOrAfter(ids, id)
  if (ids[at] !== id) ids.splice(at, 0, id)
}

/** Index of the first entry that is not smaller than `id`. */
export function firstAtOrAfter(ids: readonly string[], id: string): number {
  let low = 0
  let high = ids.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (ids[middle]! < id) low = middle + 1
    else high = middle
  }
  return low
}
