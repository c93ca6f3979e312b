import type { Clock } from '../environment.ts'
import { SyncError } from '../errors.ts'
import type { Fields } from '../event.ts'
import { derivedId } from '../identity.ts'
import type { StateStore, Version, Write } from '../state/state-store.ts'

/** One thing for a mail that leaves later. JSON. */
export interface DigestEntry {
  /** Of the effect: the same one is added once. */
  readonly id: string
  /** Entries of one group share their mails. */
  readonly group: string
  /** The mail as its step says, without what varies by entry. */
  readonly mail: Fields
  readonly item: unknown
  /** A window that this entry opens closes then, in milliseconds since 1970. */
  readonly dueAt: number
  /** A window that holds so many closes at once. */
  readonly max: number
}

/** A window that is over: one mail. What is in it does not change any more. */
export interface Digest {
  readonly id: string
  readonly group: string
  readonly mail: Fields
  readonly items: readonly unknown[]
  readonly openedAt: number
  readonly closedAt: number
}

interface Window {
  readonly group: string
  readonly openedAt: number
  readonly dueAt: number
  readonly max: number
  readonly count: number
  readonly bytes: number
  /** Set: nothing is added any more. */
  readonly closedAt?: number
}

type Index = Readonly<Record<string, Window>>

/** A digest travels as one event. */
const MOST_BYTES = 512 * 1024
const MOST_ITEM_BYTES = 64 * 1024
/** Longer than events are kept by default: a step that is repeated adds nothing twice. */
const REMEMBER_MS = 40 * 24 * 3_600_000

/**
 * Collects what several events have to say to the same people until it leaves as one mail. Everything is in the state, so
 * it survives any crash and is shared by all instances.
 */
export class MailDigests {
  readonly #tag: string
  readonly #state: StateStore
  readonly #clock: Clock
  #waiting: { entry: DigestEntry; resolve: () => void; reject: (error: unknown) => void }[] = []
  #adding = false
  #poke: (() => void) | undefined

  constructor(system: string, state: StateStore, clock: Clock) {
    this.#tag = `{digest/${system}}`
    this.#state = state
    this.#clock = clock
  }

  /** Resolves once it is kept. P3: an entry that was added before is not added again. @throws SyncError rejected `BAD_MAIL` */
  add(entry: DigestEntry): Promise<void> {
    if (sizeOf(entry) > MOST_ITEM_BYTES) {
      const message = `an entry of a digest has more than ${MOST_ITEM_BYTES / 1024} KiB; \`data\` of the step says what is kept of an event`
      return Promise.reject(new SyncError('rejected', 'BAD_MAIL', message))
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ entry, resolve, reject })
      void this.#addAll()
    })
  }

  /** Calls when a window may have closed before its time. */
  onClosed(poke: () => void): void {
    this.#poke = poke
  }

  /**
   * Windows that are over, oldest first; each again until it was `sent`. Asked by one instance at a time.
   */
  async *due(): AsyncGenerator<Digest> {
    for (const [id, window] of Object.entries(await this.#close())) {
      const entries = await this.#state.get(this.#itemKeys(id, window))
      const stored = entries.map(entry => entry?.value as { mail: Fields; item: unknown } | undefined)
      const [first] = stored
      if (!first) continue
      const { group, openedAt, closedAt = openedAt } = window
      yield { id, group, mail: first.mail, items: stored.map(each => each?.item ?? null), openedAt, closedAt }
    }
  }

  /** P2: it is in the log; only then is it forgotten here. */
  async sent(id: string): Promise<void> {
    for (;;) {
      const { index, version } = await this.#index()
      const window = index[id]
      if (!window) return
      const { [id]: _, ...rest } = index
      const deletes = this.#itemKeys(id, window).map(key => ({ key }))
      if (await this.#state.commit([this.#indexWrite(rest, version), ...deletes])) return
    }
  }

  /** One commit for all that wait: entries come in crowds, and they share the index. */
  async #addAll(): Promise<void> {
    if (this.#adding) return
    this.#adding = true
    try {
      while (this.#waiting.length > 0) {
        const batch = this.#waiting.splice(0, 200)
        try {
          await this.#addBatch(batch.map(({ entry }) => entry))
          for (const { resolve } of batch) resolve()
        } catch (error) {
          for (const { reject } of batch) reject(error)
        }
      }
    } finally {
      this.#adding = false
    }
  }

  async #addBatch(entries: readonly DigestEntry[]): Promise<void> {
    for (;;) {
      const { index, version } = await this.#index()
      const seen = await this.#state.get(entries.map(({ id }) => this.#seenKey(id)))
      const fresh = new Map(entries.filter((_, at) => !seen[at]).map(entry => [entry.id, entry]))
      if (fresh.size === 0) return
      const added = new Adder(index, this.#clock.now())
      const writes = [...fresh.values()].flatMap(entry => {
        const { window, place } = added.take(entry)
        const item: Write = { key: this.#itemKey(window, place), value: { mail: entry.mail, item: entry.item } }
        return [item, { key: this.#seenKey(entry.id), value: window, ifVersion: null, ttlMs: REMEMBER_MS }]
      })
      // P2: a window that closed meanwhile takes nothing: the index says so, and it is looked for again.
      if (await this.#state.commit([this.#indexWrite(added.index, version), ...writes])) {
        if (added.isFull) this.#poke?.()
        return
      }
    }
  }

  /** What is closed, after closing what is due. */
  async #close(): Promise<Index> {
    for (;;) {
      const { index, version } = await this.#index()
      const now = this.#clock.now()
      const due = Object.entries(index).filter(([, window]) => window.closedAt === undefined && isOver(window, now))
      const closed = { ...index, ...Object.fromEntries(due.map(([id, window]) => [id, { ...window, closedAt: now }])) }
      if (due.length === 0 || (await this.#state.commit([this.#indexWrite(closed, version)]))) {
        return Object.fromEntries(Object.entries(closed).filter(([, { closedAt }]) => closedAt !== undefined))
      }
    }
  }

  async #index(): Promise<{ index: Index; version: Version | null }> {
    const [entry] = await this.#state.get([`${this.#tag}:index`])
    return { index: (entry?.value as Index | undefined) ?? {}, version: entry?.version ?? null }
  }

  #indexWrite(index: Index, ifVersion: Version | null): Write {
    return { key: `${this.#tag}:index`, value: index, ifVersion }
  }

  #itemKeys(id: string, { count }: Window): string[] {
    return Array.from({ length: count }, (_, place) => this.#itemKey(id, place))
  }

  #itemKey(window: string, place: number): string {
    return `${this.#tag}:item:${window}/${place}`
  }

  #seenKey(id: string): string {
    return `${this.#tag}:seen:${id}`
  }
}

/** Puts entries into windows, in memory. */
class Adder {
  readonly #now: number
  #index: Index
  isFull = false

  constructor(index: Index, now: number) {
    this.#index = index
    this.#now = now
  }

  get index(): Index {
    return this.#index
  }

  take(entry: DigestEntry): { window: string; place: number } {
    const bytes = sizeOf(entry)
    const [id, window] = this.#open(entry, bytes)
    const next = { ...window, count: window.count + 1, bytes: window.bytes + bytes }
    this.#index = { ...this.#index, [id]: next }
    if (next.count >= next.max) this.isFull = true
    return { window: id, place: window.count }
  }

  #open({ id, group, dueAt, max }: DigestEntry, bytes: number): [string, Window] {
    const found = Object.entries(this.#index).find(
      ([, window]) => window.group === group && window.closedAt === undefined && !isOver(window, this.#now),
    )
    if (found && found[1].bytes + bytes <= MOST_BYTES) return found
    if (found) {
      this.#index = { ...this.#index, [found[0]]: { ...found[1], dueAt: this.#now } }
      this.isFull = true
    }
    return [derivedId('digest', group, id), { group, openedAt: this.#now, dueAt, max, count: 0, bytes: 0 }]
  }
}

function isOver({ dueAt, count, max }: Window, now: number): boolean {
  return now >= dueAt || count >= max
}

function sizeOf({ item, mail }: DigestEntry): number {
  return Buffer.byteLength(JSON.stringify({ item, mail }))
}
