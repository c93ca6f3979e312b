import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SyncError } from '../../src/errors.ts'
import type { ExpressionDefect } from '../../src/expressions/check.ts'
import { compileExpression } from '../../src/expressions/compile.ts'

/** `source` with a caret line under it, what is said, and what is suggested. */
function said(source: string): readonly unknown[] {
  try {
    compileExpression(source)
  } catch (thrown) {
    if (!(thrown instanceof SyncError)) throw thrown
    const { offset, expression, suggestion } = thrown.details as ExpressionDefect
    expect(expression).toBe(source)
    return [offset, thrown.message, ...(suggestion === undefined ? [] : [suggestion])]
  }
  return []
}

describe('an expression that does not parse', () => {
  it.each([
    ['data.email.trim(', 15, 'this `(` is not closed; `)` is missing', 'data.email.trim()'],
    ["data.name.split(' ')[0", 20, 'this `[` is not closed; `]` is missing', "data.name.split(' ')[0]"],
    ["{'a': [1, 2", 6, 'this `[` is not closed; `]` is missing', "{'a': [1, 2]}"],
    ['data.a\n  + (data.b\n  + 1', 11, 'this `(` is not closed; `)` is missing', 'data.a\n  + (data.b\n  + 1)'],
    ['data.email)', 10, 'this `)` closes nothing', 'data.email'],
    ['[1, 2)', 5, '`]` is expected here, and there is `)`', '[1, 2]'],
    ["data.a + ')' + (data.b", 15, 'this `(` is not closed; `)` is missing', "data.a + ')' + (data.b)"],
    ["data.a == 'x", 10, "the text that begins here has no closing '", "data.a == 'x'"],
    ["lower('abc)", 6, "the text that begins here has no closing '", "lower('abc')"],
    ["data.a = 'b'", 7, '`=` sets a value, and an expression only reads; equality is `==`', "data.a == 'b'"],
    ['data.a === 1', 7, '`===` is no operator here; equality is `==`', 'data.a == 1'],
    ['data.a <> 2', 7, '`<>` is no operator here; inequality is `!=`', 'data.a != 2'],
    ["data.a == 'x and y' and data.b", 20, '`and` is written `&&`', "data.a == 'x and y' && data.b"],
    ['not data.a or not data.b', 0, '`not` is written `!`', '!data.a || !data.b'],
    ['“text”', 0, 'text stands between straight quotes', "'text'"],
    ['data.age >', 10, 'the expression ends where a value is expected after `>`'],
    ['data.', 5, 'the expression ends where the name of a field is expected after `.`'],
    ['data..a', 5, 'the name of a field is expected here, and there is `.`'],
    ['data.a ? 1', 10, '`:` is expected, and after it the value for when the condition is false', 'data.a ? 1 : null'],
    ['if data.a then 1', 0, 'there is no `if` here; a choice is `condition ? value : other`'],
    ['data.a data.b', 7, 'an operator, like `+` or `==`, is expected here, and there is `data`'],
    ['1 +* 2', 3, 'a value is expected here, and there is `*`'],
    ['Welcome, Ada!', 7, 'an operator, like `+` or `==`, is expected here, and there is `,`', "'Welcome, Ada!'"],
    [
      "{{data.name}}, it's due",
      0,
      '`{{` and `}}` mark nothing here: all of it is an expression, and text stands in quotes',
      "data.name + ', it\\'s due'",
    ],
    [
      '{{ data.a }}',
      0,
      '`{{` and `}}` mark nothing here: all of it is an expression, and text stands in quotes',
      'data.a',
    ],
    ['  ', 0, 'there is no expression here'],
  ])('%s', (source, ...what) => {
    expect(said(source)).toEqual(what)
  })

  it('points into the expression, and suggests only what parses', () => {
    const part = fc.constantFrom(
      ...[
        'data',
        '.',
        'a',
        '(',
        ')',
        '[',
        ']',
        '{',
        '}',
        "'",
        '"',
        '=',
        '==',
        ' and ',
        'not ',
        ' ',
        '1',
        '+',
        '?',
        ':',
      ],
    )
    const source = fc.oneof(
      fc.string(),
      fc.array(part, { maxLength: 12 }).map(parts => parts.join('')),
    )
    fc.assert(
      fc.property(source, text => {
        const [offset, message, suggestion] = said(text)
        if (offset === undefined) return
        expect(offset).toBeGreaterThanOrEqual(0)
        expect(offset).toBeLessThanOrEqual(text.length)
        expect(message).not.toBe('')
        // Names and types may be wrong as well; the form is right.
        if (String(message).includes('is not closed'))
          expect(String(said(String(suggestion ?? '1'))[1])).not.toContain('closed')
      }),
    )
  })
})
