import get from 'lodash/get.js'
import set from 'lodash/set.js'
import type { SideName } from '../../../src/config/config.ts'
import type { Fields } from '../../../src/event.ts'

/** A value as a system keeps it: text, a list of texts, or nothing. */
export type Value = string | readonly string[] | null

export interface SimField {
  readonly name: string
  readonly left: string
  readonly right: string
  readonly list?: true
  /** A side that rewrites does it to this field. */
  readonly rewritten?: true
}

/** Two of the left side's fields share a composite. */
export const FIELDS: readonly SimField[] = [
  { name: 'email', left: 'email', right: 'mail', rewritten: true },
  { name: 'first', left: 'name.first', right: 'given' },
  { name: 'last', left: 'name.last', right: 'family' },
  { name: 'city', left: 'city', right: 'town', rewritten: true },
  { name: 'note', left: 'note', right: 'memo' },
  { name: 'tags', left: 'tags', right: 'labels', list: true },
]

export const KEY = FIELDS[0]!

export type Values = Record<string, Value>

export function fieldNamed(name: string): SimField {
  return FIELDS.find(field => field.name === name)!
}

export function topOf(path: string): string {
  return path.split('.')[0]!
}

export function toNative(side: SideName, values: Values): Fields {
  const data: Fields = {}
  for (const field of FIELDS) set(data, field[side], values[field.name] ?? null)
  return data
}

/** Values by path, or nested: only what is named. */
export function fromNative(side: SideName, data: Fields): Values {
  const values: Values = {}
  for (const field of FIELDS) {
    const value = (field[side] in data ? data[field[side]] : get(data, field[side])) as Value | undefined
    if (value !== undefined) values[field.name] = kept(value)
  }
  return values
}

export function kept(value: Value): Value {
  if (value === '' || value === null) return null
  if (typeof value === 'string') return value
  return value.length === 0 ? null : [...new Set(value)].sort()
}

export function same(a: Value | undefined, b: Value | undefined): boolean {
  return text(a) === text(b)
}

export function text(value: Value | undefined): string {
  const plain = kept(value ?? null)
  return typeof plain === 'string' ? plain : JSON.stringify(plain)
}
