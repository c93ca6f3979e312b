import { expect, it } from 'vitest'
import transform from '../../src/processors/transform.ts'
import { failureOf, processContext, scopeOf, stepContext } from './support.ts'

const scope = scopeOf({ email: ' Ada@Example.com', total: '19.99' }, { company: { id: 'c1' } })

function run(config: Record<string, unknown>) {
  return transform.create(config, stepContext).process(scope, processContext())
}

it('gives its keys as names, of any shape', () => {
  expect(
    run({
      email: 'data.email.trim().lowerAscii()',
      amount: "money(data.total, 'EUR')",
      link: { companyId: 'company.id', phone: 'data.?phone', open: true, ranks: [1, "'two'"] },
    }),
  ).toEqual({
    names: {
      email: 'ada@example.com',
      amount: { amountMicros: 19_990_000, currencyCode: 'EUR' },
      link: { companyId: 'c1', open: true, ranks: [1, 'two'] },
    },
  })
})

it('an empty optional gives a name that is null', () => {
  expect(run({ phone: 'data.?phone' })).toEqual({ names: { phone: null } })
})

it('says which names it adds', () => {
  expect(transform.adds!({ a: '1', b: '2' })).toEqual(['a', 'b'])
})

it('rejects an event that lacks a field', async () => {
  expect(await failureOf(() => run({ phone: 'data.phone' }))).toMatchObject({ kind: 'rejected', code: 'MISSING_FIELD' })
})

it('leaves the data and the scope as they are', () => {
  const before = structuredClone(scope)
  run({ email: 'data.email', all: 'data' })
  expect(scope).toEqual(before)
})
