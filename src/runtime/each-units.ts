import { shortHash } from '../identity.ts'
import type { Page } from '../sinks/sink.ts'
import { keyTwice, type Position, type Unit } from './each-progress.ts'

/** What an `each` goes over, in pieces that can be read again. */
export interface Pages {
  read(place: Position): Promise<Page>
}

/** Cuts pages into what the steps of an `each` see at once: single items, or batches across the bounds of pages. */
export class UnitStream {
  readonly #pages: Pages
  readonly #step: string
  readonly #batch: number | undefined
  readonly #keyOf: (value: unknown, index: number) => string
  #at: Position
  #page: Page | undefined

  /** @param batch absent: single items. */
  constructor(options: {
    pages: Pages
    step: string
    from: Position
    batch: number | undefined
    keyOf: (value: unknown, index: number) => string
  }) {
    this.#pages = options.pages
    this.#step = options.step
    this.#at = options.from
    this.#batch = options.batch
    this.#keyOf = options.keyOf
  }

  /** How many there are in all, where a page said so. */
  get total(): number | undefined {
    return this.#page?.total
  }

  /** The last one that was read. */
  get page(): number {
    return this.#at.page
  }

  /** undefined at the end. */
  async next(): Promise<Unit | undefined> {
    const items: { key: string; value: unknown }[] = []
    while (items.length < (this.#batch ?? 1)) {
      this.#page ??= await this.#pages.read(this.#at)
      const { page, offset, index } = this.#at
      if (offset < this.#page.items.length) {
        const value = this.#page.items[offset]
        items.push({ key: this.#keyOf(value, index), value })
        this.#at = { ...this.#at, offset: offset + 1, index: index + 1 }
      } else if (this.#page.next === undefined) break
      else {
        this.#at = { page: page + 1, cursor: this.#page.next, offset: 0, index }
        this.#page = undefined
      }
    }
    return items.length === 0 ? undefined : this.#unit(items)
  }

  #unit(items: Unit['items']): Unit {
    if (this.#batch === undefined) return { ...items[0]!, items, after: this.#at }
    assertApart(
      this.#step,
      items.map(({ key }) => key),
    )
    return batchOf(items, this.#at)
  }
}

/** P3: the same items are the same batch, whichever way the run came to it; others are another. */
function batchOf(items: Unit['items'], after: Position): Unit {
  const key = shortHash(JSON.stringify(items.map(item => item.key)))
  return { key, value: items.map(item => item.value), items, after }
}

/** Two halves of a batch that does not pass as a whole. */
export function halvesOf({ items, after }: Unit): readonly [Unit, Unit] {
  const middle = Math.ceil(items.length / 2)
  return [batchOf(items.slice(0, middle), after), batchOf(items.slice(middle), after)]
}

/** P3: items are told apart by their keys, so two of one key would be one effect done twice, or one left out. */
export function assertApart(step: string, keys: readonly string[]): void {
  const seen = new Set<string>()
  for (const key of keys) {
    if (seen.has(key)) throw keyTwice(step, key)
    seen.add(key)
  }
}
