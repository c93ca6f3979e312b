import type { Redis } from 'ioredis'
import { SyncError } from '../../errors.ts'
import { assertOneTag } from '../one-tag.ts'
import type { Entry, StateStore, Version, Write } from '../state-store.ts'
import type { RedisConnection } from './connection.ts'
import type { RedisKeys } from './keys.ts'

const SCAN_COUNT = 1_000

/** State on Redis: readable with `redis-cli HGETALL`, changed by one script only. */
export class RedisState implements StateStore {
  readonly #connection: RedisConnection
  readonly #keys: RedisKeys
  #closed = false

  constructor(connection: RedisConnection, keys: RedisKeys) {
    this.#connection = connection
    this.#keys = keys
  }

  async get(keys: readonly string[]): Promise<(Entry | undefined)[]> {
    this.#assertOpen()
    if (keys.length === 0) return []
    return this.#connection.run('cannot read state', client =>
      // On a cluster the keys may lie apart; the client writes them all before it waits.
      Promise.all(keys.map(async key => entryOf(await client.hmget(this.#keys.state(key), 'v', 'r')))),
    )
  }

  async *scan(prefix: string): AsyncIterable<{ key: string } & Entry> {
    this.#assertOpen()
    // A server's cursor may give a key twice.
    const seen = new Set<string>()
    const masters = await this.#connection.run('cannot scan state', async () => this.#connection.masters())
    for (const node of masters) {
      for (let cursor: string | undefined = '0'; cursor !== undefined; ) {
        const page = await this.#page(node, cursor, prefix)
        const names = page.names.filter(name => !seen.has(name))
        for (const name of names) seen.add(name)
        const keys = names.map(name => this.#keys.keyOf(name))
        const entries = await this.get(keys)
        for (const [i, entry] of entries.entries()) if (entry) yield { key: keys[i]!, ...entry }
        cursor = page.next
      }
    }
  }

  async commit(writes: readonly Write[]): Promise<Version[] | false> {
    this.#assertOpen()
    assertOneTag(writes)
    if (writes.length === 0) return []
    const names = [this.#keys.versions(writes[0]!.key), ...writes.map(({ key }) => this.#keys.state(key))]
    const versions = await this.#connection.run(
      'cannot commit state',
      client => client.syncCommit(names.length, ...names, ...writes.flatMap(argumentsOf)),
      true,
    )
    return versions === null ? false : versions.map(Number)
  }

  async close(): Promise<void> {
    this.#closed = true
  }

  async #page(node: Redis, cursor: string, prefix: string): Promise<{ names: string[]; next: string | undefined }> {
    this.#assertOpen()
    const [next, names] = await this.#connection.run('cannot scan state', () =>
      node.scan(cursor, 'MATCH', this.#keys.pattern(prefix), 'COUNT', SCAN_COUNT),
    )
    return { names: [...new Set(names)], next: next === '0' ? undefined : next }
  }

  #assertOpen(): void {
    if (this.#closed) throw new SyncError('retryable', 'STATE_UNAVAILABLE', 'the state is closed')
  }
}

function argumentsOf({ value, hash, ifVersion, ttlMs }: Write): string[] {
  const expected = ifVersion === undefined ? '' : ifVersion === null ? '-' : String(ifVersion)
  const json = hash ? `#${JSON.stringify(hash)}` : value === undefined ? '' : JSON.stringify(value)
  return [expected, json, ttlMs === undefined ? '' : String(Math.max(1, Math.ceil(ttlMs)))]
}

/** undefined for a hash too: a name of its own may be `v`, but its text is no version then. */
function entryOf([json, version]: (string | null)[]): Entry | undefined {
  if (json === null || json === undefined || !/^\d+$/.test(version ?? '')) return undefined
  return { value: JSON.parse(json), version: Number(version) }
}
