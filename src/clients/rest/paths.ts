import type { Fields } from '../../event.ts'

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The value at a dotted path; undefined where there is none. A key that holds dots itself is found too. */
export function valueAt(value: unknown, path: string): unknown {
  if (isFields(value) && Object.hasOwn(value, path)) return value[path]
  let inner = value
  for (const name of path.split('.')) {
    if (typeof inner !== 'object' || inner === null || !Object.hasOwn(inner, name)) return undefined
    inner = (inner as Fields)[name]
  }
  return inner
}

/** Null where a step on the way to the path is null: then the field is empty, not unknown. */
export function readAt(value: unknown, path: string): unknown {
  const found = valueAt(value, path)
  if (found !== undefined) return found
  const names = path.split('.')
  return names.slice(0, -1).some((_, at) => valueAt(value, names.slice(0, at + 1).join('.')) === null)
    ? null
    : undefined
}

/** A copy with the value at the path; maps on the way are copied, and made where there are none. */
export function withValue(record: Fields, path: string, value: unknown): Fields {
  const [name = '', ...rest] = path.split('.')
  if (rest.length === 0) return { ...record, [name]: value }
  const inner = record[name]
  return { ...record, [name]: withValue(isFields(inner) ? inner : {}, rest.join('.'), value) }
}

/** `name` of `name.first`. */
export function topLevel(path: string): string {
  const dot = path.indexOf('.')
  return dot < 0 ? path : path.slice(0, dot)
}
