import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { StateStore, Write } from '../../src/state/state-store.ts'
import { concurrencySuite } from './state-store/concurrency.ts'
import { scanned, scanSuite, TEXTS } from './state-store/scan.ts'

export interface OpenedState {
  readonly store: StateStore
  /** A second client of the same state; the first itself where there is one process only. */
  readonly other?: StateStore
  /** What lies under a key that was written as a hash. */
  hashAt(key: string): Promise<Readonly<Record<string, string>> | undefined>
  /** Lets this much time pass as the driver sees it: moves an injected clock, or waits for a real server's. */
  advance(ms: number): Promise<void>
  /** The same state as another process would open it next: after an orderly close, or `hard`, as after kill -9. */
  reopen?(hard: boolean): Promise<StateStore>
  dispose?(): Promise<void>
}

export interface StateStoreFeatures {
  /** What was committed survives `reopen`. */
  readonly durable: boolean
  /** Time costs nothing. A real server's clock makes the suite wait, so it gets fewer random runs. */
  readonly virtualTime: boolean
}

let tags = 0

/** What every StateStore promises. Each test uses a tag of its own, so that one server serves them all. */
export function describeStateStore(name: string, open: () => Promise<OpenedState>, features: StateStoreFeatures): void {
  describe(`StateStore: ${name}`, () => {
    let opened: OpenedState
    let store: StateStore
    let tag: string
    const key = (rest: string) => `{${tag}}:${rest}`
    beforeEach(async () => {
      opened = await open()
      store = opened.store
      tag = freshTag()
    })
    afterEach(async () => {
      await opened.dispose?.()
    })

    const valueAt = async (rest: string, from = store) => (await from.get([key(rest)]))[0]?.value
    const versionAt = async (rest: string) => (await store.get([key(rest)]))[0]?.version

    describe('get and commit', () => {
      it('give back what was committed, one result per key, in order', async () => {
        const versions = await store.commit([
          { key: key('a'), value: 1 },
          { key: key('b'), value: { two: [2] } },
        ])
        expect(versions).toHaveLength(2)
        const [b, none, a] = await store.get([key('b'), key('none'), key('a')])
        expect(b).toEqual({ value: { two: [2] }, version: (versions as number[])[1] })
        expect(none).toBeUndefined()
        expect(a).toEqual({ value: 1, version: (versions as number[])[0] })
        expect(await store.get([])).toEqual([])
      })

      it('take any JSON value and any text as key', async () => {
        for (const value of VALUES) {
          await store.commit([{ key: key('any'), value }])
          expect(await valueAt('any')).toEqual(value)
        }
        for (const text of TEXTS) await store.commit([{ key: key(text), value: text }])
        for (const text of TEXTS) expect(await valueAt(text)).toBe(text)
      })

      it('keep values apart from what the caller does with them later', async () => {
        const value = { list: [1] }
        await store.commit([{ key: key('a'), value }])
        value.list.push(2)
        const read = (await valueAt('a')) as { list: number[] }
        read.list.push(3)
        expect(await valueAt('a')).toEqual({ list: [1] })
      })

      it('delete a key that has no value, with version 0', async () => {
        await store.commit([{ key: key('a'), value: 1 }])
        expect(await store.commit([{ key: key('a') }, { key: key('never-there') }])).toEqual([0, 0])
        expect(await valueAt('a')).toBeUndefined()
        expect(await scanned(store, key(''))).toEqual(new Map())
      })

      it('write all or nothing', async () => {
        const [version] = (await store.commit([{ key: key('a'), value: 1 }])) as number[]
        const mixed: Write[] = [
          { key: key('b'), value: 2 },
          { key: key('a'), value: 3, ifVersion: version! + 1 },
          { key: key('c'), value: 4 },
        ]
        expect(await store.commit(mixed)).toBe(false)
        expect(await store.get([key('a'), key('b'), key('c')])).toEqual([{ value: 1, version }, undefined, undefined])
        mixed[1] = { key: key('a'), value: 3, ifVersion: version }
        expect(await store.commit(mixed)).toHaveLength(3)
        expect(await Promise.all(['a', 'b', 'c'].map(rest => valueAt(rest)))).toEqual([3, 2, 4])
      })

      it('write a hash whole, all or nothing with the values beside it', async () => {
        const [version] = (await store.commit([
          { key: key('a'), value: 1 },
          { key: key('times'), hash: { name: '2026-11-24T10:00:00.000Z left', jobTitle: '1 right', v: 'x', r: 'y' } },
        ])) as number[]
        const times = { name: '2026-11-24T10:00:00.000Z right', 'a "quoted" ü': '#' }
        const lost: Write[] = [
          { key: key('a'), value: 2, ifVersion: version! + 1 },
          { key: key('times'), hash: times },
        ]
        expect(await store.commit(lost)).toBe(false)
        expect(await opened.hashAt(key('times'))).toHaveProperty('jobTitle', '1 right')
        lost[0] = { key: key('a'), value: 2, ifVersion: version }
        expect(await store.commit(lost)).toEqual([expect.any(Number), 0])
        expect(await opened.hashAt(key('times'))).toEqual(times)
        expect(await store.commit([{ key: key('times') }])).toEqual([0])
        expect(await opened.hashAt(key('times'))).toBeUndefined()
      })

      it('pass over hashes when values are read', async () => {
        await store.commit([
          { key: key('hash:1'), hash: { v: '1', r: 'one' } },
          { key: key('hash:2'), value: 2 },
        ])
        expect(await valueAt('hash:1')).toBeUndefined()
        expect([...(await scanned(store, key('hash:'))).keys()]).toEqual([key('hash:2')])
      })

      it('replace a value by a hash', async () => {
        await store.commit([{ key: key('a'), value: { name: 1 } }])
        await store.commit([{ key: key('a'), hash: { name: 'x' } }])
        expect(await valueAt('a')).toBeUndefined()
        expect(await opened.hashAt(key('a'))).toEqual({ name: 'x' })
      })

      it('commit nothing for no writes', async () => {
        expect(await store.commit([])).toEqual([])
      })

      it('refuse two tags in one commit, and keys without one', async () => {
        const two = [
          { key: key('a'), value: 1 },
          { key: '{other}:a', value: 1 },
        ]
        await expect(store.commit(two)).rejects.toMatchObject({ kind: 'fatal', code: 'STATE_CROSS_TAG' })
        expect(await valueAt('a')).toBeUndefined()
        await expect(store.commit([{ key: 'no-tag', value: 1 }])).rejects.toThrow('no-tag')
      })

      it('hold many keys and large values', async () => {
        const writes = Array.from({ length: 1000 }, (_, i) => ({
          key: key(`many:${i}`),
          value: { i, text: 'x'.repeat(500) },
        }))
        expect(await store.commit(writes)).toHaveLength(1000)
        const large = { text: 'ü'.repeat(500_000) }
        await store.commit([{ key: key('large'), value: large }])
        expect(await valueAt('large')).toEqual(large)
        const entries = await store.get(writes.map(write => write.key))
        expect(entries.map(entry => (entry!.value as { i: number }).i)).toEqual(writes.map(write => write.value.i))
      })
    })

    describe('ifVersion', () => {
      it('null lets only the first in', async () => {
        expect(await store.commit([{ key: key('a'), value: 1, ifVersion: null }])).toHaveLength(1)
        expect(await store.commit([{ key: key('a'), value: 2, ifVersion: null }])).toBe(false)
        await store.commit([{ key: key('a') }])
        expect(await store.commit([{ key: key('a'), value: 3, ifVersion: null }])).toHaveLength(1)
        expect(await valueAt('a')).toBe(3)
      })

      it('lets a write through at that version only, deletes too', async () => {
        const [first] = (await store.commit([{ key: key('a'), value: 1 }])) as number[]
        const [second] = (await store.commit([{ key: key('a'), value: 2, ifVersion: first }])) as number[]
        expect(second).toBeGreaterThan(first!)
        expect(await store.commit([{ key: key('a'), value: 3, ifVersion: first }])).toBe(false)
        expect(await store.commit([{ key: key('a'), ifVersion: first }])).toBe(false)
        expect(await store.commit([{ key: key('a'), ifVersion: second }])).toEqual([0])
        expect(await store.commit([{ key: key('a'), value: 4, ifVersion: second }])).toBe(false)
        expect(await store.commit([{ key: key('none'), ifVersion: first }])).toBe(false)
      })

      it('changes even when the value does not', async () => {
        const [first] = (await store.commit([{ key: key('a'), value: 1 }])) as number[]
        await store.commit([{ key: key('a'), value: 1 }])
        expect(await versionAt('a')).toBeGreaterThan(first!)
      })

      it('never comes back: a key deleted and made again is not what it was', async () => {
        const seen = new Set<number>()
        let last = 0
        for (let round = 0; round < 20; round++) {
          const [version] = (await store.commit([{ key: key('a'), value: 'same' }])) as number[]
          expect(seen.has(version!)).toBe(false)
          expect(version).toBeGreaterThan(last)
          last = version!
          seen.add(version!)
          if (round % 3 === 0) await store.commit([{ key: key('a') }])
        }
        const old = Math.min(...seen)
        expect(await store.commit([{ key: key('a'), value: 'old', ifVersion: old }])).toBe(false)
      })
    })

    describe('ttl', () => {
      it('lets the key disappear, from get, scan and ifVersion', async () => {
        const [version] = (await store.commit([
          { key: key('gone'), value: 1, ttlMs: 200 },
          { key: key('stays'), value: 2 },
          { key: key('later'), value: 3, ttlMs: 3_600_000 },
        ])) as number[]
        expect(await valueAt('gone')).toBe(1)
        await opened.advance(250)
        expect(await valueAt('gone')).toBeUndefined()
        expect([...(await scanned(store, key(''))).keys()].sort()).toEqual([key('later'), key('stays')])
        expect(await store.commit([{ key: key('gone'), value: 4, ifVersion: version }])).toBe(false)
        const [next] = (await store.commit([{ key: key('gone'), value: 5, ifVersion: null }])) as number[]
        expect(next).toBeGreaterThan(version!)
      })

      it('is dropped by a write without one and renewed by a write with one', async () => {
        await store.commit([
          { key: key('kept'), value: 1, ttlMs: 300 },
          { key: key('renewed'), value: 1, ttlMs: 300 },
        ])
        await store.commit([
          { key: key('kept'), value: 2 },
          { key: key('renewed'), value: 2, ttlMs: 3_600_000 },
        ])
        await opened.advance(350)
        expect(await valueAt('kept')).toBe(2)
        expect(await valueAt('renewed')).toBe(2)
      })
    })

    scanSuite(() => ({ store, tag, key }))
    concurrencySuite(() => ({ one: store, two: opened.other ?? store, key }), features.virtualTime ? 100 : 10)

    for (const hard of [false, true]) {
      const how = hard ? 'kill' : 'close'
      it.runIf(features.durable)(`P2: what was committed is there after a ${how}, and versions go on`, async () => {
        const versions = (await store.commit([
          { key: key('a'), value: 1 },
          { key: key('b'), value: 2 },
        ])) as number[]
        await store.commit([{ key: key('b') }])
        const next = await opened.reopen!(hard)
        expect(await valueAt('a', next)).toBe(1)
        expect(await valueAt('b', next)).toBeUndefined()
        const [again] = (await next.commit([{ key: key('b'), value: 2 }])) as number[]
        expect(again).toBeGreaterThan(Math.max(...versions))
      })
    }

    it('refuses to work once closed', async () => {
      await store.close()
      await store.close()
      const unavailable = { kind: 'retryable', code: 'STATE_UNAVAILABLE' }
      await expect(store.get([key('a')])).rejects.toMatchObject(unavailable)
      await expect(store.commit([{ key: key('a'), value: 1 }])).rejects.toMatchObject(unavailable)
      await expect(scanned(store, key(''))).rejects.toMatchObject(unavailable)
    })
  })
}

/** A tag that no other test, and no earlier run on the same server, has used. */
function freshTag(): string {
  return `conformance-${process.pid}-${Date.now().toString(36)}-${++tags}`
}

const VALUES: readonly unknown[] = [
  null,
  false,
  0,
  -1.5e-7,
  Number.MAX_SAFE_INTEGER,
  '',
  'null',
  '\u0000\n"\\ é 鍵 👋 \ud800',
  [],
  [[], {}],
  {},
  { '': 1, nested: { list: [null, { deep: true }] } },
]
