/** Grows with every commit of the key; compare for equality only. */
export type Version = number

export interface Entry {
  /** Any JSON value. */
  readonly value: unknown
  readonly version: Version
}

export interface Write {
  readonly key: string
  /** The new JSON value; absent, with `hash` absent too, deletes the key. */
  readonly value?: unknown
  /**
   * In place of a value: texts by name, for people to read beside the state; on Redis a hash of its own. Replaces what was
   * there. It has no version, no TTL and no `ifVersion`; `get` and `scan` pass over it. Until it is deleted its key holds
   * no value.
   */
  readonly hash?: Readonly<Record<string, string>>
  /** Commit only if the key is at this version; null: only if it does not exist; absent: whatever it is. */
  readonly ifVersion?: Version | null
  /** The key disappears after this many milliseconds. Absent: kept; a TTL that it had is dropped. */
  readonly ttlMs?: number
}

/**
 * What flows and syncs remember. Drivers: memory, embedded (the log's SQLite file), Redis; one conformance suite.
 *
 * Keys: `{tag}:family:rest`. The tag is the flow, sync or system that owns the key; on Redis it decides the slot.
 */
export interface StateStore {
  /** One result per key, in order; undefined where there is none. */
  get(keys: readonly string[]): Promise<(Entry | undefined)[]>
  /** Every key with the prefix, in no particular order. A key committed during the scan may or may not come. */
  scan(prefix: string): AsyncIterable<{ key: string } & Entry>
  /**
   * All writes or none, durable when resolved. The new versions in order (0 for a delete or a hash), or false: an `ifVersion` did not hold.
   * @throws SyncError fatal `STATE_CROSS_TAG` when the keys do not share one `{tag}`; retryable `STATE_UNAVAILABLE`; fatal
   * `LOG_FULL` where state and log share a disk that is full.
   */
  commit(writes: readonly Write[]): Promise<Version[] | false>
  close(): Promise<void>
}

/** The text in the key's first braces. @throws Error when it has none: such a key could not be placed. */
export function tagOf(key: string): string {
  const open = key.indexOf('{')
  const close = key.indexOf('}', open + 1)
  if (open < 0 || close <= open + 1) throw new Error(`state key without {tag}: ${key}`)
  return key.slice(open + 1, close)
}
