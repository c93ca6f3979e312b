import isPlainObject from 'lodash/isPlainObject.js'
import { RE2JS } from 're2js'
import type { ConfigPath } from '../config/config.ts'
import { type MapNode, type Node, type Place, plainOf } from '../config/node.ts'

/** Where something is not as a test says. */
export interface Mismatch {
  readonly place: Place
  readonly path: ConfigPath
  readonly message?: string
  readonly expected?: unknown
  readonly found?: unknown
}

type Matcher = (argument: Node, found: unknown, path: ConfigPath) => Mismatch[]

/** A map with one such key is no value but says something about one. */
const MATCHERS: Readonly<Record<string, Matcher>> = {
  $contains(argument, found, path) {
    if (typeof found === 'string') return found.includes(String(plainOf(argument))) ? [] : unlike(argument, found, path)
    const list = Array.isArray(found) ? found : []
    return list.some(each => mismatches(argument, each, path).length === 0) ? [] : unlike(argument, found, path)
  },
  $matches(argument, found, path) {
    const pattern = RE2JS.compile(String(plainOf(argument)))
    return typeof found === 'string' && pattern.matcher(found).find() ? [] : unlike(argument, found, path)
  },
  $exists(argument, found, path) {
    return isBlank(found) !== (plainOf(argument) === true) ? [] : unlike(argument, found, path)
  },
  $count(argument, found, path) {
    return Array.isArray(found) && found.length === plainOf(argument) ? [] : unlike(argument, found, path)
  },
}

/** What a test says of a value and is not so. Maps need only have what is named; lists are of equal length. */
export function mismatches(expected: Node, found: unknown, path: ConfigPath): Mismatch[] {
  if (expected.kind === 'map') {
    const matcher = matcherOf(expected)
    return matcher ? matcher(found, path) : mapMismatches(expected, found, path)
  }
  if (expected.kind === 'scalar') return sameScalar(expected.value, found) ? [] : unlike(expected, found, path)
  if (!Array.isArray(found) || found.length !== expected.items.length) return unlike(expected, found, path)
  return expected.items.flatMap((item, at) => mismatches(item, found[at], [...path, at]))
}

function matcherOf(expected: MapNode): ((found: unknown, path: ConfigPath) => Mismatch[]) | undefined {
  const [[name, argument] = ['', expected]] = expected.entries
  if (expected.entries.size !== 1 || !name.startsWith('$')) return undefined
  const matcher = Object.hasOwn(MATCHERS, name) ? MATCHERS[name]! : undefined
  if (matcher) return (found, path) => matcher(argument, found, [...path, name])
  const message = `there is no ${name}; there are ${Object.keys(MATCHERS).join(', ')}`
  return (_, path) => [{ place: argument.keyPlace ?? argument.place, path: [...path, name], message }]
}

function mapMismatches(expected: MapNode, found: unknown, path: ConfigPath): Mismatch[] {
  if (!isPlainObject(found)) return unlike(expected, found, path)
  const fields = found as Readonly<Record<string, unknown>>
  return [...expected.entries].flatMap(([key, value]) =>
    mismatches(value, Object.hasOwn(fields, key) ? fields[key] : undefined, [...path, key]),
  )
}

function unlike(expected: Node, found: unknown, path: ConfigPath): Mismatch[] {
  return [{ place: expected.place, path, expected: plainOf(expected), found }]
}

/** `null` is said of what is empty or not there; times are the same moment, however they are written. */
function sameScalar(expected: string | number | boolean | null, found: unknown): boolean {
  if (expected === null) return isBlank(found)
  if (expected === found) return true
  if (Array.isArray(found) && found.length === 1) return sameScalar(expected, found[0])
  return typeof expected === 'string' && typeof found === 'string' && sameMoment(expected, found)
}

const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/

/** What is written without a fraction means the whole second. */
function sameMoment(expected: string, found: string): boolean {
  const [, fraction] = MOMENT.exec(expected) ?? [undefined, 'none']
  if (!MOMENT.test(expected) || !MOMENT.test(found)) return false
  const [left, right] = [Date.parse(expected), Date.parse(found)]
  return fraction === undefined ? Math.floor(left / 1000) === Math.floor(right / 1000) : left === right
}

export function isBlank(value: unknown): boolean {
  return value === undefined || value === null || value === ''
}
