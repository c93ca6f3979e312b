import { afterEach, describe, expect, it } from 'vitest'
import { eventually } from '../../scripts/stack/stack.ts'
import type { Fields } from '../../src/event.ts'
import { PEOPLE, SyncBench } from '../support/sync-bench.ts'

let bench: SyncBench
afterEach(() => bench.stop())

const numbers = (count: number) => Array.from({ length: count }, (_, at) => at)
const person = (key: string, jobTitle = 'same', firstName = 'A'): Fields => ({
  name: { firstName, lastName: key },
  jobTitle,
})

const PAIRS = 8500
const DIFFERENT = 1000
const AMBIGUOUS_KEYS = 250
const ALONE = 1000

/** 10,000 records: pairs, some of which differ; keys that two records have; and records that the other side lacks. */
function records(name: 'left' | 'right'): Fields[] {
  return [
    ...numbers(PAIRS).map(at => person(`pair ${at}`, at < DIFFERENT ? name : 'same')),
    ...numbers(2 * AMBIGUOUS_KEYS).map(at => person(`twice ${at % AMBIGUOUS_KEYS}`, 'same', `no ${at}`)),
    ...numbers(ALONE).map(at => person(`only ${name} ${at}`)),
  ]
}

describe('the first sync of two populated systems', () => {
  it('makes no duplicates, lists the ambiguous, and needs hardly more calls than the least (P3, P8)', async () => {
    bench = await SyncBench.start({ left: records('left'), right: records('right') })
    const runner = bench.run(PEOPLE)
    const all = 10_000 + ALONE
    const count = (side: 'left' | 'right') => bench[side].twenty.rows('people').length
    await eventually('as many here as there', () => count('left') === all && count('right') === all, 90_000)
    await eventually('nothing is due', () => runner.isIdle && runner.status.due === 0)

    for (const side of ['left', 'right'] as const) {
      const people = bench.people(side)
      expect(new Set(people.map(({ name }) => JSON.stringify(name))).size).toBe(all)
      expect(people.filter(row => row.jobTitle === 'right')).toEqual([])
    }
    const conflicts = await bench.conflicts(runner)
    expect(conflicts).toHaveLength(4 * AMBIGUOUS_KEYS)
    expect(new Set(conflicts.map(({ kind }) => kind))).toEqual(new Set(['ambiguous']))

    const calls = bench.left.recordCalls().length + bench.right.recordCalls().length
    const least = 2 * Math.ceil(10_000 / 200) + 2 * Math.ceil(ALONE / 60) + Math.ceil(DIFFERENT / 60)
    expect(calls).toBeLessThanOrEqual(least * 1.05)
  }, 120_000)
})
