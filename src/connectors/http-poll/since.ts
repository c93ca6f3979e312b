import { instantOf, isoOf } from '../../clients/rest/times.ts'
import { SyncError } from '../../errors.ts'

/** A mark up to which an API was read, as the API writes it. */
export type SinceValue = string | number

/** undefined for what cannot be one. */
export function sinceValue(value: unknown): SinceValue | undefined {
  if (value instanceof Date) return value.toISOString()
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined
  return typeof value === 'string' && value !== '' && value.length <= 4096 ? value : undefined
}

/**
 * The later of two marks: times by the moment, numbers and texts of digits by size, other texts by their characters.
 * The mark is kept as it was written: an API that counts microseconds gets them back.
 */
export function later(left: SinceValue | undefined, right: SinceValue): SinceValue {
  if (left === undefined) return right
  return compared(left, right) >= 0 ? left : right
}

function compared(left: SinceValue, right: SinceValue): number {
  if (isTime(left) && isTime(right)) {
    const apart = instantOf(left)! - instantOf(right)!
    // Within one millisecond only the same way of writing can be compared.
    return apart === 0 && left.length === right.length ? order(left, right) : apart
  }
  if (isDigits(left) && isDigits(right)) return order(BigInt(left), BigInt(right))
  if (isNumeric(left) && isNumeric(right)) return Number(left) - Number(right)
  return order(String(left), String(right))
}

function order<T extends string | bigint>(left: T, right: T): number {
  return left < right ? -1 : left > right ? 1 : 0
}

/** A date, with or without a time of day, as ISO 8601 and databases write it. */
export function isTime(value: SinceValue): value is string {
  return typeof value === 'string' && /^\d{4}-\d{2}-\d{2}([T ].*)?$/.test(value) && instantOf(value) !== undefined
}

function isDigits(value: SinceValue): boolean {
  return typeof value === 'string' ? /^\d+$/.test(value) : Number.isSafeInteger(value) && value >= 0
}

function isNumeric(value: SinceValue): boolean {
  return typeof value === 'number' || /^-?\d+(\.\d+)?$/.test(value)
}

/** The moment so long before, written in the same way. @throws SyncError rejected `BAD_SINCE` for what is no time. */
export function earlierBy(value: SinceValue, ms: number, where: string): SinceValue {
  if (ms === 0) return value
  if (isTime(value)) return isoOf(instantOf(value)! - ms)
  if (isNumeric(value)) {
    const count = Number(value)
    const moved = Math.abs(count) < 1e11 ? count - ms / 1000 : count - ms
    return typeof value === 'number' ? moved : String(moved)
  }
  const message = `${where}.since: "${String(value).slice(0, 100)}" is no time, so \`overlap\` has no meaning: leave it out`
  throw new SyncError('rejected', 'BAD_SINCE', message)
}
