import { isFields } from '../../clients/twenty/metadata.ts'
import { normalise, wholeNumber } from '../../clients/twenty/normalise.ts'
import type { Row } from '../../clients/twenty/records.ts'
import { type Key, type KeySet, keyText } from './values.ts'

/** Rows that were read for a batch of items, found again by id and by key. */
export class RowIndex {
  readonly #byId = new Map<string, Row>()
  /** `<object> <path>` to value to ids; built when first asked for. */
  readonly #byKey = new Map<string, Map<string, Set<string>>>()

  add(object: string, row: Row): void {
    this.#byId.set(`${object} ${row.id}`, row)
    this.#byKey.clear()
  }

  byId(object: string, id: string): Row | undefined {
    return this.#byId.get(`${object} ${id}`)
  }

  /** Rows that at least one of the alternatives finds. */
  matching(object: string, alternatives: readonly KeySet[]): Row[] {
    const ids = new Set(alternatives.flatMap(keys => this.#idsOf(object, keys)))
    return [...ids].map(id => this.byId(object, id)!)
  }

  #idsOf(object: string, keys: KeySet): string[] {
    const [first, ...others] = keys.map(key => this.#values(object, key).get(key.value) ?? new Set<string>())
    return [...first!].filter(id => others.every(ids => ids.has(id)))
  }

  #values(object: string, { at }: Key): Map<string, Set<string>> {
    const name = `${object} ${at.path}`
    const known = this.#byKey.get(name)
    if (known) return known
    const values = new Map<string, Set<string>>()
    for (const [place, row] of this.#byId) {
      if (!place.startsWith(`${object} `)) continue
      for (const text of textsOf(row, at)) {
        const ids = values.get(text) ?? new Set()
        values.set(text, ids.add(row.id))
      }
    }
    this.#byKey.set(name, values)
    return values
  }
}

/** A phone number is found with and without its country's code. */
function textsOf(row: Row, at: Key['at']): string[] {
  const value = row[at.column]
  const text = keyText(at, at.sub && isFields(value) ? value[at.sub] : value)
  if (text === '') return []
  if (at.sub !== 'primaryPhoneNumber') return [text]
  const phones = normalise(at.field, value)
  return isFields(phones) ? [...new Set([text, `+${wholeNumber(phones)}`])] : [text]
}
