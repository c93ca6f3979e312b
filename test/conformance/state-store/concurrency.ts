import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { StateStore, Version, Write } from '../../../src/state/state-store.ts'

interface Shared {
  readonly one: StateStore
  /** The same state through another client, where there is one. */
  readonly two: StateStore
  key(rest: string): string
}

/** What must hold when several commits run at the same time. */
export function concurrencySuite(open: () => Shared, numRuns: number): void {
  describe('commits at the same time', () => {
    it('lose no increment: 100 concurrent ones end at 100', async () => {
      const { one, two, key } = open()
      const increment = async (store: StateStore) => {
        for (;;) {
          const [entry] = await store.get([key('count')])
          const value = ((entry?.value as number) ?? 0) + 1
          if (await store.commit([{ key: key('count'), value, ifVersion: entry?.version ?? null }])) return
        }
      }
      await Promise.all(Array.from({ length: 100 }, (_, i) => increment(i % 2 ? one : two)))
      expect((await one.get([key('count')]))[0]!.value).toBe(100)
    })

    it('give a key that must not exist to exactly one', async () => {
      const { one, two, key } = open()
      const outcomes = await Promise.all(
        Array.from({ length: 50 }, (_, i) =>
          (i % 2 ? one : two).commit([
            { key: key('claim'), value: i, ifVersion: null },
            { key: key(`claimed-by:${i}`), value: true },
          ]),
        ),
      )
      const winners = outcomes.flatMap((outcome, i) => (outcome ? [i] : []))
      expect(winners).toHaveLength(1)
      const marks = await one.get(outcomes.map((_, i) => key(`claimed-by:${i}`)))
      expect(marks.flatMap((mark, i) => (mark ? [i] : []))).toEqual(winners)
      expect((await one.get([key('claim')]))[0]!.value).toBe(winners[0])
    })

    it('end as if they had run one after the other, in some order', async () => {
      const { one, two, key } = open()
      let run = 0
      await fc.assert(
        fc.asyncProperty(fc.array(round, { minLength: 1, maxLength: 6 }), async rounds => {
          const prefix = `run-${++run}:`
          const model = new Model()
          for (const commits of rounds) {
            const writes = commits.map(commit => commit.map(step => model.writeOf(step, rest => key(prefix + rest))))
            const outcomes = await Promise.all(writes.map((each, i) => (i % 2 ? one : two).commit(each)))
            const after = await one.get(KEYS.map(rest => key(prefix + rest)))
            const explained = model.explain(
              writes,
              outcomes,
              KEYS.map((rest, i) => [key(prefix + rest), after[i]] as const),
            )
            expect(explained, JSON.stringify({ writes, outcomes, after })).toBe(true)
          }
        }),
        { numRuns },
      )
    })
  })
}

const KEYS = ['a', 'b', 'c']

interface Step {
  readonly key: string
  readonly value: number | undefined
  readonly condition: 'any' | 'absent' | 'current' | 'stale'
}

const step: fc.Arbitrary<Step> = fc.record({
  key: fc.constantFrom(...KEYS),
  value: fc.option(fc.nat(9), { nil: undefined, freq: 3 }),
  condition: fc.constantFrom('any', 'absent', 'current', 'stale'),
})
const commit = fc.uniqueArray(step, { selector: each => each.key, minLength: 1, maxLength: 3 })
const round = fc.array(commit, { minLength: 1, maxLength: 4 })

type Contents = Map<string, { value: unknown; version: Version }>

/** What one client that runs alone would have. */
class Model {
  #contents: Contents = new Map()
  readonly #usedVersions = new Map<string, Set<Version>>()

  writeOf({ key: rest, value, condition }: Step, key: (rest: string) => string): Write {
    const name = key(rest)
    const current = this.#contents.get(name)?.version
    const [stale] = [...(this.#usedVersions.get(name) ?? [])].filter(version => version !== current)
    const write = value === undefined ? { key: name } : { key: name, value }
    if (condition === 'absent') return { ...write, ifVersion: null }
    if (condition === 'current') return { ...write, ifVersion: current ?? null }
    if (condition === 'stale' && stale !== undefined) return { ...write, ifVersion: stale }
    return write
  }

  /** Is there an order in which these commits, run one by one, have these outcomes and leave this? Moves on to it. */
  explain(
    commits: readonly (readonly Write[])[],
    outcomes: readonly (Version[] | false)[],
    after: readonly (readonly [string, { value: unknown; version: Version } | undefined])[],
  ): boolean {
    if (!this.#versionsAreNew(commits, outcomes)) return false
    for (const order of permutations(commits.map((_, i) => i))) {
      const contents: Contents = new Map(this.#contents)
      if (!order.every(i => applies(contents, commits[i]!, outcomes[i]!))) continue
      if (!after.every(([key, entry]) => sameEntry(contents.get(key), entry))) continue
      this.#contents = contents
      return true
    }
    return false
  }

  #versionsAreNew(commits: readonly (readonly Write[])[], outcomes: readonly (Version[] | false)[]): boolean {
    return commits.every((writes, i) =>
      writes.every(({ key, value }, j) => {
        const outcome = outcomes[i]
        if (!outcome) return true
        if (value === undefined) return outcome[j] === 0
        const used = this.#usedVersions.get(key) ?? new Set()
        this.#usedVersions.set(key, used)
        const isNew = !used.has(outcome[j]!)
        used.add(outcome[j]!)
        return isNew
      }),
    )
  }
}

function applies(contents: Contents, writes: readonly Write[], outcome: Version[] | false): boolean {
  const holds = writes.every(
    ({ key, ifVersion }) => ifVersion === undefined || (contents.get(key)?.version ?? null) === ifVersion,
  )
  if (!holds || !outcome) return holds === Boolean(outcome)
  writes.forEach(({ key, value }, i) => {
    if (value === undefined) contents.delete(key)
    else contents.set(key, { value, version: outcome[i]! })
  })
  return true
}

function sameEntry(
  one: { value: unknown; version: Version } | undefined,
  other: { value: unknown; version: Version } | undefined,
): boolean {
  return one?.value === other?.value && one?.version === other?.version
}

function* permutations(items: readonly number[]): Generator<number[]> {
  if (items.length === 0) yield []
  for (const first of items) {
    for (const rest of permutations(items.filter(item => item !== first))) yield [first, ...rest]
  }
}
