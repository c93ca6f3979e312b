import { expect, it } from 'vitest'
import { useCaseBench } from '../support/use-case-bench.ts'
import { MEMORY } from '../support/use-case-engine.ts'

it('goes over what a view shows page by page, in full batches, although each write takes a record out of it', async () => {
  const bench = await useCaseBench({
    engine: MEMORY,
    config: 'test/e2e/config/view-pages.yaml',
    seed: twenty => {
      const people = Array.from({ length: 450 }, (_, n) => ({
        name: { firstName: n < 400 ? 'in' : 'out', lastName: `${n}` },
      }))
      twenty.seed('people', people)
      twenty.addView({
        object: 'people',
        name: 'In',
        filters: [
          { field: 'name', operand: 'CONTAINS', value: 'in' },
          { field: 'jobTitle', operand: 'IS_EMPTY' },
        ],
      })
    },
  })
  await bench.post('/hooks/hand', JSON.stringify({ view: 'In' }))
  await bench.settled()
  const done = bench.twenty.rows('people').filter(row => row.jobTitle === 'done')
  expect(done.map(row => (row.name as { firstName: string }).firstName)).toEqual(Array(400).fill('in'))
  expect(bench.writes().length).toBeLessThanOrEqual(8)
  expect(await bench.deadLetters()).toEqual([])
})
