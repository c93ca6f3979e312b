import { expect, it } from 'vitest'
import { pathOf, readsOf } from '../../src/expressions/reads.ts'

function pathsOf(source: string): string[] {
  return readsOf(source).reads.map(({ path }) => shown(path))
}

function mayLackOf(source: string): string[] {
  return readsOf(source).mayLack.map(shown)
}

function shown(path: readonly (string | null)[]): string {
  return path.map(name => name ?? '[]').join(' ')
}

it('tells each field on a way, with its place and how it is written', () => {
  const source = "'Call ' + data.name.firstName + string(data['count'])"
  expect(readsOf(source).reads).toEqual([
    { path: ['data', 'name', 'firstName'], text: 'data.name.firstName', before: 'data.name', offset: 20 },
    { path: ['data', 'name'], text: 'data.name', before: 'data', offset: 15 },
    { path: ['data', 'count'], text: "data['count']", before: 'data', offset: 44 },
  ])
})

it('goes through lists, and ends at keys that only the data tells', () => {
  expect(pathsOf('people[0].emails.primaryEmail')).toEqual(['people [] emails primaryEmail', 'people [] emails'])
  expect(pathsOf('data[event.key].name')).toEqual(['data [] name', 'event key'])
})

it('takes calls, literals and choices for what nobody knows', () => {
  expect(pathsOf('data.text.trim().size')).toEqual(['data text'])
  expect(pathsOf('(data.a ? data.b : data.c).d')).toEqual(['data a', 'data b', 'data c'])
  expect(pathsOf("{'a': data.b}.a")).toEqual(['data b'])
  expect(pathsOf('data.?a.orValue({}).b')).toEqual([])
})

it('knows what names of loops and binds stand for, whatever they are called', () => {
  expect(pathsOf('people.map(p, p.name)')).toEqual(['people [] name'])
  expect(pathsOf('people.filter(p, p.old).map(p, p.name)')).toEqual(['people [] old'])
  expect(pathsOf('data.deals.exists(d, d.lines.all(l, l.price > d.least))')).toEqual([
    'data deals',
    'data deals [] lines',
    'data deals [] lines [] price',
    'data deals [] least',
  ])
  expect(pathsOf('cel.bind(data, data.emails, data.primaryEmail)')).toEqual(['data emails', 'data emails primaryEmail'])
  expect(pathsOf('[1].map(data, data.x)')).toEqual([])
  expect(pathsOf('data.x.map(data, data.y)')).toEqual(['data x', 'data x [] y'])
})

it('tells what may lack: optional, asked for, or one of all', () => {
  expect(pathsOf('data.?a.b')).toEqual([])
  expect(mayLackOf('data.?a.b')).toEqual(['data a b', 'data a'])
  expect(mayLackOf("data[?'a']")).toEqual(['data a'])
  expect(pathsOf('data.a.?b')).toEqual(['data a'])
  expect(mayLackOf('has(data.a.b)')).toEqual(['data a b'])
  expect(mayLackOf("'b' in data.a")).toEqual(['data a b'])
  expect(mayLackOf('event.key in data')).toEqual(['data *'])
  expect(mayLackOf("data.exists(key, key == 'a')")).toEqual(['data *'])
  expect(mayLackOf('cel.bind(a, data.?a, a.b)')).toEqual(['data a', 'data a b'])
  expect(mayLackOf('people.exists(p, has(p.name))')).toEqual(['people *', 'people [] name'])
})

it('gives the path of an expression that is nothing else', () => {
  expect(pathOf('data.items')).toEqual(['data', 'items'])
  expect(pathOf('people')).toEqual(['people'])
  expect(pathOf('data.items.filter(i, i.ok)')).toBeUndefined()
})
