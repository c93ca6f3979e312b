import { describe, expect, it } from 'vitest'
import type { StateStore } from '../../../src/state/state-store.ts'

interface Opened {
  readonly store: StateStore
  readonly tag: string
  key(rest: string): string
}

/** All keys with the prefix and their values, each seen once and as `get` has it. */
export async function scanned(store: StateStore, prefix: string): Promise<Map<string, unknown>> {
  const found = new Map<string, unknown>()
  for await (const entry of store.scan(prefix)) {
    expect(found.has(entry.key)).toBe(false)
    expect((await store.get([entry.key]))[0]).toEqual({ value: entry.value, version: entry.version })
    found.set(entry.key, entry.value)
  }
  return found
}

export function scanSuite(open: () => Opened): void {
  describe('scan', () => {
    it('gives every key with the prefix, once, with its value', async () => {
      const { store, key } = open()
      const keys = Array.from({ length: 1500 }, (_, i) => key(`family:${i}`))
      for (let i = 0; i < keys.length; i += 500) {
        await store.commit(keys.slice(i, i + 500).map(each => ({ key: each, value: each })))
      }
      await store.commit([{ key: key('familiar:1'), value: 0 }])
      const found = await scanned(store, key('family:'))
      expect([...found.keys()].sort()).toEqual([...keys].sort())
      for (const [each, value] of found) expect(value).toBe(each)
      expect(await scanned(store, key('none:'))).toEqual(new Map())
    })

    it('takes the prefix letter by letter, whatever it means elsewhere', async () => {
      const { store, key } = open()
      for (const text of TEXTS) await store.commit([{ key: key(`p${text}:1`), value: text }])
      for (const text of TEXTS) {
        const wanted = TEXTS.filter(other => `p${other}:1`.startsWith(`p${text}`)).map(other => key(`p${other}:1`))
        expect([...(await scanned(store, key(`p${text}`))).keys()].sort()).toEqual(wanted.sort())
      }
    })

    it('stays inside the tag, also where one tag begins with another', async () => {
      const { store, tag } = open()
      await store.commit([{ key: `{${tag}}:a`, value: 1 }])
      await store.commit([{ key: `{${tag}x}:a`, value: 2 }])
      expect([...(await scanned(store, `{${tag}}:`)).keys()]).toEqual([`{${tag}}:a`])
      expect((await scanned(store, `{${tag}`)).size).toBe(2)
    })

    it('may be left early, and goes on when keys change under it', async () => {
      const { store, key } = open()
      const writes = Array.from({ length: 1000 }, (_, i) => ({ key: key(`f:${i}`), value: i }))
      await store.commit(writes)
      for await (const _ of store.scan(key('f:'))) break
      const found = new Set<string>()
      for await (const entry of store.scan(key('f:'))) {
        found.add(entry.key)
        if (found.size % 100 === 0) await store.commit([{ key: key(`g:${found.size}`), value: 1 }, { key: entry.key }])
      }
      expect(found.size).toBe(1000)
    })
  })
}

/** Texts that mean something to one store or another. */
export const TEXTS: readonly string[] = [
  '*',
  '?',
  '[a-z]',
  '[',
  '\\',
  '%',
  '_',
  "'",
  '"',
  'a b',
  'ü',
  '鍵',
  '👋',
  '\u0000',
  '\u0001',
  '\u007f',
  '\n',
  'a:{b}',
  '\uffff',
  'x'.repeat(1000),
]
