import { expect, it } from 'vitest'
import filter from '../../src/processors/filter.ts'
import { failureOf, processContext, scopeOf, stepContext } from './support.ts'

const scope = scopeOf({ stage: 'WON', amount: 5 })

it.each([
  ["data.stage == 'WON'", {}],
  [{ keep: "data.stage == 'WON'" }, {}],
  ["data.stage == 'LOST'", { skip: 'filtered: check' }],
  [{ keep: "'stage' in event.changed && data.amount > 10" }, { skip: 'filtered: check' }],
])('%j', (config, result) => {
  expect(filter.create(config, stepContext).process(scope, processContext())).toEqual(result)
})

it('does not guess what a value that is no condition means', async () => {
  const processor = filter.create('data.amount', stepContext)
  const error = await failureOf(() => processor.process(scope, processContext()))
  expect(error).toMatchObject({ kind: 'rejected', code: 'EXPRESSION_FAILED' })
  expect(error.message).toContain('leads.check')
})
