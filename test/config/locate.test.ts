import { describe, expect, it } from 'vitest'
import { isMap, isScalar, parseDocument } from 'yaml'
import { locator } from '../../src/config/locate.ts'
import { linesOf, SYSTEM } from './support.ts'

/** The character of the file that the `X` of the value came from, with its line and column. */
function placeOfX(yaml: string): string {
  const { contents } = parseDocument(yaml)
  const node = isMap(contents) ? contents.items[0]!.value : undefined
  if (!isScalar(node) || typeof node.value !== 'string' || !node.range) throw new Error('no text')
  const offset = node.value.indexOf('X')
  const [start, end] = node.range
  const at = start + locator(yaml.slice(start, end), node)!(offset)
  const before = yaml.slice(0, at).split('\n')
  return `${yaml[at]} ${before.length}:${before.at(-1)!.length + 1}`
}

describe('the place of a character', () => {
  it.each([
    ['plain', 'a: one X\n', 'X 1:8'],
    ['plain, over lines', 'a: one\n  two\n\n  three X\n', 'X 4:9'],
    ['anchored', 'a: &b !!str one X\n', 'X 1:17'],
    ['in single quotes', "a: 'it''s ''X'''\n", 'X 1:13'],
    ['in single quotes, over lines', "a: 'it''s\n   so  X'\n", 'X 2:8'],
    ['in double quotes', 'a: "\\"one\\" \\\\ \\n \\t X"\n', 'X 1:22'],
    ['in double quotes, over lines', 'a: "one \\\n   two\n   X"\n', 'X 3:4'],
    ['after escapes of one and of two units', 'a: "\\x41\\u00e4\\U0001f600\\u0020X"\n', 'X 1:31'],
    ['after a letter of two units', 'a: "😀 X"\n', 'X 1:8'],
    ['in a block', 'a: |\n  one\n    two X\n', 'X 3:9'],
    ['in a block with a comment and an indentation of its own', 'a: |2- # why\n   one\n\n  X\n', 'X 4:3'],
    ['in a folded block', 'a: >-\n  one\n  two X\n\n  three\n', 'X 3:7'],
    ['in a folded block with deeper lines', 'a: >\n  one\n    two\n  X\n', 'X 4:3'],
    ['with line ends of Windows', 'a: >-\r\n  one\r\n  two X\r\n', 'X 3:7'],
  ])('%s', (_, yaml, place) => {
    expect(placeOfX(yaml)).toBe(place)
  })
})

it('an expression is pointed at where it stands, however it is written', async () => {
  const flow = (...written: string[]) =>
    `${SYSTEM}connectors:\n  f: { type: webhook, path: /f, verify: none }\nflows:\n  a:\n    from: f\n    steps:\n${written.join('\n')}\n`
  const message = 'expression: this `(` is not closed; `)` is missing'
  const at = async (...written: string[]) => (await linesOf(flow(...written))).map(line => line.split(' =>')[0])
  expect(await at('      - filter: >-', '          data.a', '          && (data.b')).toEqual([
    `c.yaml:11:14 flows.a.steps[0].filter ${message}`,
  ])
  expect(await at("      - filter: 'data.a == ''x'' && (data.b'")).toEqual([
    `c.yaml:9:37 flows.a.steps[0].filter ${message}`,
  ])
  expect(await at('      - filter: "data.a == \\"x\\" &&', '          (data.b"')).toEqual([
    `c.yaml:10:11 flows.a.steps[0].filter ${message}`,
  ])
  expect(await at('      - filter: |', '          data.a', '', '            && (data.b')).toEqual([
    `c.yaml:12:16 flows.a.steps[0].filter ${message}`,
  ])
})
