import { evaluate as evaluateOutside } from '@marcbachmann/cel-js'
import { describe, expect, it } from 'vitest'
import { SyncError } from '../../src/errors.ts'
import { compileExpression } from '../../src/expressions/compile.ts'

/** Milliseconds that anything here may take on a busy machine; unbounded, these take minutes or for ever. */
const BOUND_MS = 5000

function outcome(source: string, data: Record<string, unknown> = {}): unknown {
  const started = performance.now()
  try {
    return compileExpression(source, { names: ['event', 'data'] }).evaluate({ event: {}, data })
  } catch (error) {
    expect(error).toBeInstanceOf(SyncError)
    return (error as SyncError).code
  } finally {
    expect(performance.now() - started).toBeLessThan(BOUND_MS)
  }
}

const numbers = Array.from({ length: 50_000 }, (_, at) => at)
const objects = () => numbers.map(x => ({ x }))
const large = { list: numbers, text: 'a'.repeat(1_000_000), a: objects(), b: objects() }

describe('work without bound is stopped', () => {
  const doubling = (first: string) =>
    `${Array.from({ length: 40 }, (_, at) => `cel.bind(x${at + 1}, ${at === 0 ? first : `x${at}`} + ${at === 0 ? first : `x${at}`}, `).join('')}x40${')'.repeat(40)}`

  it.each([
    'data.list.map(a, data.list.map(b, data.list.map(c, a + b + c)))',
    'data.list.all(a, data.list.all(b, data.list.all(c, true)))',
    'data.list.all(a, data.list.exists(b, 1 / 0 == 3))',
    'data.list.all(a, data.a == data.b)',
    'data.list.all(a, data.a in [data.b])',
    'data.list.map(a, data.text)',
    'data.list.map(a, data.text.upperAscii())',
    "data.list.map(a, data.text).join(',')",
    "data.text.replace('a', data.text)",
    "data.list.all(a, data.text.matches('(a+)+$'))",
    "data.list.all(a, timestamp(a).getHours('Asia/Tokyo') >= 0)",
    "data.text.substring(0, 500000).contains(data.text.substring(0, 250) + 'b' + data.text.substring(0, 2500)) && false || data.list.all(a, data.text.contains(data.text.substring(0, 300) + 'b'))",
    doubling("'ab'"),
    doubling('[1]'),
  ])('%s', source => {
    expect(outcome(source, large)).toBe('EXPRESSION_FAILED')
  })

  it('and work of a usual size is not', () => {
    const items = Array.from({ length: 1000 }, (_, at) => ({ price: at, name: `item ${at}` }))
    expect(outcome("data.items.filter(i, i.price > 10 && i.name.matches('^item')).size()", { items })).toBe(989)
    expect(outcome('data.items.all(i, i in data.items)', { items: items.slice(0, 100) })).toBe(true)
    expect(outcome("data.text.contains('x')", { text: 'a'.repeat(5_000_000) })).toBe(false)
  })
})

describe('sources without bound are refused', () => {
  it.each([
    ['(', 5000],
    ['[', 5000],
    ['-', 9000],
    ['!', 9000],
    ['1+', 4999],
    ['data.a.', 1400],
    ['a?b:', 2400],
    ["'x'+", 2400],
  ])('%s times %i', (part, times) => {
    expect(outcome(part.repeat(times))).toBe('EXPRESSION_INVALID')
  })

  it('and so are long ones', () => {
    expect(outcome(`'${'x'.repeat(20_000)}'`)).toBe('EXPRESSION_INVALID')
  })
})

describe('regular expressions', () => {
  const cores = ['(a+)+', '(a|a)*', '(a|aa)+', '([a-zA-Z]+)*', '(a*)*', '(a?){20}a{20}', '(.*a){12}', '(a+){3}']
  const ends = ['$', 'b', 'b$', '\\\\d', '[^a]', '(x|y)$', '!']
  const patterns = cores.flatMap(core => ends.map(end => core + end))

  it(`${patterns.length} patterns that choke a backtracking engine end soon`, () => {
    expect(patterns.length).toBeGreaterThanOrEqual(50)
    const text = 'a'.repeat(50_000)
    for (const pattern of patterns) {
      const started = performance.now()
      compileExpression(`data.text.matches('${pattern}')`).evaluate({ data: { text } })
      expect(performance.now() - started, pattern).toBeLessThan(1000)
    }
  })

  it('patterns from the data are bound as well', () => {
    const pattern = '(a?){1000}a{1000}'
    expect(outcome('data.text.matches(data.pattern)', { text: 'a', pattern })).toBe('EXPRESSION_FAILED')
    expect(outcome('data.text.matches(data.pattern)', { text: 'a', pattern: '(' })).toBe('EXPRESSION_FAILED')
  })

  it('the replacement is ours alone: the library itself is as it was', () => {
    // A look-ahead is unknown to the engine used here.
    expect(evaluateOutside("'ab'.matches('a(?=b)')")).toBe(true)
    expect(outcome("'ab'.matches('a(?=b)')")).toBe('EXPRESSION_INVALID')
  })
})

describe('nothing outside its own data is reached', () => {
  const receivers = [
    'data',
    'event',
    'data.text',
    'data.list',
    'data.nested',
    '[]',
    '{}',
    "''",
    '1',
    '1.5',
    'true',
    'null',
    "b''",
    "timestamp('2026-01-01T00:00:00Z')",
    "duration('1s')",
    'optional',
    'optional.none()',
    'cel',
    'google',
    'int',
    'type(1)',
  ]
  const reaches = [
    '.__proto__',
    '.constructor',
    '.prototype',
    '.constructor.constructor',
    ".constructor('return process')()",
    '.__proto__.polluted',
    "['__proto__']",
    "['constructor']",
    "['con' + 'structor']",
    "['__pro' + 'to__']",
    '[data.key]',
    '.?__proto__',
    '.?constructor',
    "[?'constru' + 'ctor']",
    '.toString',
    '.hasOwnProperty',
    '.valueOf()',
    '.__defineGetter__',
    '.__lookupGetter__("x")',
    '.call(data)',
    '.length.constructor',
  ]
  const whole = [
    'process',
    'process.env',
    'globalThis',
    'require("fs")',
    "require('child_process').execSync('id')",
    "eval('1')",
    "Function('return 1')()",
    'this.constructor',
    'self',
    '$.constructor',
    '{{constructor.constructor("return process")()}}',
    '$spread(constructor)',
    '$eval("1")',
    "$function('x')",
    '(() => process)()',
    'function() { return process }',
    'data => data',
    'new Date()',
    '`${process}`',
    'import("fs")',
    'data["__proto__"]["polluted"] = 1',
    'data.x = 1',
    'data.list.push(1)',
    'constructor',
    '__proto__',
    'toString',
    'hasOwnProperty',
    'arguments.callee',
  ]
  const corpus = [...receivers.flatMap(receiver => reaches.map(reach => receiver + reach)), ...whole]

  it(`a corpus of ${corpus.length} escapes gets nothing`, () => {
    expect(corpus.length).toBeGreaterThan(200)
    const before = Object.getOwnPropertyNames(Object.prototype).sort()
    for (const key of ['__proto__', 'constructor', 'prototype']) {
      for (const source of corpus) {
        const result = outcome(source, { text: 'x', list: [1], nested: {}, key })
        // Undefined is an empty optional: the field is not there.
        expect([undefined, 'EXPRESSION_INVALID', 'EXPRESSION_FAILED', 'MISSING_FIELD'], source).toContain(result)
      }
    }
    expect(Object.getOwnPropertyNames(Object.prototype).sort()).toEqual(before)
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  })

  it('objects show their own properties only, also when foreign JSON brings such names', () => {
    const data = JSON.parse('{"__proto__": {"admin": true}, "key": "__proto__"}')
    expect(outcome('has(data.admin)', data)).toBe(false)
    expect(outcome('data[data.key]', data)).toBe('EXPRESSION_FAILED')
    const { copy } = outcome("{'copy': data}", data) as { copy: Record<string, unknown> }
    expect(copy).toEqual({ key: '__proto__' })
    // Copied key by key, `__proto__` would have become the copy's prototype.
    expect(copy.admin).toBeUndefined()
    expect(outcome("{data.key: {'admin': true}}", data)).toEqual({})
  })

  it('a record with a field "constructor" is refused in words', () => {
    const compiled = compileExpression('data.car.name')
    const car = { name: 'F1', constructor: 'Ferrari' }
    expect(() => compiled.evaluate({ event: {}, data: { car } })).toThrow('a field named "constructor"')
  })

  it('a result with such keys pollutes nothing', () => {
    for (const key of ['__proto__', 'constructor', 'prototype']) {
      const result = outcome(`{'${key}': {'polluted': true}, data.key: {'polluted': true}}`, { key })
      expect(result).toEqual({})
      expect((result as Record<string, unknown>).polluted).toBeUndefined()
    }
  })
})
