import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Page } from '../../../src/connectors/connector.ts'
import { PollBench } from '../../support/poll-bench.ts'

interface Item {
  readonly id: string
  readonly v: number
}

/** Where the process ends: at which page of its life, and what of that page is durable by then. */
interface Crash {
  readonly page: number
  readonly at: 'before append' | 'appended' | 'cursor stored'
}

const crashes = fc.array(
  fc.record({
    page: fc.integer({ min: 1, max: 5 }),
    at: fc.constantFrom<Crash['at']>('before append', 'appended', 'cursor stored'),
  }),
  { maxLength: 4 },
)
/** The states of the list, one a run: per item a small number, so that values come back. */
const histories = fc.array(fc.array(fc.integer({ min: 0, max: 1 }), { minLength: 5, maxLength: 5 }), {
  minLength: 1,
  maxLength: 4,
})

describe('P2 P3 P4: crashes at any place of a run', () => {
  it('every state of every item is in the log in its order, once by its id', async () => {
    let list: readonly Item[] = []
    const bench = await PollBench.start((_, query) => {
      const from = Number(query.get('cursor') ?? 0)
      return { body: { rows: list.slice(from, from + 2), next: from + 2 < list.length ? String(from + 2) : null } }
    })
    try {
      let name = 0
      const property = async (history: readonly number[][], faults: readonly Crash[]) => {
        const connector = `usage-${++name}`
        const left = [...faults]
        const log: { id: string; item: Item }[] = []
        const expected = new Map<string, number[]>()
        let cursor: unknown
        const config = {
          every: '1s',
          items: 'rows',
          page: { by: 'cursor', next: 'next', parameter: 'cursor' },
          key: 'data.id',
        } as const
        for (const values of history) {
          list = values.map((v, n) => ({ id: `a${n}`, v }))
          for (const { id, v } of list) {
            const states = expected.get(id) ?? []
            if (states.at(-1) !== v) expected.set(id, [...states, v])
          }
          const before = runsOf(cursor)
          while (runsOf(cursor) === before) {
            const crash = left.shift()
            const made = bench.connector(config, connector)
            let page = 0
            for await (const { events, notes, cursor: next } of made.poll!(
              cursor,
              new AbortController().signal,
            ) as AsyncIterable<Page>) {
              page++
              const at = crash?.page === page ? crash.at : undefined
              if (at === 'before append') break
              log.push(...events.map(({ id, data }) => ({ id, item: data as unknown as Item })))
              if (at === 'appended') break
              cursor = JSON.parse(JSON.stringify(next))
              if (notes) await bench.state.commit(notes)
              if (at === 'cursor stored') break
            }
            await bench.clock.advance(1000)
          }
        }
        const once = [...new Map(log.map(entry => [entry.id, entry.item])).values()]
        for (const [id, states] of expected)
          expect(once.filter(item => item.id === id).map(({ v }) => v)).toEqual(states)
      }
      await fc.assert(fc.asyncProperty(histories, crashes, property), { numRuns: 150 })
    } finally {
      await bench.stop()
    }
  })
})

/** Ends of complete runs, to tell when one more was. */
function runsOf(cursor: unknown): number {
  return (cursor as { last?: { endedAt: number } } | undefined)?.last?.endedAt ?? 0
}
