import { Optional } from '@marcbachmann/cel-js'
import { Duration, UnsignedInt } from '@marcbachmann/cel-js/evaluator'
import { isDangerousKey } from '../json.ts'
import { spend } from './meter.ts'

/**
 * What CEL computed, as a JSON value: no BigInt, no undefined inside. An empty optional is undefined at the top and
 * leaves its map entry or list element out. Also for what `code` returns.
 * @throws Error for what JSON cannot hold exactly.
 */
export function jsonValue(value: unknown): unknown {
  switch (typeof value) {
    case 'string':
      spend(value.length / 16)
      return value
    case 'boolean':
    case 'undefined':
      return value
    case 'number':
      if (!Number.isFinite(value)) throw new Error(`the result ${value} is not a number that JSON can hold`)
      return value
    case 'bigint':
      return safeInteger(value)
    case 'object':
      return value === null ? null : jsonObject(value)
    default:
      throw new Error(`the result holds a ${typeof value}, which is not a JSON value`)
  }
}

function safeInteger(value: bigint): number {
  const number = Number(value)
  if (!Number.isSafeInteger(number)) throw new Error(`the result ${value} is too large to be kept exactly; use text`)
  return number
}

function jsonObject(value: object): unknown {
  if (Array.isArray(value)) return jsonList(value)
  const prototype = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) return jsonMap(Object.entries(value))
  if (value instanceof Map) return jsonMap(value.entries())
  if (value instanceof Optional) return value.hasValue() ? jsonValue(value.value()) : undefined
  if (value instanceof Date) return value.toISOString()
  if (value instanceof UnsignedInt) return safeInteger(value.valueOf())
  if (value instanceof Duration) return `${value.valueOf() / 1000}s`
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  throw new Error('the result is not a JSON value')
}

function jsonList(list: readonly unknown[]): unknown[] {
  spend(list.length)
  return list.map(jsonValue).filter(item => item !== undefined)
}

function jsonMap(entries: Iterable<[unknown, unknown]>): Record<string, unknown> {
  const map: Record<string, unknown> = {}
  for (const [key, inner] of entries) {
    spend(1)
    const name = String(key)
    const value = jsonValue(inner)
    if (value !== undefined && !isDangerousKey(name)) map[name] = value
  }
  return map
}
