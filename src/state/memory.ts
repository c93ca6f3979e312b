import type { Clock } from '../environment.ts'
import { SyncError } from '../errors.ts'
import { assertOneTag } from './one-tag.ts'
import type { Entry, StateStore, Version, Write } from './state-store.ts'

/**
 * State that lives as long as its `disk`: for tests, simulation and trying things out. To crash it, take
 * `disk.snapshot()` and open a second store on that: the first one then writes where nobody looks.
 */
export function memoryState({
  clock,
  disk = new MemoryStateDisk(),
}: {
  clock: Clock
  disk?: MemoryStateDisk
}): StateStore {
  return new MemoryState(clock, disk)
}

interface StoredEntry {
  /** JSON text, so that neither side can change what the other holds. */
  readonly json: string
  /** 0: a hash, which only the disk shows. */
  readonly version: Version
  readonly expiresAt: number
}

/** What a memory store has made durable. */
export class MemoryStateDisk {
  readonly entries = new Map<string, StoredEntry>()
  lastVersion = 0

  /** A copy of what is durable at this instant. */
  snapshot(): MemoryStateDisk {
    const copy = new MemoryStateDisk()
    for (const [key, entry] of this.entries) copy.entries.set(key, entry)
    copy.lastVersion = this.lastVersion
    return copy
  }
}

class MemoryState implements StateStore {
  readonly #clock: Clock
  readonly #disk: MemoryStateDisk
  #closed = false

  constructor(clock: Clock, disk: MemoryStateDisk) {
    this.#clock = clock
    this.#disk = disk
  }

  async get(keys: readonly string[]): Promise<(Entry | undefined)[]> {
    this.#assertOpen()
    return keys.map(key => entryOf(this.#live(key)))
  }

  async *scan(prefix: string): AsyncIterable<{ key: string } & Entry> {
    this.#assertOpen()
    for (const key of [...this.#disk.entries.keys()]) {
      if (!key.startsWith(prefix)) continue
      const entry = entryOf(this.#live(key))
      if (entry) yield { key, ...entry }
    }
  }

  async commit(writes: readonly Write[]): Promise<Version[] | false> {
    this.#assertOpen()
    assertOneTag(writes)
    const held = writes.every(
      ({ key, ifVersion }) => ifVersion === undefined || (this.#live(key)?.version ?? null) === ifVersion,
    )
    return held ? writes.map(write => this.#write(write)) : false
  }

  async close(): Promise<void> {
    this.#closed = true
  }

  /** One counter for all keys: a key that was deleted and made again never comes back to an earlier version. */
  #write({ key, value, hash, ttlMs }: Write): Version {
    if (hash !== undefined) {
      this.#disk.entries.set(key, { json: JSON.stringify(hash), version: 0, expiresAt: Number.POSITIVE_INFINITY })
      return 0
    }
    if (value === undefined) {
      this.#disk.entries.delete(key)
      return 0
    }
    const version = ++this.#disk.lastVersion
    const expiresAt = ttlMs === undefined ? Number.POSITIVE_INFINITY : this.#clock.now() + ttlMs
    this.#disk.entries.set(key, { json: JSON.stringify(value), version, expiresAt })
    return version
  }

  #live(key: string): StoredEntry | undefined {
    const entry = this.#disk.entries.get(key)
    if (entry?.version === 0) return undefined
    if (!entry || entry.expiresAt > this.#clock.now()) return entry
    this.#disk.entries.delete(key)
    return undefined
  }

  #assertOpen(): void {
    if (this.#closed) throw new SyncError('retryable', 'STATE_UNAVAILABLE', 'the state is closed')
  }
}

function entryOf(stored: StoredEntry | undefined): Entry | undefined {
  return stored && { value: JSON.parse(stored.json), version: stored.version }
}
