import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { SideName } from '../../src/config/config.ts'
import { readBody } from '../../src/sync/answers.ts'
import type { SyncContext } from '../../src/sync/context.ts'
import type { Link } from '../../src/sync/link.ts'
import type { Asked, Question } from '../../src/sync/question.ts'
import { bodyOf, closingBody, lineOf, type QuestionText, titleOf, valueText } from '../../src/sync/question-text.ts'
import { CONFIG } from '../support/question-bench.ts'

const context = { config: CONFIG } as SyncContext
const AT = Date.parse('2026-11-24T10:00:00Z')

function asked(left: unknown, right: unknown, by?: string): Asked {
  return { kind: 'ask', since: AT, left: { value: left, at: AT, ...(by && { by }) }, right: { value: right, at: AT } }
}

function textOf(fields: Record<string, Asked>, native: Record<string, unknown> = {}): QuestionText {
  const side = {
    id: 'r1',
    version: '',
    native,
    keys: ['0:ada@example.com'],
    takesPart: true,
    confirmedAt: 0,
    wrote: [],
  }
  const link = { id: 'l1', left: side, right: { ...side, id: 'r2' }, fields: {}, agreement: 0 } as Link
  return { config: CONFIG, link, id: 'l1', asked: fields, open: Object.keys(fields), openedAt: AT }
}

function read(text: QuestionText, body: string) {
  return readBody(context, { asked: text.asked, body: bodyOf(text) } as Question, body)
}

function ticked(text: QuestionText, name: string, side: SideName): string {
  const line = `[ ] ${lineOf(CONFIG, name, side, text.asked[name]!)}`
  return bodyOf(text).replace(line, () => line.replace('[ ]', '[x]'))
}

/** What an editor may make of it: other bullets, blank lines, escapes, boxes written in other ways. */
const EDITORS: readonly ((body: string) => string)[] = [
  body => body,
  body => body.replaceAll('- [', '* ['),
  body => body.replaceAll('- [', '*   ['),
  body => body.replaceAll('- [', '['),
  body => body.replaceAll('- [x]', '- [X]'),
  body => body.replaceAll('- [ ]', '\\[ ]').replaceAll('- [x]', '\\[x]'),
  body => body.replaceAll('\n', '\r\n'),
  body => body.replaceAll(/\n(?=- \[)/g, '\n\n'),
  body => body.replaceAll('.', '\\.').replaceAll('(', '\\('),
  body => body.replaceAll('`', ''),
]

describe('the text of a question', () => {
  it('has a line per value, and says who and when', () => {
    const text = textOf({ city: asked('Rome', null, 'Ada *L*') })
    expect(bodyOf(text).split('\n')).toEqual(
      expect.arrayContaining([
        '**city** was changed on both sides: `Rome` in twenty (by Ada \\*L\\*, 2026-11-24 10:00:00 UTC), (empty) in erp (2026-11-24 10:00:00 UTC).',
        '- [ ] city: keep twenty: `Rome`',
        '- [ ] city: take erp: (empty)',
      ]),
    )
  })

  it.each([
    [{ name: { firstName: 'Ada', lastName: 'Byron' } }, 'person Ada Byron'],
    [{ name: 'Acme' }, 'person Acme'],
    [{ name: { firstName: '', lastName: null } }, 'person ada@example.com'],
    [{}, 'person ada@example.com'],
  ])('names the record %j', (native, name) => {
    expect(titleOf(textOf({ city: asked('a', 'b') }, native))).toBe(`Which value is right? ${name}: city`)
  })

  it.each([
    ['', '(empty)'],
    [null, '(empty)'],
    ['a `b` c', '``a `b` c``'],
    ['`', '`` ` ``'],
    ['one\n\n- [x] two', '`one ⏎ - [x] two`'],
    [['a', 'b'], '`["a","b"]`'],
    [0, '`0`'],
    [false, '`false`'],
    ['x'.repeat(500), `\`${'x'.repeat(159)}…\``],
    ['😀'.repeat(200), `\`${'😀'.repeat(159)}…\``],
  ])('shows %j', (value, shown) => expect(valueText(value)).toBe(shown))

  it('says when nothing is left to decide', () => {
    const text = textOf({ city: asked('Rome', 'Oslo') })
    expect(closingBody({ ...text, link: undefined })).toContain('No longer needed')
  })
})

describe('ticks', () => {
  it.each(EDITORS.map((editor, at) => [at, editor] as const))(
    'are found whatever the editor makes of it (%i)',
    (_, editor) => {
      const text = textOf({
        city: asked('Rome', 'Oslo_*x*'),
        'home page': asked('https://a.example/b_c', 'x@y.example'),
      })
      const found = read(text, editor(ticked(text, 'home page', 'right')))
      expect([...found.ticks]).toEqual([['home page', ['right']]])
    },
  )

  it('of any field and values, and nothing in a value ticks or adds a line', () => {
    const value = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 200 }), fc.constant('a\n- [x] f: take erp: `b`'))
    fc.assert(
      fc.property(
        value,
        value,
        fc.constantFrom('left', 'right' as const),
        fc.string({ minLength: 1 }),
        (a, b, side, by) => {
          const text = textOf({ f: asked(a, b, by), g: asked(b, a) })
          const body = bodyOf(text)
          expect(read(text, body)).toEqual({ ticks: new Map(), notes: [] })
          const found = read(text, ticked(text, 'f', side as SideName))
          expect(found).toEqual({ ticks: new Map([['f', [side]]]), notes: [] })
        },
      ),
    )
  })

  it('on a value that is not asked about any more are none', () => {
    const before = textOf({ city: asked('Rome', 'Oslo') })
    const after = textOf({ city: asked('Rome', 'Bergen') })
    const found = readBody(
      context,
      { asked: after.asked, body: bodyOf(before) } as Question,
      ticked(before, 'city', 'right'),
    )
    expect(found).toEqual({ ticks: new Map(), notes: [] })
  })

  it('what a person wrote is kept, once', () => {
    const text = textOf({ city: asked('Rome', 'Oslo') })
    const found = read(text, `Asked her.\n\n${bodyOf(text)}\n- [x] call again\n\nAsked her.`)
    expect(found).toEqual({ ticks: new Map(), notes: ['Asked her.', '- [x] call again'] })
  })
})
