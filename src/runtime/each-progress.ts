import { SyncError } from '../errors.ts'

/** The dead letters have all of them; a record that grew with them would not stay small. */
const NAMED_FAILURES = 100

/** Items, by what became of them. */
export interface EachCounts {
  readonly done: number
  /** Ended by a step of theirs: a `filter`, for example. */
  readonly skipped: number
  /** Dead letters. */
  readonly failed: number
}

/** A place between two items of what an `each` goes over. */
export interface Position {
  /** Pages before it; a list is one page. */
  readonly page: number
  /** What gives this page; absent for the first. */
  readonly cursor?: string
  /** Items before it, in the page and in all. */
  readonly offset: number
  readonly index: number
}

/** What is stored of an `each` under way. It does not grow with the number of items. */
export interface EachRecord extends EachCounts {
  readonly total?: number
  readonly failedKeys?: readonly string[]
  /** Tells whether it is still about the same list, or the same question. */
  readonly of?: string
  /** All items before it have ended; `done`, `skipped` and `failed` are theirs. */
  readonly at?: Position
  /** Those after it that have ended, by key. */
  readonly ended?: Readonly<Record<string, EachCounts>>
  /** Those that failed to the end of their tries when nothing else got through either: since when, in ms, by key. */
  readonly held?: Readonly<Record<string, number>>
  /** Keys of those that failed as a whole, and whose halves go on apart. */
  readonly divided?: readonly string[]
  /** Halves that have ended; they count when the whole has. */
  readonly halves?: Readonly<Record<string, EachCounts>>
  readonly over?: true
}

/** An item, or with `batch` several, as the steps see it. */
export interface Unit {
  /** Tells it from others; part of the keys of its step records and effects. */
  readonly key: string
  readonly value: unknown
  readonly items: readonly { readonly key: string; readonly value: unknown }[]
  readonly after: Position
}

export const START: Position = { page: 0, offset: 0, index: 0 }
export const NONE: EachCounts = { done: 0, skipped: 0, failed: 0 }

/**
 * How far an `each` is. P2, P3: its record and the step records of items under way are always written together, so a
 * run that goes on takes up what had not ended, and nothing that had.
 */
export class EachProgress {
  /** Step records stay as they are, because there are few. */
  readonly keeps: boolean
  total: number | undefined
  readonly #of: string
  #at: Position
  /** Of what ended before `#at`, and of all. */
  #before: EachCounts
  #counts: EachCounts
  readonly #failedKeys: string[]
  readonly #ended: Map<string, EachCounts>
  readonly #held: Map<string, number>
  readonly #divided: Set<string>
  readonly #halves: Map<string, EachCounts>
  /** Taken and not yet before `#at`, in order. */
  readonly #taken = new Map<string, Position>()
  #isOver = false

  constructor(of: string, keeps: boolean, record: EachRecord | undefined) {
    const known = keeps || record?.of === of ? record : undefined
    this.keeps = keeps
    this.total = known?.total
    this.#of = of
    this.#at = known?.at ?? START
    this.#before = known && !keeps ? pick(known) : NONE
    this.#ended = new Map(Object.entries(known?.ended ?? {}))
    this.#counts = [...this.#ended.values()].reduce(sum, this.#before)
    this.#failedKeys = [...(known?.failedKeys ?? [])]
    this.#held = new Map(Object.entries(known?.held ?? {}))
    this.#divided = new Set(known?.divided)
    this.#halves = new Map(Object.entries(known?.halves ?? {}))
  }

  get at(): Position {
    return this.#at
  }

  get counts(): EachCounts {
    return this.#counts
  }

  /** Items that are under way, or that wait for one before them to end. */
  get outstanding(): number {
    return this.#taken.size
  }

  /** False: it ended in an earlier try. @throws SyncError rejected `ITEM_KEY_TWICE`. */
  take(unit: Unit, step: string): boolean {
    if (this.#taken.has(unit.key)) throw keyTwice(step, unit.key)
    if (!this.keeps) this.#taken.set(unit.key, unit.after)
    if (!this.#ended.has(unit.key)) return true
    this.#moveOn()
    return false
  }

  /** undefined: it has not ended. */
  endingOfHalf(key: string): EachCounts | undefined {
    return this.#halves.get(key)
  }

  isDivided(key: string): boolean {
    return this.#divided.has(key)
  }

  /** Its halves end for themselves from here on, and the whole when both have. */
  divide(key: string): void {
    this.#divided.add(key)
  }

  /** A half ended; it counts when the whole has. @param halves its own, if it was divided further. */
  halfEnded(key: string, counts: EachCounts, halves: readonly string[]): void {
    this.#forget(key, halves)
    this.#halves.set(key, counts)
  }

  end(key: string, counts: EachCounts, halves: readonly string[]): void {
    this.#forget(key, halves)
    this.#counts = sum(this.#counts, counts)
    // Of a short list only failures are not done again: the step records know the rest.
    if (!this.keeps || counts.failed > 0) this.#ended.set(key, counts)
    this.#moveOn()
  }

  #forget(key: string, halves: readonly string[]): void {
    this.#held.delete(key)
    this.#divided.delete(key)
    for (const half of halves) this.#halves.delete(half)
  }

  failed(key: string): void {
    if (this.#failedKeys.length < NAMED_FAILURES) this.#failedKeys.push(key)
  }

  heldSince(key: string): number | undefined {
    return this.#held.get(key)
  }

  hold(key: string, at: number): void {
    if (!this.#held.has(key)) this.#held.set(key, at)
  }

  over(): void {
    this.#isOver = true
  }

  /** undefined where there is nothing that the step records do not say. */
  record(): EachRecord | undefined {
    const isPlain = this.#ended.size === 0 && this.#held.size === 0 && this.#divided.size === 0
    if (this.keeps && isPlain) return undefined
    const { total } = this
    const base = { ...(total !== undefined && { total }), ...listed('failedKeys', this.#failedKeys) }
    if (this.#isOver && !this.keeps) return { ...this.#counts, ...base, over: true }
    return {
      ...(this.keeps ? this.#counts : this.#before),
      ...base,
      of: this.#of,
      ...(!this.keeps && { at: this.#at }),
      ...(this.#ended.size > 0 && { ended: Object.fromEntries(this.#ended) }),
      ...(this.#held.size > 0 && { held: Object.fromEntries(this.#held) }),
      ...listed('divided', [...this.#divided]),
      ...(this.#halves.size > 0 && { halves: Object.fromEntries(this.#halves) }),
    }
  }

  #moveOn(): void {
    for (const [key, after] of this.#taken) {
      const counts = this.#ended.get(key)
      if (!counts) return
      this.#taken.delete(key)
      this.#ended.delete(key)
      this.#before = sum(this.#before, counts)
      this.#at = after
    }
  }
}

export function sum(a: EachCounts, b: EachCounts): EachCounts {
  return { done: a.done + b.done, skipped: a.skipped + b.skipped, failed: a.failed + b.failed }
}

/** What stays in the record of a finished event. */
export function eachSummary(record: EachRecord): EachRecord {
  const { total } = record
  return {
    ...pick(record),
    ...(total !== undefined && { total }),
    ...(record.failedKeys && { failedKeys: record.failedKeys }),
  }
}

export function keyTwice(step: string, key: string): SyncError {
  const message = `step "${step}": two items have the key "${key}"; choose a \`key\` that tells items apart`
  return new SyncError('rejected', 'ITEM_KEY_TWICE', message)
}

function pick({ done, skipped, failed }: EachCounts): EachCounts {
  return { done, skipped, failed }
}

function listed<Name extends string>(
  name: Name,
  keys: readonly string[],
): { readonly [name in Name]?: readonly string[] } {
  return (keys.length > 0 ? { [name]: keys } : {}) as { readonly [name in Name]?: readonly string[] }
}
