import { describe, expect, it } from 'vitest'
import { SyncError } from '../../src/errors.ts'
import type { ExpressionDefect } from '../../src/expressions/check.ts'
import { type CompileOptions, compileExpression } from '../../src/expressions/compile.ts'
import { Expressions } from '../../src/expressions/expressions.ts'

const scope = {
  event: { id: 'e1', type: 'person.updated', changed: ['name'], time: '2026-11-24T09:30:00.000Z' },
  data: {
    age: 20,
    amount: 12.5,
    email: ' Ada@Example.com ',
    cleared: null,
    tags: ['a', 'b'],
    address: { city: 'Wien' },
    items: [{ price: 2 }, { price: 3.5 }],
  },
}

function evaluate(source: string, options?: CompileOptions): unknown {
  return compileExpression(source, options).evaluate(scope)
}

function failure(run: () => unknown): SyncError {
  try {
    run()
  } catch (error) {
    expect(error).toBeInstanceOf(SyncError)
    return error as SyncError
  }
  throw new Error('nothing was thrown')
}

function defect(source: string, options?: CompileOptions): ExpressionDefect & { message: string } {
  const error = failure(() => compileExpression(source, options))
  expect(error.code).toBe('EXPRESSION_INVALID')
  return { ...(error.details as ExpressionDefect), message: error.message }
}

describe('numbers', () => {
  it.each([
    ['data.age > 18', true],
    ['data.age + 1', 21],
    ['1 + data.amount', 13.5],
    ['data.age - 0.5', 19.5],
    ['data.amount * 2', 25],
    ['data.age / 8', 2.5],
    ['data.age % 7', 6],
    ['-data.age', -20],
    ['7 / 2', 3],
    ['data.age == 20', true],
    ['data.age != 20', false],
    ['data.age in [19, 20]', true],
    ['1 == 1.0', true],
    ['size(data.tags) + data.age', 22],
    ['sum(data.items.map(i, i.price))', 5.5],
    ['max([1, 2.5, data.age])', 20],
    ['min([1, 2.5])', 1],
    ['round(1.005, 2)', 1.01],
    ['round(2.5)', 3],
    ['string(data.age)', '20'],
    ["int('42')", 42],
    ['double(3)', 3],
    ['uint(7)', 7],
  ])('%s', (source, value) => {
    expect(evaluate(source)).toBe(value)
  })

  it('never lets a BigInt out, however deep', () => {
    const result = evaluate("{'a': [1, size(data.tags)], 'b': {'c': 3}, 'd': data.age}")
    expect(result).toEqual({ a: [1, 2], b: { c: 3 }, d: 20 })
    expect(() => JSON.stringify(result)).not.toThrow()
  })

  it.each(['9007199254740993', '[9007199254740993]', '-9007199254740993', '1.0 / 0.0', '0.0 / 0.0'])(
    '%s is rejected: JSON cannot hold it exactly',
    source => {
      expect(failure(() => evaluate(source))).toMatchObject({ kind: 'rejected', code: 'EXPRESSION_FAILED' })
    },
  )
})

describe('absent and empty', () => {
  it('an absent field is rejected with its path and the expression', () => {
    const error = failure(() => evaluate("data.company.name + '!'"))
    expect(error).toMatchObject({ kind: 'rejected', code: 'MISSING_FIELD', details: { path: 'data.company' } })
    expect(error.message).toContain("data.company.name + '!'")
    expect(error.message).toContain('data.?company')
  })

  it.each([
    ['data.cleared.x', 'data.cleared.x'],
    ['data.tags[5]', 'data.tags[5]'],
    ['data.items.map(i, i.cost)', 'i.cost'],
    ["data['phone']", "data['phone']"],
  ])('%s', (source, path) => {
    expect(failure(() => evaluate(source))).toMatchObject({ code: 'MISSING_FIELD', details: { path } })
  })

  it('an optional read gives undefined, null stays null', () => {
    expect(evaluate('data.?phone')).toBeUndefined()
    expect(evaluate('data.?cleared')).toBeNull()
    expect(evaluate('data.cleared')).toBeNull()
    expect(evaluate('data.?address.?zip')).toBeUndefined()
    expect(evaluate("data.?phone.orValue('none')")).toBe('none')
    expect(evaluate("default(data.?phone, 'none')")).toBe('none')
    expect(evaluate("default(data.cleared, 'none')")).toBe('none')
    expect(evaluate('has(data.phone)')).toBe(false)
  })

  it('an empty optional leaves its entry and its element out', () => {
    expect(evaluate("{'phone': data.?phone, 'list': [data.?phone, 'x']}")).toEqual({ list: ['x'] })
  })

  it('the result of a step that did not run is null', () => {
    expect(evaluate('company.?id')).toBeUndefined()
    expect(evaluate('company == null')).toBe(true)
    expect(failure(() => evaluate('company.id'))).toMatchObject({ code: 'MISSING_FIELD' })
  })
})

describe('functions', () => {
  it.each([
    ['data.email.trim().lowerAscii()', 'ada@example.com'],
    ["'ada lovelace'.capitalize()", 'Ada lovelace'],
    ["''.capitalize()", ''],
    ["'Ångström & Söhne!'.slug()", 'angstrom-sohne'],
    ["'Иван Петров'.slug()", 'иван-петров'],
    ["'a-b-c'.replace('-', '+')", 'a+b+c'],
    ["'a,b'.split(',')", ['a', 'b']],
    ["data.tags.join('/')", 'a/b'],
    ["'Ada King Lovelace'.split(' ').slice(1).join(' ')", 'King Lovelace'],
    ["'Ada'.split(' ').slice(1).join(' ')", ''],
    ['data.tags.slice(0, 1)', ['a']],
    ['data.tags.slice(-1)', ['b']],
    ["isFreeMail('Ada@GMail.com')", true],
    ["isFreeMail('yahoo.co.uk')", true],
    ["isFreeMail('ada@example.com')", false],
    ["'ada@example.com'.matches('^[^@]+@[^@]+$')", true],
    ["string(timestamp(event.time) + duration('36h'))", '2026-11-25T21:30:00.000Z'],
    ['timestamp(event.time)', '2026-11-24T09:30:00.000Z'],
    ['formatDate(timestamp(event.time))', '2026-11-24'],
    ["formatDate(timestamp('2026-11-24T23:30:00Z'), 'Europe/Vienna')", '2026-11-25'],
    ["date('2026-11-24') < timestamp(event.time)", true],
    ['timestamp(data.age)', '1970-01-01T00:00:20.000Z'],
    ["timestamp('2026-11-24T09:30:00Z') - timestamp('2026-11-24T09:00:00Z')", '1800s'],
    ["bytes('hi')", 'aGk='],
  ])('%s', (source, value) => {
    expect(evaluate(source)).toEqual(value)
  })

  it.each([
    ["money('1234.50', 'EUR')", 1_234_500_000],
    ["money('-0.000001', 'EUR')", -1],
    ["money('19.99', 'EUR')", 19_990_000],
    ["money('.', 'EUR')", undefined],
    ['money(data.amount, "EUR")', 12_500_000],
    ["money(1.1e3, 'EUR')", 1_100_000_000],
    ["money('1e-7', 'EUR')", undefined],
    ["money('1,234.50', 'EUR')", undefined],
    ["money('9007199255', 'EUR')", undefined],
    ["money('1e999', 'EUR')", undefined],
    ["money('5', 'eur')", undefined],
  ])('%s', (source, amountMicros) => {
    if (amountMicros === undefined) {
      expect(failure(() => evaluate(source)).code).toBe('EXPRESSION_FAILED')
    } else expect(evaluate(source)).toEqual({ amountMicros, currencyCode: 'EUR' })
  })

  it('money keeps every cent that binary arithmetic would lose', () => {
    const money = compileExpression("money(data.amount, 'EUR').amountMicros")
    for (let cents = 0; cents < 20_000; cents++) {
      expect(money.evaluate({ data: { amount: cents / 100 } })).toBe(cents * 10_000)
    }
  })
})

describe('found when it is compiled', () => {
  const names = ['event', 'data', 'company']

  it.each([
    ['dta.email', 0, 'there is no "dta" here', 'data'],
    ["compny.id == 'x'", 0, 'there is no "compny" here', 'company'],
    ['data.items.all(i, j.price > 1)', 18, 'there is no "j" here', undefined],
    ['event.tpye', 6, 'an event has no "tpye"', 'event.type'],
    ['event.email', 6, 'an event has no "email"', "the record's own fields are in data: data.email"],
    ['data.email.trm()', 11, 'there is no function "trm"', 'trim()'],
    ['data.email.toLowerCase()', 11, 'there is no function "toLowerCase"', 'lowerAscii()'],
    ['data.items.length() > 0', 11, 'there is no function "length"', 'size()'],
    ['trim(data.email)', 0, 'trim() is not called like this', 'value.trim()'],
    ["1 + 'a'", 0, '+ does not work between a whole number and text', 'string(…) makes text'],
    ["'a' > 1", 0, '> does not work between text and a whole number', undefined],
    ["'a'.trim(1)", 0, 'trim(int) does not work on text', 'string.trim(): string'],
    ['data.age >', 10, 'the expression ends where a value is expected after `>`', undefined],
    ["data.email.matches('(')", 19, 'error parsing regexp: missing closing ): `(`', undefined],
    ['data.x.__proto__', 0, '"__proto__" can never be read', undefined],
  ])('%s', (source, offset, message, suggestion) => {
    expect(defect(source, { names })).toMatchObject({ offset, message, ...(suggestion && { suggestion }) })
  })

  it('a component may see other names than a step does', () => {
    const own = ['data', 'headers']
    expect(compileExpression("headers['x-id']", { names: own }).names).toEqual(['headers'])
    expect(defect('event.id', { names: own }).message).toBe('there is no "event" here')
  })

  it('what the result must be', () => {
    expect(defect('data.age + 1 == 2 ? 1 : 2', { result: 'boolean' }).message).toContain('a whole number')
    expect(defect('data.?vip', { result: 'boolean' }).suggestion).toContain('orValue')
    expect(defect("['a']", { result: 'string' }).message).toContain('a list')
    expect(defect("'a'", { result: 'list' }).message).toContain('text')
    for (const source of ['data.vip', 'data.age > 1', 'data.?vip.orValue(false)'])
      expect(() => compileExpression(source, { result: 'boolean' })).not.toThrow()
  })

  it('what only the data tells is checked when it is evaluated', () => {
    expect(failure(() => evaluate('data.age', { result: 'boolean' })).code).toBe('EXPRESSION_FAILED')
    expect(failure(() => evaluate('data.cleared', { result: 'string' })).code).toBe('EXPRESSION_FAILED')
    expect(failure(() => evaluate('data.address', { result: 'list' })).code).toBe('EXPRESSION_FAILED')
    expect(evaluate('data.age', { result: 'string' })).toBe('20')
    expect(evaluate('data.tags', { result: 'list' })).toEqual(['a', 'b'])
  })

  it('the names that it reads, without those that it makes itself', () => {
    const { names: read } = compileExpression(
      "data.items.exists(i, i.price > lowest) && cel.bind(x, event.id, x + company.id) != '' && has(person.id)",
    )
    expect([...read].sort()).toEqual(['company', 'data', 'event', 'lowest', 'person'])
  })
})

it('other failures name the expression', () => {
  for (const source of ["data.age + 'x'", 'data.cleared.trim()', '1 / 0', "int('x')", "timestamp('yesterday')"]) {
    const error = failure(() => evaluate(source))
    expect(error).toMatchObject({ kind: 'rejected', code: 'EXPRESSION_FAILED' })
    expect(error.message).toContain(source)
  }
})

it('never changes the data', () => {
  const before = structuredClone(scope)
  evaluate("data.tags + ['c']")
  evaluate("data.items.map(i, {'price': i.price * 2})")
  expect(scope).toEqual(before)
})

describe('isFreeMail', () => {
  it('takes the domains of its own config beside those that it knows, whichever others are in the process', () => {
    const source = 'data.domains.map(d, isFreeMail(d))'
    const asked = { data: { domains: ['me@Mailbox.example', 'me@student.example', 'gmail.com', 'acme.com'] } }
    const one = new Expressions({ freeMail: ['mailbox.EXAMPLE'] })
    const other = new Expressions({ freeMail: ['student.example'] })
    const all = [one.compile(source), other.compileTree([source]), compileExpression(source), one.compileTree([source])]
    expect(all.map(({ evaluate }) => [evaluate(asked)].flat(2))).toEqual([
      [true, false, true, false],
      [false, true, true, false],
      [false, false, true, false],
      [true, false, true, false],
    ])
  })
})
