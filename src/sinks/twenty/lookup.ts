import type { CallOptions } from '../../clients/twenty/calls.ts'
import type { TwentyClient } from '../../clients/twenty/client.ts'
import { allOf, anyOf, either, encodeFilter, isAwkward, withDeleted } from '../../clients/twenty/filter.ts'
import { MOST_ROWS } from '../../clients/twenty/records.ts'
import type { FieldPath, TwentyObject } from '../../clients/twenty/schema.ts'
import type { Clock } from '../../environment.ts'
import { SyncError } from '../../errors.ts'
import type { RowIndex } from './row-index.ts'
import type { Key, KeySet } from './values.ts'

export interface Need {
  readonly object: TwentyObject
  readonly ids?: readonly string[]
  readonly keys?: readonly KeySet[]
}

/** Servers and proxies commonly take 8 KiB of request line: 200 ids with all around them just fit. */
export const MOST_FILTER_CHARACTERS = 7400
/** A key that this many pages do not exhaust identifies nothing. */
const MOST_PAGES = 50
const URL_STYLE_KNOWN_MS = 3_600_000

/** Reads the rows that a batch of items needs, live and soft-deleted, in as few calls as their keys allow. */
export class Lookup {
  readonly #client: TwentyClient
  readonly #clock: Clock
  readonly #urlStyle = new Map<string, { answer: Promise<boolean>; at: number }>()

  constructor(client: TwentyClient, clock: Clock) {
    this.#client = client
    this.#clock = clock
  }

  /** @throws SyncError of the first read that fails. */
  async read(needs: readonly Need[], index: RowIndex, options: CallOptions): Promise<void> {
    const reads: Promise<void>[] = []
    for (const [object, conditions] of await this.#conditions(needs, options)) {
      for (const condition of conditions) reads.push(this.#readAll(object, condition, index, options))
    }
    await Promise.all(reads)
  }

  async #readAll(object: TwentyObject, condition: string, index: RowIndex, options: CallOptions): Promise<void> {
    let after: string | undefined
    for (let pages = 0; pages < MOST_PAGES; pages++) {
      const page = await this.#client.find(object, { filter: withDeleted(condition), after }, options)
      for (const row of page.rows) index.add(object.name, row)
      if (page.next === undefined || page.next === after) return
      after = page.next
    }
    const message = `more than ${MOST_PAGES * MOST_ROWS} ${object.plural} fit what is looked for; match by a field that identifies one`
    throw new SyncError('rejected', 'AMBIGUOUS_MATCH', message)
  }

  async #conditions(needs: readonly Need[], options: CallOptions): Promise<Map<TwentyObject, string[]>> {
    const conditions = new Map<TwentyObject, string[]>()
    for (const [object, group] of groupedByObject(needs)) {
      const ids = new Set(group.flatMap(need => need.ids ?? []))
      const found = chunks([...ids], idsOf => anyOf('id', idsOf))
      const keySets = group.flatMap(need => need.keys ?? [])
      for (const [at, values] of singles(keySets)) {
        const stored = await this.#storedForms(object, at, [...values], options)
        found.push(...chunks(stored, list => anyOf(at.path, list)))
      }
      const joint = keySets.filter(keys => keys.length > 1)
      found.push(...chunks([...new Set(joint.map(conditionOf))], either))
      conditions.set(object, found)
    }
    return conditions
  }

  /** Forms under which the server may hold a key's value. */
  async #storedForms(object: TwentyObject, at: FieldPath, values: string[], options: CallOptions): Promise<string[]> {
    if (at.sub === 'primaryPhoneNumber') return [...new Set(values.flatMap(phoneForms))]
    if (!at.field.domain || !(await this.#holdsUrls(object, at, options))) return values
    return values.flatMap(host => [
      host,
      ...['https://', 'http://'].flatMap(scheme => [scheme + host, `${scheme}www.${host}`]),
    ])
  }

  /** Servers before the bare host kept domains as URLs; one look tells whether this workspace has any. */
  #holdsUrls(object: TwentyObject, at: FieldPath, options: CallOptions): Promise<boolean> {
    const name = `${object.name} ${at.path}`
    const known = this.#urlStyle.get(name)
    if (known && this.#clock.elapsed() - known.at < URL_STYLE_KNOWN_MS) return known.answer
    const filter = withDeleted(`${at.path}[like]:"http%"`)
    const answer = this.#client.find(object, { filter, limit: 1 }, options).then(page => page.rows.length > 0)
    this.#urlStyle.set(name, { answer, at: this.#clock.elapsed() })
    answer.catch(() => this.#urlStyle.delete(name))
    return answer
  }
}

function groupedByObject(needs: readonly Need[]): Map<TwentyObject, Need[]> {
  const groups = new Map<TwentyObject, Need[]>()
  for (const need of needs) {
    const group = groups.get(need.object)
    if (group) group.push(need)
    else groups.set(need.object, [need])
  }
  return groups
}

/** Values per path, of the sets that are one key. */
function singles(keySets: readonly KeySet[]): Iterable<[FieldPath, Set<string>]> {
  const paths = new Map<string, [FieldPath, Set<string>]>()
  for (const keys of keySets) {
    const [key] = keys as [Key]
    if (keys.length !== 1) continue
    const known = paths.get(key.at.path)
    if (known) known[1].add(key.value)
    else paths.set(key.at.path, [key.at, new Set([key.value])])
  }
  return paths.values()
}

function conditionOf(keys: KeySet): string {
  return allOf(keys.map(({ at, value }) => ({ path: at.path, value })))
}

/** The country's code is one to three digits, and kept apart from the number. */
function phoneForms(number: string): string[] {
  if (!number.startsWith('+')) return [number]
  const digits = number.slice(1)
  return [number, digits, ...[1, 2, 3].map(length => digits.slice(length)).filter(rest => rest.length > 3)]
}

/** As many values per condition as a page and a request line hold. */
function chunks(values: readonly string[], condition: (values: string[]) => string): string[] {
  const found: string[] = []
  let chunk: string[] = []
  let size = 0
  for (const value of values) {
    const more = encodeFilter(isAwkward(value) ? condition([value]) : value).length + 1
    if (chunk.length > 0 && (chunk.length === MOST_ROWS || size + more > MOST_FILTER_CHARACTERS)) {
      found.push(condition(chunk))
      chunk = []
      size = 0
    }
    chunk.push(value)
    size += more
  }
  if (chunk.length > 0) found.push(condition(chunk))
  return found
}
