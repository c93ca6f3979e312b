import { expect, it } from 'vitest'
import { compileTree } from '../../src/expressions/tree.ts'

const scope = { event: { id: 'e1' }, data: { name: 'Ada', tags: ['x'] } }

it('strings are evaluated at any depth, everything else stands for itself', () => {
  const tree = compileTree({
    title: "'Call ' + data.name",
    position: 1,
    open: true,
    note: null,
    links: [{ id: 'event.id' }, 2],
  })
  expect(tree.evaluate(scope)).toEqual({
    title: 'Call Ada',
    position: 1,
    open: true,
    note: null,
    links: [{ id: 'e1' }, 2],
  })
  expect([...tree.names].sort()).toEqual(['data', 'event'])
})

it('an empty optional leaves its entry or element out', () => {
  expect(
    compileTree({ a: 'data.?phone', b: ['data.?phone', 'data.name'], c: { d: 'data.?x' } }).evaluate(scope),
  ).toEqual({ b: ['Ada'], c: {} })
  expect(compileTree('data.?phone').evaluate(scope)).toBeUndefined()
  expect(compileTree({ a: 'data.nothing' }).evaluate({ data: { nothing: null } })).toEqual({ a: null })
})

it('an empty optional is null where its absence would say something else', () => {
  const tree = compileTree(
    { a: 'data.?phone', b: ['data.?phone', 'data.name'], c: { d: 'data.?x' } },
    { absent: 'null' },
  )
  expect(tree.evaluate(scope)).toEqual({ a: null, b: ['Ada'], c: { d: null } })
})

it('reads only the names that it is given', () => {
  expect(() => compileTree({ a: ['compny.id'] }, { names: ['data', 'company'] })).toThrow('there is no "compny" here')
})
