import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Digest, type DigestEntry, MailDigests } from '../../src/clients/mail-digest.ts'
import { memoryState } from '../../src/state/memory.ts'
import type { Entry, StateStore } from '../../src/state/state-store.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const HOUR = 3_600_000

class Bench {
  readonly clock = new VirtualClock()
  readonly state: StateStore = memoryState({ clock: this.clock })
  readonly digests = new MailDigests('mail', this.state, this.clock)
  readonly sent: Digest[] = []

  entry(id: string, over: Partial<DigestEntry> = {}): DigestEntry {
    return {
      id,
      group: 'sales',
      mail: { to: 'a@example.com' },
      item: id,
      dueAt: this.clock.now() + HOUR,
      max: 1000,
      ...over,
    }
  }

  async due(digests = this.digests): Promise<Digest[]> {
    const all: Digest[] = []
    for await (const digest of digests.due()) all.push(digest)
    return all
  }

  async send(digests = this.digests): Promise<void> {
    for await (const digest of digests.due()) {
      this.sent.push(digest)
      await digests.sent(digest.id)
    }
  }

  async keys(): Promise<string[]> {
    const keys: string[] = []
    for await (const { key } of this.state.scan('{digest/mail}')) keys.push(key)
    return keys
  }
}

describe('a digest', () => {
  it('makes one of a thousand, when the window is over and not before', async () => {
    const bench = new Bench()
    await Promise.all(Array.from({ length: 1000 }, (_, n) => bench.digests.add(bench.entry(`e${n}`, { max: 5000 }))))
    expect(await bench.due()).toEqual([])
    await bench.clock.advance(HOUR)
    await bench.send()
    expect(bench.sent).toHaveLength(1)
    expect(bench.sent[0]!.items).toEqual(Array.from({ length: 1000 }, (_, n) => `e${n}`))
    expect(await bench.due()).toEqual([])
    // Nothing is left but what was seen.
    expect((await bench.keys()).filter(key => !key.includes(':seen:'))).toEqual(['{digest/mail}:index'])
  })

  it('goes by groups', async () => {
    const bench = new Bench()
    for (const [id, group] of [
      ['a', 'x'],
      ['b', 'y'],
      ['c', 'x'],
    ] as const)
      await bench.digests.add(bench.entry(id, { group }))
    await bench.clock.advance(HOUR)
    expect((await bench.due()).map(({ group, items }) => [group, items])).toEqual([
      ['x', ['a', 'c']],
      ['y', ['b']],
    ])
  })

  it('closes when it is full, and what comes then is in the next one', async () => {
    const bench = new Bench()
    let poked = 0
    bench.digests.onClosed(() => poked++)
    for (let n = 0; n < 5; n++) await bench.digests.add(bench.entry(`e${n}`, { max: 2 }))
    expect(poked).toBe(2)
    expect((await bench.due()).map(({ items }) => items)).toEqual([
      ['e0', 'e1'],
      ['e2', 'e3'],
    ])
  })

  it('closes before it is too large for one event', async () => {
    const bench = new Bench()
    const item = 'x'.repeat(60 * 1024)
    for (let n = 0; n < 10; n++) await bench.digests.add(bench.entry(`e${n}`, { item }))
    const [first, ...others] = await bench.due()
    expect([first!.items.length, others]).toEqual([8, []])
    await expect(bench.digests.add(bench.entry('big', { item: item + item }))).rejects.toMatchObject({
      code: 'BAD_MAIL',
    })
  })

  it('takes an entry once, also when its mail has left (P3)', async () => {
    const bench = new Bench()
    await Promise.all([bench.digests.add(bench.entry('a')), bench.digests.add(bench.entry('a'))])
    await bench.digests.add(bench.entry('a'))
    await bench.clock.advance(HOUR)
    await bench.send()
    await bench.digests.add(bench.entry('a'))
    await bench.clock.advance(HOUR)
    await bench.send()
    expect(bench.sent.map(({ items }) => items)).toEqual([['a']])
  })

  it('is the same one, in every part, until it was said to be sent (P2, P3)', async () => {
    const bench = new Bench()
    await bench.digests.add(bench.entry('a'))
    await bench.clock.advance(HOUR)
    const [first] = await bench.due()
    await bench.digests.add(bench.entry('late'))
    await bench.clock.advance(10)
    // As after a crash: another process.
    const again = await bench.due(new MailDigests('mail', bench.state, bench.clock))
    expect(again).toEqual([first])
    await bench.send()
    await bench.clock.advance(HOUR)
    await bench.send()
    expect(bench.sent.map(({ items }) => items)).toEqual([['a'], ['late']])
    expect(new Set(bench.sent.map(({ id }) => id)).size).toBe(2)
  })

  it('loses nothing and says nothing twice, whatever is added, closed and sent side by side (P2, P3)', async () => {
    const step = fc.record({
      id: fc.nat(30),
      group: fc.constantFrom('x', 'y'),
      by: fc.nat(1),
      wait: fc.constantFrom(0, 0, 0, 0, 1, HOUR),
      send: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.integer({ min: 1, max: 6 }), async (steps, max) => {
        const bench = new Bench()
        const slow = slowed(bench.state)
        const instances = [new MailDigests('mail', slow, bench.clock), new MailDigests('mail', slow, bench.clock)]
        const adding: Promise<void>[] = []
        const group = new Map<number, string>()
        for (const { id, group: wanted, by, wait, send } of steps) {
          // What has one effect has one group.
          group.set(id, group.get(id) ?? wanted)
          adding.push(instances[by]!.add(bench.entry(`e${id}`, { group: group.get(id)!, max })))
          if (wait > 0) await bench.clock.advance(wait)
          if (send) await bench.send(instances[by])
        }
        await Promise.all(adding)
        await bench.clock.advance(HOUR)
        await bench.send()
        const told = bench.sent.flatMap(({ items }) => items)
        expect([...told].sort()).toEqual([...new Set(steps.map(({ id }) => `e${id}`))].sort())
        for (const { items } of bench.sent) expect(items.length).toBeLessThanOrEqual(max)
      }),
      { numRuns: 100 },
    )
  })
})

/** Turns between a read and the commit that follows from it, so that instances get into each other's way. */
function slowed(state: StateStore): StateStore {
  const turn = () => new Promise<void>(resolve => setImmediate(resolve))
  return {
    get: async (keys): Promise<(Entry | undefined)[]> => {
      const entries = await state.get(keys)
      await turn()
      return entries
    },
    scan: prefix => state.scan(prefix),
    commit: async writes => {
      await turn()
      return state.commit(writes)
    },
    close: () => state.close(),
  }
}
