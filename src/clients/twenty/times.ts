import type { Fields } from '../../event.ts'

/** Milliseconds of a time as Twenty writes it; undefined for anything else. */
export function instantOf(value: unknown): number | undefined {
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN
  return Number.isNaN(ms) ? undefined : ms
}

/** When the record came to be as it is: its last change, or its way into the trash when that is later. */
export function timeOf(record: Fields): string | undefined {
  const updated = instantOf(record.updatedAt)
  const deleted = instantOf(record.deletedAt)
  const last = deleted === undefined ? updated : Math.max(deleted, updated ?? deleted)
  return last === undefined ? undefined : new Date(last).toISOString()
}
