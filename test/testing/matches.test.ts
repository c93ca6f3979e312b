import { describe, expect, it } from 'vitest'
import type { ListNode, Node } from '../../src/config/node.ts'
import { Problems } from '../../src/config/problems.ts'
import { readYaml } from '../../src/config/read-yaml.ts'
import { listMismatches } from '../../src/testing/match-list.ts'
import { mismatches } from '../../src/testing/matches.ts'

function nodeOf(yaml: string): Node {
  return readYaml({ file: 't.yaml', text: yaml }, {}, new Problems())[0]!
}

/** Paths of what differs. */
function wrong(yaml: string, found: unknown): string[] {
  return mismatches(nodeOf(yaml), found, []).map(({ path }) => path.join('.'))
}

describe('what a test says of a value', () => {
  const ada = { name: { firstName: 'Ada', lastName: 'Lovelace' }, tags: ['a', 'b'], age: 36, boss: null, city: '' }

  it.each([
    ['only the fields that are named', 'name: { firstName: Ada }'],
    ['nothing at all', '{}'],
    ['null for what is null', 'boss: null'],
    ['null for what is empty', 'city: null'],
    ['null for what is not there', 'phone: null'],
    ['a list item by item', 'tags: [a, b]'],
    ['a part of a text', 'name: { firstName: { $contains: d } }'],
    ['an item of a list', 'tags: { $contains: b }'],
    ['a pattern', 'name: { lastName: { $matches: "^L.*e$" } }'],
    ['that there is something', 'age: { $exists: true }'],
    ['that there is nothing', 'city: { $exists: false }'],
    ['how long a list is', 'tags: { $count: 2 }'],
  ])('%s', (_, yaml) => {
    expect(wrong(yaml, ada)).toEqual([])
  })

  it.each([
    ['another value', 'name: { firstName: Adam }', ['name.firstName']],
    ['a number is no text', 'age: "36"', ['age']],
    ['every difference', '{ age: 1, city: Paris, name: { lastName: King } }', ['age', 'city', 'name.lastName']],
    ['a list that is longer', 'tags: [a, b, c]', ['tags']],
    ['an item', 'tags: [a, c]', ['tags.1']],
    ['null where there is a value', 'age: null', ['age']],
    ['a map where there is none', 'boss: { name: Eve }', ['boss']],
    ['a text without it', 'name: { firstName: { $contains: x } }', ['name.firstName.$contains']],
    ['a word that does not exist', 'age: { $above: 3 }', ['age.$above']],
  ])('tells %s', (_, yaml, paths) => {
    expect(wrong(yaml, ada)).toEqual(paths)
  })

  it('takes times as moments, and one without a fraction for its whole second', () => {
    expect(wrong('at: 2026-01-05T10:00:00+01:00', { at: '2026-01-05T09:00:00.250Z' })).toEqual([])
    expect(wrong('at: 2026-01-05T09:00:00.250Z', { at: '2026-01-05T09:00:00.251Z' })).toEqual(['at'])
    expect(wrong('at: 2026-01-05T09:00:01Z', { at: '2026-01-05T09:00:00.999Z' })).toEqual(['at'])
  })

  it('takes one text for a list of one', () => {
    expect(wrong('to: a@example.com', { to: ['a@example.com'] })).toEqual([])
    expect(wrong('to: a@example.com', { to: ['a@example.com', 'b@example.com'] })).toEqual(['to'])
  })
})

describe('a list of what there is', () => {
  const said = (yaml: string, found: unknown[]) =>
    listMismatches(nodeOf(yaml) as ListNode, found, [], 'person').map(
      ({ path, message, expected, found: is }) => `${path.join('.')} ${message ?? `${expected} != ${is}`}`,
    )

  it('holds in any order, each once', () => {
    expect(said('[{ n: 2 }, { n: 1 }]', [{ n: 1 }, { n: 2 }])).toEqual([])
    expect(said('[{ n: 1 }, { n: 1 }]', [{ n: 1 }, { n: 2 }])).toEqual(['1.n 1 != 2'])
  })

  it('shows a difference to what is nearest', () => {
    expect(said('[{ a: 1, b: 2 }]', [{ a: 1, b: 3 }])).toEqual(['0.b 2 != 3'])
    expect(
      said('[{ a: 1, b: 2 }, { a: 5, b: 5 }]', [
        { a: 5, b: 6 },
        { a: 1, b: 2 },
      ]),
    ).toEqual(['1.b 5 != 6'])
  })

  it('tells what is missing and what is too much', () => {
    expect(said('[{ n: 1 }]', [])).toEqual(['0 person: there is none like this'])
    expect(said('[{ n: 1 }]', [{ n: 1 }, { n: 2 }])).toEqual([' person: there is one more than the test says'])
  })
})
